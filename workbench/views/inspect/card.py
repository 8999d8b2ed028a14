"""The individual that is looked at: what it is, where it came from, and ways to another."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.individuals import Individual
from workbench.search import Snapshot
from workbench.views.base.markup import escape
from workbench.views.base.view import View, style_sheet

ANCESTORS = 6
"""Buttons for ancestors; more are told in number."""

COUNTED = ("added", "removed", "pruned", "shared", "possible", "saved", "requested")
"""How names of counts in a mutation's record end."""


class IndividualCard(View):
    """Facts of the selected individual, with its lineage; buttons walk along the front, also without a mouse.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
    """

    def _build(self) -> None:
        self.previous = self._button("Smaller", "arrow-left", "wb-previous", "The next smaller network on the front")
        self.best = self._button("Most accurate", "star", "wb-best", "The most accurate network so far")
        self.next = self._button("Larger", "arrow-right", "wb-next", "The next larger network on the front")
        self.previous.on_click(lambda _: self._walk(-1))
        self.next.on_click(lambda _: self._walk(1))
        self.best.on_click(lambda _: self._choose(self._best))
        self._front: list[int] = []
        self._best: int | None = None
        self.facts = ipw.HTML()
        self.ancestors = [self._button("", "", "wb-ancestor", "Open this ancestor") for _ in range(ANCESTORS)]
        for button in self.ancestors:
            button.on_click(lambda clicked: self._choose(int(clicked.description.rpartition(" ")[2])))
        self.lineage = ipw.HBox(self.ancestors)
        self.lineage.add_class("wb-lineage")
        self.lineage_note = ipw.HTML()
        walk = ipw.HBox([self.previous, self.best, self.next])
        walk.add_class("wb-buttons")
        self.add_class("wb-card")
        self.add_class("wb-panel")
        title = ipw.HTML('<h3 class="wb-title">Network</h3>')
        self.children = (style_sheet(), title, walk, self.facts, self.lineage_note, self.lineage)
        self.selection.observe(self._look, "individual")
        self._look(None)

    def _button(self, text: str, icon: str, name: str, tooltip: str) -> ipw.Button:
        button = ipw.Button(description=text, icon=icon, tooltip=tooltip)
        button.add_class(name)
        return button

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
        for button in (self.previous, self.best, self.next):
            button.disabled = not self._front

    def _look(self, _: Any) -> None:
        id = self.selection.individual
        lineage: list[int] = []
        if id is None:
            self.facts.value = (
                '<p class="wb-quiet">Click a point of the front, or walk along it with these buttons.</p>'
            )
        else:
            try:
                run = self.source.run
                self.facts.value = card_html(run.individual(id), run.facts(id))
                lineage = [int(each) for each in run.lineage(id)["id"]][:-1]
            except WorkbenchError as error:
                self.facts.value = f'<div role="alert" class="wb-alert">{escape(error)}</div>'
        self._show_lineage(lineage)

    def _show_lineage(self, lineage: list[int]) -> None:
        shown = lineage[-ANCESTORS:]
        more = len(lineage) - len(shown)
        text = f"Ancestors, the parent last{f' ({more} earlier ones are not shown)' if more else ''}:" if shown else ""
        self.lineage_note.value = f'<p class="wb-quiet">{text}</p>'
        for number, button in enumerate(self.ancestors):
            known = number < len(shown)
            button.layout.display = None if known else "none"
            button.description = f"# {shown[number]}" if known else ""

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ValueError):  # it may be closed already
            self.selection.unobserve(self._look, "individual")
        super().close()


def card_html(individual: Individual, facts: Mapping[str, Any]) -> str:
    """What is known of an individual; all text in it is escaped."""
    rows: list[tuple[str, Any]] = [("generation", individual.generation)]
    if individual.parent is not None:
        rows.append(("parent", individual.parent))
    result, cost = individual.result, individual.cost
    if result is not None:
        rows.append(("validation accuracy", f"{result.val_accuracy:.2%}"))
        rows.append(("… before training", f"{result.initial_val_accuracy:.2%}"))
        rows.append(("epochs", result.epochs))
    if cost is not None:
        rows += [("FLOPs", f"{cost.flops:,}"), ("… with norm, bias, ReLU", f"{cost.flops_total:,}")]
        rows.append(("parameters", f"{cost.parameters:,}"))
    rows += [(name, value) for name, value in facts.items()]
    rows.append(("training took", f"{individual.wall_seconds:.1f} s"))
    cells = "".join(f"<span>{escape(name)}</span><b>{escape(_plain(value))}</b>" for name, value in rows)
    failed = f'<div class="wb-alert">failed: {escape(individual.failure)}</div>' if individual.failure else ""
    made = escape(mutation_in_words(individual.mutation) or "an initial individual")
    if individual.origin == "by hand" and not made.startswith("by hand"):
        made = f"by hand · {made}"
    return (
        f'<div class="wb-individual" data-individual="{individual.id}"><h4>Individual {individual.id}</h4>'
        f'<p>{made}</p>{failed}<div class="wb-card-facts">{cells}</div></div>'
    )


def mutation_in_words(record: Mapping[str, Any]) -> str:
    """A mutation's record as a sentence: "add edges: 120 edges added, 3 edges pruned"."""
    kind = str(record.get("kind", "")).replace("_", " ")
    parts = []
    for name, value in record.items():
        if name in ("kind", "edges_requested", "redraws", "impossible") or isinstance(value, Mapping) or not value:
            continue
        words = name.replace("_", " ")
        counts = isinstance(value, int) and not isinstance(value, bool) and words.endswith(COUNTED)
        parts.append(words if value is True else f"{value:,} {words}" if counts else f"{words} {_plain(value)}")
    return kind + (f": {', '.join(parts)}" if parts else "")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each) for each in value)
    return str(value)
