"""The individual that is looked at: what it is, where it came from, and ways to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.individuals import Individual
from workbench.search import Snapshot
from workbench.views.base.markup import alert, escape, quiet
from workbench.views.base.view import View, button, classed, style_sheet
from workbench.views.base.words import mutation_in_words, value_text

ANCESTORS = 6
"""Buttons for ancestors; more are told in number."""


class IndividualCard(View):
    """Facts of the selected individual, with its lineage; buttons walk along the front, also without a mouse.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
    """

    def _build(self) -> None:
        buttons = (
            ("Smaller", "wb-previous", "The next smaller network on the front", lambda: self._walk(-1), "arrow-left"),
            ("Most accurate", "wb-best", "The most accurate network so far", lambda: self._choose(self._best), "star"),
            ("Larger", "wb-next", "The next larger network on the front", lambda: self._walk(1), "arrow-right"),
        )
        self.previous, self.best, self.next = walk = [button(*each) for each in buttons]
        self._front: list[int] = []
        self._best: int | None = None
        self._shown: tuple[int, ...] = ()
        self.facts, self.lineage_note = ipw.HTML(), ipw.HTML()
        self.ancestors = [self._ancestor(place) for place in range(ANCESTORS)]
        lineage = classed(ipw.HBox(self.ancestors), "wb-lineage")
        classed(self, "wb-card", "wb-panel")
        title = ipw.HTML('<h3 class="wb-title">Network</h3>')
        row = classed(ipw.HBox(walk), "wb-buttons")
        self.children = (style_sheet(), title, row, self.facts, self.lineage_note, lineage)
        self._on_selection(self._look)
        self._look(None)

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

    def _look(self, _: Any) -> None:
        """Show the selected individual."""
        id = self.selection.individual
        html, ancestors = quiet("Click a point of the front, or walk along it with these buttons."), tuple[int, ...]()
        if id is not None:
            try:
                genome, ancestors = self.source.genome(id), self.source.ancestors(id)
                facts = {} if genome is None else self.source.space.describe(genome)
                html = card_html(self.source.individual(id), facts)
            except WorkbenchError as error:
                html, ancestors = alert(str(error)), ()
        self.facts.value = html
        self._shown = ancestors[-ANCESTORS:]
        more = len(ancestors) - len(self._shown)
        text = f"Ancestors, the parent last{f' ({more} earlier ones are not shown)' if more else ''}:"
        self.lineage_note.value = quiet(text if self._shown else "")
        for place, each in enumerate(self.ancestors):
            known = place < len(self._shown)
            each.layout.display = None if known else "none"
            each.description = f"# {self._shown[place]}" if known else ""


def card_html(individual: Individual, facts: Mapping[str, Any]) -> str:
    """What is known of an individual; all text in it is escaped."""
    rows: list[tuple[str, Any]] = [("generation", individual.generation)]
    if individual.parent is not None:
        rows.append(("parent", individual.parent))
    result, cost = individual.result, individual.cost
    if result is not None:
        rows.append(("validation accuracy", f"{result.val_accuracy:.2%}"))
        rows.append(("… before training", f"{result.initial_val_accuracy:.2%}"))
        rows.append(("epochs", len(result.history)))
    if cost is not None:
        rows += [("FLOPs", f"{cost.flops:,}"), ("… with norm, bias, ReLU", f"{cost.flops_total:,}")]
        rows.append(("parameters", f"{cost.parameters:,}"))
    rows += facts.items()
    rows.append(("training took", f"{individual.wall_seconds:.1f} s"))
    cells = "".join(f"<span>{escape(name)}</span><b>{escape(value_text(value))}</b>" for name, value in rows)
    failed = alert(f"failed: {individual.failure}") if individual.failure else ""
    made = escape(mutation_in_words(individual.mutation) or "an initial individual")
    if individual.origin == "by hand" and not made.startswith("by hand"):
        made = f"by hand · {made}"
    return (
        f'<div class="wb-individual" data-individual="{individual.id}"><h4>Individual {individual.id}</h4>'
        f'<p>{made}</p>{failed}<div class="wb-card-facts">{cells}</div></div>'
    )
