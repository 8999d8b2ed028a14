"""The head of the selected network: what it is, where it came from, and ways to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.formats import percent
from workbench.individuals import Individual
from workbench.search import Snapshot
from workbench.views.base.markup import alert, escape, quiet
from workbench.views.base.view import View, button, classed, style_sheet
from workbench.views.base.words import individual_in_words, made_by, mutation_in_words, size_of, value_text

ANCESTORS = 3
"""Buttons for ancestors, from the parent back; more are told in number."""


class NetworkHead(View):
    """Facts of the selected individual, with its lineage; buttons walk along the front, also without a mouse.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
    """

    def _build(self) -> None:
        selection = self.selection
        buttons = (
            ("Smaller", "wb-previous", "The next smaller network on the front", lambda: self._walk(-1), "arrow-left"),
            ("Most accurate", "wb-best", "The most accurate network so far", lambda: self._choose(self._best), "star"),
            ("Larger", "wb-next", "The next larger network on the front", lambda: self._walk(1), "arrow-right"),
        )
        self.previous, self.best, self.next = walk = [button(*each) for each in buttons]
        self._front: list[int] = []
        self._best: int | None = None
        self._shown: tuple[int, ...] = ()  # ancestors, the parent first
        self.pin = button("Pin", "wb-pin", "Compare other networks with this one", selection.toggle_pin, "thumb-tack")
        self.walk = classed(ipw.HBox([*walk, self.pin]), "wb-buttons")
        self.facts, self.more = ipw.HTML(), ipw.HTML()
        self.ancestors = [self._ancestor(place) for place in range(ANCESTORS)]
        self.line = classed(ipw.HBox([*self.ancestors, self.more]), "wb-lineage")
        classed(self, "wb-network-head")
        self.children = (style_sheet(), self.walk, self.facts, self.line)
        self._on_selection(self._look)
        self._on_selection(self._show_pin, "individual", "pinned")
        self._look(None)
        self._show_pin(None)

    def _ancestor(self, place: int) -> ipw.Button:
        return button("", "wb-ancestor", "Open this ancestor", lambda: self._choose(self._shown[place]))

    def _choose(self, id: int | None) -> None:
        if id is not None:
            self.selection.individual = id

    def _walk(self, step: int) -> None:
        """To the neighbour on the front; from elsewhere to its end."""
        if not self._front:
            return
        here, last = self.selection.individual, len(self._front) - 1
        elsewhere = 0 if step > 0 else last
        place = self._front.index(here) + step if here in self._front else elsewhere
        self._choose(self._front[min(max(place, 0), last)])

    def show(self, snapshot: Snapshot) -> None:
        """Learn the front."""
        self._front, self._best = [individual.id for individual in snapshot.archive], snapshot.best
        for each in (self.previous, self.best, self.next):
            each.disabled = not self._front

    def _show_pin(self, _: Any) -> None:
        pinned = self.selection.pinned
        self.pin.description = "Pin" if pinned is None else f"Unpin {pinned}"
        self.pin.disabled = pinned is None and self.selection.individual is None

    def _look(self, _: Any) -> None:
        """Show the selected individual."""
        id = self.selection.individual
        html, ancestors = quiet("Click a point of the front, or walk along it with these buttons."), tuple[int, ...]()
        if id is not None:
            try:
                genome, ancestors = self.source.genome(id), self.source.ancestors(id)
                facts = {} if genome is None else self.source.space.describe(genome)
                size_fact = getattr(self.source.space, "size_fact", "")
                html = head_html(self.source.individual(id), facts, self._parent_accuracy(ancestors), size_fact)
            except WorkbenchError as error:
                html, ancestors = alert(str(error)), ()
        self.facts.value = html
        self._shown = ancestors[::-1][:ANCESTORS]
        for place, each in enumerate(self.ancestors):
            known = place < len(self._shown)
            each.layout.display = None if known else "none"
            each.description = f"{'' if place else 'parent '}{self._shown[place]}" if known else ""
        more = len(ancestors) - len(self._shown)
        told = f"{more} earlier ancestors; the tab Lineage shows all"
        self.more.value = f'<span class="wb-quiet" title="{told}">+ {more}</span>' if more else ""

    def _parent_accuracy(self, ancestors: tuple[int, ...]) -> float | None:
        parent = self.source.individual(ancestors[-1]).result if ancestors else None
        return None if parent is None else parent.val_accuracy


def head_html(
    individual: Individual, facts: Mapping[str, Any], parent_accuracy: float | None = None, size_fact: str = ""
) -> str:
    """What is known of an individual: a line, and all facts to unfold; all text in it is escaped."""
    result, cost, kind = individual.result, individual.cost, individual.mutation.get("kind")
    told = individual_in_words(
        individual.id,
        generation=individual.generation,
        made=made_by(None if kind is None else str(kind), individual.origin),
        val_accuracy=None if result is None else result.val_accuracy,
        parent_accuracy=parent_accuracy,
        flops=None if cost is None else cost.flops,
        parameters=None if cost is None else cost.parameters,
        size=size_of(facts, size_fact),
        size_fact=size_fact,
    )
    rows: list[tuple[str, Any]] = [
        ("generation", individual.generation),
        ("mutation", mutation_in_words(individual.mutation) or "none: an initial individual"),
    ]
    if result is not None:
        rows.append(("validation accuracy", percent(result.val_accuracy)))
        rows.append(("… before training", percent(result.initial_val_accuracy)))
        rows.append(("epochs", len(result.history)))
    if cost is not None:
        rows += [("FLOPs", f"{cost.flops:,}"), ("… with norms, biases, activations", f"{cost.flops_total:,}")]
        rows.append(("parameters", f"{cost.parameters:,}"))
    rows += facts.items()
    rows.append(("training took", f"{individual.wall_seconds:.1f} s"))
    cells = "".join(f"<span>{escape(name)}</span><b>{escape(value_text(value))}</b>" for name, value in rows)
    failed = f" · failed: {individual.failure}" if individual.failure else ""
    name, generation, *texts = map(escape, told)
    return (
        f'<div class="wb-individual" data-individual="{individual.id}">'
        f'<div class="wb-told" title="{escape(" · ".join(told) + failed)}"><b>{name}</b>'
        f'<span class="wb-generation"> · {generation}</span> · {" · ".join(texts)}<em>{escape(failed)}</em></div>'
        f'<details class="wb-more"><summary>all facts</summary><div class="wb-card-facts">{cells}</div></details></div>'
    )
