"""The live Pareto front, with the hypervolume beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.errors import WorkbenchError
from workbench.search import Search, Snapshot
from workbench.search.history import IndividualSummary
from workbench.store import Run
from workbench.views.base.figures import log_axis
from workbench.views.base.markup import escape
from workbench.views.base.palette import INK
from workbench.views.base.plot import Plot
from workbench.views.base.selection import Selection
from workbench.views.base.source import Source
from workbench.views.base.view import View, style_sheet
from workbench.views.front.baselines import baselines_for
from workbench.views.front.figure import COLORINGS, Coloring, other_front
from workbench.views.front.hypervolume import HypervolumeInfo, hypervolume_traces
from workbench.views.front.live_figure import GROUPS, MAX_OTHERS, color_axis, front_figure
from workbench.views.run.changes import changes

BASELINES = len(GROUPS)
OVERLAYS = range(BASELINES + 1, BASELINES + 1 + MAX_OTHERS)
RING, CURVE, MARKS = range(OVERLAYS.stop, OVERLAYS.stop + 3)
"""Numbers of the figure's traces after those of `GROUPS`."""

MAX_MILESTONES = 1000
MAX_CHANGES = 200


class FrontView(View):
    """Accuracy against FLOPs of the front, the living and the dead; a click selects an individual.

    One figure, made once and changed in place. The dead are sent once a generation, and only the latest.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
        others: fronts of other runs to lay over it, by name; at most `MAX_OTHERS`.
    """

    interval = 1.0

    def __init__(
        self,
        watched: Search | Run | Source,
        selection: Selection | None = None,
        others: Mapping[str, Run] | None = None,
    ) -> None:
        self._ids: dict[str, tuple[int, ...]] = dict.fromkeys(GROUPS, ())
        self._groups: dict[str, list[IndividualSummary]] = {name: [] for name in GROUPS}
        self._drawn: dict[str, object] = {}
        self._generation = 0
        super().__init__(watched, selection)
        for name, run in (others or {}).items():
            self.compare(name, run)

    # ------------------------------------------------------------------ building
    def _build(self) -> None:
        self._baselines = baselines_for(self.source.dataset)
        self.color = ipw.Dropdown(options=COLORINGS, description="Colour tells", style={"description_width": "initial"})
        self.baselines = ipw.Checkbox(False, description="hand-made networks", indent=False)
        self.baselines.layout.display = None if self._baselines else "none"
        names = [path.name for path in self.source.siblings()]
        options = [("no other run", ""), *((name, name) for name in names)]
        self.other = ipw.Dropdown(
            options=options, value="", description="Compare with", style={"description_width": "initial"}
        )
        self.other.layout.display = None if names else "none"
        self.message = ipw.HTML()
        self.plot, self.figure = Plot(), front_figure(self._baselines)
        self.plot.show(self.figure, self._click)
        self.color.observe(lambda _: self._draw(), "value")
        self.baselines.observe(self._show_baselines, "value")
        self.other.observe(self._choose_other, "value")
        self.selection.observe(self._mark, "individual")
        bar = ipw.HBox([self.color, self.baselines, self.other])
        bar.add_class("wb-bar-of-controls")
        self.add_class("wb-front")
        self.children = (style_sheet(), bar, self.message, self.plot)

    # ------------------------------------------------------------------ what a person does
    def _click(self, trace: Any, place: tuple[int, ...]) -> None:
        for name, each in zip(GROUPS, self.figure.data, strict=False):
            if each is trace and place and place[0] < len(self._ids[name]):
                self.selection.individual = self._ids[name][place[0]]

    def _show_baselines(self, change: Any) -> None:
        self.plot.change(BASELINES, visible=bool(change.new))

    def _choose_other(self, change: Any) -> None:
        self.message.value = ""
        try:
            runs = {change.new: self.source.open_sibling(change.new)} if change.new else {}
            self._lay_over(runs)
        except WorkbenchError as error:
            self.message.value = f'<div role="alert" class="wb-alert">{escape(error)}</div>'

    def compare(self, name: str, run: Run) -> None:
        """Lay the front of another run over this one.

        Raises:
            WorkbenchError: if there are `MAX_OTHERS` already, or the run cannot be read.
        """
        for place, number in enumerate(OVERLAYS):
            if not self.figure.data[number].visible:
                self.plot.change(number, visible=True, **other_front(run.front(), name, place))
                return
        raise WorkbenchError(f"at most {MAX_OTHERS} other fronts can be shown, got one more: {name}")

    def _lay_over(self, runs: Mapping[str, Run]) -> None:
        with self.plot.hold_sync():
            for number in OVERLAYS:
                self.plot.change(number, visible=False)
            for name, run in runs.items():
                self.compare(name, run)

    # ------------------------------------------------------------------ showing
    def show(self, snapshot: Snapshot) -> None:
        """Show front, population, the dead, and hypervolume."""
        self._groups = sort_points(snapshot)
        self._generation = snapshot.generation
        self._draw(snapshot)

    def _draw(self, snapshot: Snapshot | None = None) -> None:
        coloring = Coloring(self.color.value, self.source.space.mutation_kinds, self._generation)
        with self.plot.hold_sync():
            for number, (name, points) in enumerate(self._groups.items()):
                if self._is_new(name, (_key(points), _color_key(coloring))):
                    self._draw_group(number, name, points, coloring)
            if self._is_new("colors", _color_key(coloring)):
                first, second = ([0, 0.56], [0.83, 1]) if coloring.is_shown else ([0, 0.61], [0.73, 1])
                axis = color_axis(coloring)
                self.plot.change_layout(coloraxis=axis, xaxis_domain=first, xaxis2_domain=second)
            self._fit_axes()
            if snapshot is not None:
                self._draw_history(snapshot)
            self._draw_ring()

    def _draw_group(self, number: int, name: str, points: list[IndividualSummary], coloring: Coloring) -> None:
        self._ids[name] = tuple(point.id for point in points)
        marker = coloring.marker(points, GROUPS[name]["marker"]["color"])
        outline = {"width": 0.8 if coloring.is_shown else 0, "color": INK}  # the legend has nothing else to show
        style: dict[str, Any] = {"marker": {**marker, "line": outline}}
        if name == "all-time front":  # with latency as an objective it may be no line
            rises = all(one.val_accuracy < other.val_accuracy for one, other in pairwise(points))
            style["mode"] = "lines+markers" if rises else "markers"
        self.plot.change(number, **_arrays(points), **style)

    def _fit_axes(self) -> None:
        """A frame that says what is to come while there is nothing; ticks that suit the span of FLOPs afterwards."""
        flops = [point.flops for points in self._groups.values() for point in points]
        axis = log_axis(flops)
        if self._is_new("axes", (bool(flops), axis["dtick"])):
            self.plot.change_layout(annotations=[{"visible": not flops}], xaxis_dtick=axis["dtick"])

    def _draw_history(self, snapshot: Snapshot) -> None:
        done = [(one.total, one.hypervolume) for one in snapshot.finished_generations]
        if snapshot.total and (not done or done[-1][0] != snapshot.total):
            done.append((snapshot.total, snapshot.hypervolume))
        every = 1 + len(done) // MAX_MILESTONES
        done = done[:-1][::every] + done[-1:]
        if self._is_new("history", (tuple(done[-2:]), len(done), len(snapshot.events))):
            words = changes(self.source.run.config, snapshot.events)[-MAX_CHANGES:]
            info = HypervolumeInfo([total for total, _ in done], [volume for _, volume in done], words)
            for number, values in zip((CURVE, MARKS), hypervolume_traces(info), strict=True):
                self.plot.change(number, x=np.asarray(values["x"]), y=np.asarray(values["y"]), text=values.get("text"))

    def _draw_ring(self) -> None:
        chosen = [
            point for points in self._groups.values() for point in points if point.id == self.selection.individual
        ]
        if self._is_new("ring", tuple(chosen[-1:])):
            x, y = [point.flops for point in chosen[-1:]], [point.val_accuracy for point in chosen[-1:]]
            self.plot.change(RING, x=x, y=y)

    def _mark(self, _: Any) -> None:
        self._draw_ring()

    def _is_new(self, name: str, key: object) -> bool:
        """Whether something differs from what was drawn last; then it counts as drawn."""
        if self._drawn.get(name) == key:
            return False
        self._drawn[name] = key
        return True

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ValueError):  # it may be closed already
            self.selection.unobserve(self._mark, "individual")
        super().close()


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


def _arrays(points: Sequence[IndividualSummary]) -> dict[str, np.ndarray]:
    """What `plots.fronts.point_arrays` makes of a table, as arrays, which plotly takes without looking at each item."""
    told = np.empty((len(points), 4), object)
    for row, point in enumerate(points):
        told[row] = point.id, point.generation, point.mutation or "initial", point.parameters
    flops = np.array([point.flops for point in points], float)
    return {"x": flops, "y": np.array([point.val_accuracy for point in points], float), "customdata": told}


def _key(points: Sequence[IndividualSummary]) -> object:
    """Differs if the points do: they come and go, but never change."""
    return len(points), hash(tuple(point.id for point in points))


def _color_key(coloring: Coloring) -> object:
    return coloring.by, coloring.generation if coloring.by in ("generation", "age") else None
