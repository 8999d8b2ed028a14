"""The live Pareto front, with the hypervolume beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.objectives import FLOPS
from workbench.search import Search, Snapshot
from workbench.search.history import IndividualSummary
from workbench.store import Run, open_run
from workbench.views.base.figures import log_axis
from workbench.views.base.markup import alert
from workbench.views.base.plot import Plot
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, bar, style_sheet
from workbench.views.front.data import COLORINGS, Coloring, HypervolumeInfo, baselines_for, cost_axis
from workbench.views.front.figure import (
    MAX_OTHERS,
    STYLES,
    group_trace,
    hypervolume_traces,
    live_color_axis,
    live_figure,
    other_trace,
)
from workbench.views.run.data import changes

BASELINES = len(STYLES)
OVERLAYS = range(BASELINES + 1, BASELINES + 1 + MAX_OTHERS)
RING, CURVE, MARKS = range(OVERLAYS.stop, OVERLAYS.stop + 3)
"""Numbers of the figure's traces after those of `STYLES`."""

MAX_GENERATIONS = 1000
MAX_CHANGES = 200


class FrontView(View):
    """Accuracy against cost of the front, the living and the dead; a click selects an individual.

    One figure, made once and changed in place: a trace is sent only if its points have changed.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
        others: fronts of other runs to lay over it, by name; at most `MAX_OTHERS`.

    Attributes:
        points: the individuals drawn, by the group they are drawn in.
        objectives: of the run; the horizontal axis is the first cost.
    """

    interval = 1.0

    def __init__(
        self,
        watched: Search | Run | Source,
        selection: Selection | None = None,
        others: Mapping[str, Run] | None = None,
    ) -> None:
        self.points: dict[str, list[IndividualSummary]] = {name: [] for name in STYLES}
        self._drawn: dict[str, object] = {}
        self._generation = 0
        super().__init__(watched, selection)
        for name, run in (others or {}).items():
            self.compare(name, run)

    def _build(self) -> None:
        self.objectives = self.source.run.objectives
        self._cost = cost_axis(self.objectives)
        known = baselines_for(self.source.dataset) if self._cost is FLOPS else ()
        here = self.source.path
        names = sorted(path.name for path in here.parent.glob("*.sqlite") if path.name != here.name)
        style = {"description_width": "initial"}
        self.color = ipw.Dropdown(options=COLORINGS, description="Colour tells", style=style)
        self.baselines = ipw.Checkbox(False, description="hand-made networks", indent=False)
        self.baselines.layout.display = None if known else "none"
        options = [("no other run", ""), *((name, name) for name in names)]
        self.other = ipw.Dropdown(options=options, value="", description="Compare with", style=style)
        self.other.layout.display = None if names else "none"
        self.message = ipw.HTML()
        self.plot, self.figure = Plot(fill=True), live_figure(known, self.objectives)
        self.plot.show(self.figure, self._click)
        self.color.observe(lambda _: self._draw(), "value")
        self.baselines.observe(lambda change: self.plot.change(BASELINES, visible=bool(change.new)), "value")
        self.other.observe(self._choose_other, "value")
        self._on_selection(lambda _: self._draw_ring())
        self.add_class("wb-front")
        self.children = (style_sheet(), bar(self.color, self.baselines, self.other), self.message, self.plot)

    # ------------------------------------------------------------------ what a person does
    def _click(self, trace: Any, place: tuple[int, ...]) -> None:
        for points, each in zip(self.points.values(), self.figure.data, strict=False):
            if each is trace and place and place[0] < len(points):
                self.selection.individual = points[place[0]].id

    def _choose_other(self, change: Any) -> None:
        self.message.value = ""
        try:
            run = open_run(self.source.path.with_name(change.new)) if change.new else None
            with self.plot.hold_sync():
                for number in OVERLAYS:
                    self.plot.change(number, visible=False)
                if run is not None:
                    self.compare(change.new, run)
        except WorkbenchError as error:
            self.message.value = alert(str(error))

    def compare(self, name: str, run: Run) -> None:
        """Lay the front of another run over this one.

        Raises:
            WorkbenchError: if there are `MAX_OTHERS` already, or the run cannot be read.
        """
        for place, number in enumerate(OVERLAYS):
            if not self.figure.data[number].visible:
                self.plot.change(number, visible=True, **other_trace(run.front(), name, place, self._cost))
                return
        raise WorkbenchError(f"at most {MAX_OTHERS} other fronts can be shown, got one more: {name}")

    # ------------------------------------------------------------------ showing
    def show(self, snapshot: Snapshot) -> None:
        """Show front, population, the dead, and hypervolume."""
        self.points = sort_points(snapshot)
        self._generation = snapshot.generation
        self._draw(snapshot)

    def _draw(self, snapshot: Snapshot | None = None) -> None:
        coloring = Coloring(self.color.value, self.source.space.mutation_kinds, self._generation)
        colors = coloring.by, coloring.generation if coloring.by in ("generation", "age") else None
        with self.plot.hold_sync():
            for number, (name, points) in enumerate(self.points.items()):
                # points come and go, but never change
                if self._is_new(name, (hash(tuple(point.id for point in points)), len(points), colors)):
                    self.plot.change(number, **group_trace(name, points, coloring, self.objectives))
            if self._is_new("colors", colors):
                self.plot.change_layout(**live_color_axis(coloring))
            costs = [self._cost.of(point) for points in self.points.values() for point in points]
            ticks = log_axis(costs)["dtick"]
            if self._is_new("axes", (bool(costs), ticks)):  # the hint goes once there is something to show
                self.plot.change_layout(annotations=[{"visible": not costs}], xaxis_dtick=ticks)
            if snapshot is not None:
                self._draw_history(snapshot)
            self._draw_ring()

    def _draw_history(self, snapshot: Snapshot) -> None:
        done = [(one.total, one.hypervolume) for one in snapshot.finished_generations]
        if snapshot.total and (not done or done[-1][0] != snapshot.total):
            done.append((snapshot.total, snapshot.hypervolume))
        every = 1 + len(done) // MAX_GENERATIONS
        done = done[:-1][::every] + done[-1:]
        if self._is_new("history", (tuple(done[-2:]), len(done), len(snapshot.events))):
            made = changes(self.source.run.config, snapshot.events, self.source.space)[-MAX_CHANGES:]
            info = HypervolumeInfo([total for total, _ in done], [volume for _, volume in done], made)
            for number, trace in zip((CURVE, MARKS), hypervolume_traces(info), strict=True):
                self.plot.change(number, **trace)

    def _draw_ring(self) -> None:
        id = self.selection.individual
        chosen = [point for points in self.points.values() for point in points if point.id == id][-1:]
        if self._is_new("ring", tuple(chosen)):
            x, y = [getattr(point, self._cost.column) for point in chosen], [point.val_accuracy for point in chosen]
            self.plot.change(RING, x=x, y=y)

    def _is_new(self, name: str, key: object) -> bool:
        """Whether something differs from what was drawn last; then it counts as drawn."""
        if self._drawn.get(name) == key:
            return False
        self._drawn[name] = key
        return True


def sort_points(snapshot: Snapshot) -> dict[str, list[IndividualSummary]]:
    """Points by the group they are drawn in; each individual is in one group only."""
    front = [IndividualSummary.of(individual) for individual in snapshot.archive]
    seen = {point.id for point in front}
    groups: dict[str, list[IndividualSummary]] = {}
    for name, individuals in (("alive", snapshot.population), ("new", snapshot.current)):
        groups[name] = [IndividualSummary.of(one) for one in individuals if one.ok and one.id not in seen]
        seen.update(point.id for point in groups[name])
    dead = [point for point in snapshot.recent if point.id not in seen]
    return {"dead": dead, **groups, "all-time front": front}
