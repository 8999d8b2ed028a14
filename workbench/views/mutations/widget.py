"""What each mutation did so far, and with which probability it is drawn."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.evolution import ADAPTATIONS
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.markup import escape
from workbench.views.base.palette import mutation_color
from workbench.views.base.plot import Plot
from workbench.views.base.selection import Selection
from workbench.views.base.source import Source
from workbench.views.base.view import View, style_sheet
from workbench.views.mutations.data import mutation_effects
from workbench.views.mutations.figure import effects_figure

NOTE = (
    "Diamonds are medians with the distribution-free 95 % interval between order statistics, or shares with Wilson’s "
    "95 % interval. A line is alive while a child or any of its descendants is. Click a point to open its network."
)


class MutationStatistics(View):
    """Effects of the mutations of a search or run, drawn anew when asked for; the probabilities follow live.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
    """

    interval = 1.0

    def __init__(self, watched: Search | Run | Source, selection: Selection | None = None) -> None:
        self._drawn: object = None
        self._newest = 0
        super().__init__(watched, selection)

    def _build(self) -> None:
        self.button = ipw.Button(description="Refresh", icon="refresh", tooltip="Count in what was finished since")
        self.button.add_class("wb-refresh")
        self.button.on_click(lambda _: self.refresh())
        options = [("what was asked for", None), *((f"what pays ({rule})", rule) for rule in ADAPTATIONS)]
        self.adapt = ipw.Dropdown(options=options, description="Rates follow", style={"description_width": "initial"})
        self.adapt.add_class("wb-adapt")
        self.adapt.observe(self._adapt, "value")
        self.note, self.message, self.probabilities = ipw.HTML(), ipw.HTML(), ipw.HTML()
        self.plot = Plot()
        bar = ipw.HBox([self.adapt, self.button, self.note])
        bar.add_class("wb-bar-of-controls")
        self.add_class("wb-mutations")
        explained = ipw.HTML(f'<p class="wb-quiet">{NOTE}</p>')
        self.children = (style_sheet(), bar, self.message, self.probabilities, self.plot, explained)
        self.refresh()

    def wake(self, awake: bool) -> None:
        """Count in what was finished while nobody looked."""
        if awake and self._newest != self._drawn:
            self.refresh()

    def refresh(self) -> None:
        """Draw anew from the run file."""
        try:
            info = mutation_effects(self.source.run)
        except WorkbenchError as error:
            self.message.value = f'<div role="alert" class="wb-alert">{escape(error)}</div>'
            return
        self.message.value = (
            "" if len(info.table) else '<p class="wb-quiet" role="status">No child of a mutation yet.</p>'
        )
        self._drawn = len(self.source.run.generations)
        self.plot.show(effects_figure(info), self._click)
        self._say()

    def _click(self, trace: Any, point: tuple[int, ...]) -> None:
        if trace.type == "box" and point[0] < len(trace.customdata):
            self.selection.individual = int(trace.customdata[point[0]])

    def _adapt(self, change: Any) -> None:
        if self.source.search is None or change.new == self.source.settings.config.adapt:
            return
        try:
            self.source.search.update(adapt=change.new)
        except WorkbenchError as error:
            self.message.value = f'<div role="alert" class="wb-alert">Not changed: {escape(error)}</div>'

    def show(self, snapshot: Snapshot) -> None:
        """Show the probabilities that hold now, and whether there is something new to draw."""
        self._newest = len(snapshot.finished_generations)
        self.adapt.disabled = self.source.search is None or snapshot.state in ("finished", "failed")
        self.adapt.value = self.source.settings.config.adapt
        self._say()
        if self.source.search is not None:
            asked = self.source.space.rates_values(self.source.settings.rates)
            self.probabilities.value = probabilities_html(self.source.search.probabilities, asked)

    def _say(self) -> None:
        behind = self._newest - self._drawn if isinstance(self._drawn, int) else 0
        text = f"{behind} generation{'s' if behind > 1 else ''} finished since it was drawn" if behind > 0 else ""
        self.note.value = f'<span class="wb-quiet" role="status">{text}</span>'


def probabilities_html(held: dict[str, float], asked: dict[str, Any]) -> str:
    """Probabilities for the next child, beside what a person asked for."""
    total = sum(float(asked.get(kind, 0.0)) for kind in held) or 1.0
    kinds = list(held)
    entries = []
    for kind, probability in held.items():
        wanted = float(asked.get(kind, 0.0)) / total
        more = f" (asked {wanted:.0%})" if abs(wanted - probability) >= 0.005 else ""
        color = mutation_color(kind, kinds)
        name = escape(kind.replace("_", " "))
        entries.append(f'<span><i style="background:{color}"></i>{name} {probability:.0%}{more}</span>')
    bars = "".join(
        f'<i style="width:{probability:.1%};background:{mutation_color(kind, kinds)}"></i>'
        for kind, probability in held.items()
    )
    return (
        '<p class="wb-quiet">Probability of the next child’s mutation</p>'
        f'<div class="wb-shares">{bars}</div><div class="wb-legend">{"".join(entries)}</div>'
    )
