"""What each mutation did so far, and with which probability it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.evolution import ADAPTATIONS
from workbench.formats import in_words
from workbench.search import Search, Snapshot
from workbench.settings import to_values
from workbench.store import Run
from workbench.views.base.markup import alert, legend, quiet, share_bar
from workbench.views.base.palette import mutation_color
from workbench.views.base.plot import Plot
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, bar, button, style_sheet
from workbench.views.mutations.data import mutation_effects
from workbench.views.mutations.figure import effects_figure

NOTE = (
    "Diamonds are medians with the distribution-free 95 % interval between order statistics, or shares with Wilson’s "
    "95 % interval. A line is alive while a child or any of its descendants is. Click a point to open its network."
)


class MutationStatistics(View):
    """Effects of the mutations of a search or run, redrawn on request; the probabilities are live.

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
        self.button = button("Refresh", "wb-refresh", "Include what has finished since", self.refresh, "refresh")
        options = [("what was asked for", None), *((f"what pays ({rule})", rule) for rule in ADAPTATIONS)]
        self.adapt = ipw.Dropdown(options=options, description="Rates follow", style={"description_width": "initial"})
        self.adapt.add_class("wb-adapt")
        self.adapt.observe(self._adapt, "value")
        self.note, self.message, self.probabilities = ipw.HTML(), ipw.HTML(), ipw.HTML()
        self.plot = Plot()
        self.add_class("wb-mutations")
        explained, head = ipw.HTML(f'<p class="wb-quiet">{NOTE}</p>'), bar(self.adapt, self.button, self.note)
        self.children = (style_sheet(), head, self.message, self.probabilities, self.plot, explained)
        self.refresh()

    def wake(self, awake: bool) -> None:
        """Redraw on return if generations have finished since."""
        if awake and self._newest != self._drawn:
            self.refresh()

    def refresh(self) -> None:
        """Redraw from the run file."""
        try:
            info = mutation_effects(self.source.run)
        except WorkbenchError as error:
            self.message.value = alert(str(error))
            return
        self.message.value = quiet("" if len(info.table) else "No child of a mutation yet.")
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
            self.message.value = alert(f"Not changed: {error}")

    def show(self, snapshot: Snapshot) -> None:
        """Show the probabilities that hold now, and whether there is something new to draw."""
        self._newest = len(snapshot.finished_generations)
        self.adapt.disabled = self.source.search is None or snapshot.state in ("finished", "failed")
        self.adapt.value = self.source.settings.config.adapt
        self._say()
        if self.source.search is not None:
            asked = to_values(self.source.settings.rates)
            self.probabilities.value = probabilities_html(self.source.search.probabilities, asked)

    def _say(self) -> None:
        behind = self._newest - self._drawn if isinstance(self._drawn, int) else 0
        text = f"{behind} generation{'s' if behind > 1 else ''} finished since it was drawn" if behind > 0 else ""
        self.note.value = quiet(text)


def probabilities_html(held: Mapping[str, float], asked: Mapping[str, Any]) -> str:
    """Probabilities for the next child, beside what a person asked for."""
    total = sum(float(asked.get(kind, 0.0)) for kind in held) or 1.0
    colors = {kind: mutation_color(kind, list(held)) for kind in held}
    names = {}
    for kind, probability in held.items():
        wanted = float(asked.get(kind, 0.0)) / total
        more = f" (asked {wanted:.0%})" if abs(wanted - probability) >= 0.005 else ""
        names[f"{in_words(kind)} {probability:.0%}{more}"] = colors[kind]
    title = "Probability of the next child’s mutation"
    shares = share_bar(((probability, colors[kind]) for kind, probability in held.items()), title)
    return f'<p class="wb-quiet">{title}</p>{shares}{legend(names)}'
