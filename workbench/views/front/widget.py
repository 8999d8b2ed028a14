"""The live Pareto front, and its generations as a strip that goes back in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.errors import WorkbenchError
from workbench.objectives import FLOPS, LATENCY
from workbench.search import Search, Snapshot
from workbench.store import Run, open_run
from workbench.views.base.markup import alert
from workbench.views.base.plot import Plot
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, bar, classed, style_sheet
from workbench.views.front.data import (
    COLORINGS,
    SIZE,
    X_AXES,
    Y_AXES,
    Coloring,
    Group,
    accuracy_range,
    baselines_for,
    born_in,
    cost_axis,
    front_group,
    relatives,
    x_axis_of,
)
from workbench.views.front.figure import MAX_OTHERS, live_color_axis, live_figure, live_layout
from workbench.views.front.timeline import Timeline
from workbench.views.front.traces import (
    LAST_ARROWS,
    SELECTED_ARROWS,
    STYLES,
    Drawing,
    arrow_trace,
    baseline_trace,
    group_trace,
    other_trace,
)
from workbench.views.individuals.data import individuals_of
from workbench.views.run.data import changes

BORN, FIRST = 0, 1
BASELINES = FIRST + len(STYLES)
OVERLAYS = range(BASELINES + 1, BASELINES + 1 + MAX_OTHERS)
RELATIVES, RING = range(OVERLAYS.stop, OVERLAYS.stop + 2)
"""Numbers of the figure's traces: arrows of the latest generation, those of `STYLES`, …"""

MAX_DEAD = 2000
"""Of those that are neither alive nor on the front, drawn; the latest. Pages draw no more quickly enough."""


class FrontView(View):
    """Accuracy against cost of the front, the living and the dead; a click selects an individual.

    One figure, made once and changed in place: a trace is sent only if its points have changed.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
        others: fronts of other runs to lay over it, by name; at most `MAX_OTHERS`.

    Attributes:
        known: all individuals of the run.
        places: rows of `known` that are drawn, by the group they are drawn in.
        timeline: chooses the generation that is shown, or now.
        x, y, color, everything: controls of what is drawn.
    """

    interval = 1.0

    def __init__(
        self,
        watched: Search | Run | Source,
        selection: Selection | None = None,
        others: Mapping[str, Run] | None = None,
    ) -> None:
        self.places: dict[str, np.ndarray] = {name: np.zeros(0, np.int64) for name in STYLES}
        self._drawn: dict[str, object] = {}
        self._snapshot: Snapshot | None = None
        self._laid: dict[str, Group] = {}  # fronts of other runs
        self._n_dead = 0
        super().__init__(watched, selection)
        for name, run in (others or {}).items():
            self.compare(name, run)

    def _build(self) -> None:
        self.known = individuals_of(self.source)
        self.message, self.timeline = ipw.HTML(), Timeline()
        self.plot, self.figure = Plot(fill=True), live_figure()
        self.plot.show(self.figure, self._click)
        controls = self._main_controls(), self._more_controls()
        for control in (self.x, self.y, self.color, self.everything, self.arrows, self.baselines):
            control.observe(lambda _: self._draw(), "value")
        self.other.observe(self._choose_other, "value")
        self.timeline.observe(lambda _: self._draw(), "value")
        self._on_selection(lambda _: self._draw_selected())
        self.add_class("wb-front")
        styles = style_sheet(), style_sheet("front/front.css")
        self.children = (*styles, *controls, self.message, classed(self.plot, "wb-fill"), self.timeline)

    def _main_controls(self) -> ipw.HBox:
        objectives = self.source.run.objectives
        size_fact = self.known.size_fact
        missing = {one.name for one, known in ((LATENCY, LATENCY in objectives), (SIZE, size_fact)) if not known}
        known = [one for one in X_AXES.values() if one.name not in missing]
        short = {"flops": "FLOPs", "latency": "latency", "size": size_fact}
        costs = [(short.get(one.name, one.name), one.name) for one in known]
        errors = [("accuracy" if y == "accuracy" else "error (log)", y) for y in Y_AXES]
        self.y = ipw.Dropdown(options=errors, tooltip="What the vertical axis shows")
        self.x = ipw.Dropdown(options=costs, value=cost_axis(objectives).name, tooltip="What the horizontal axis shows")
        colors = [(short.get(name, name), name) for name in COLORINGS if name not in missing]
        self.color = ipw.Dropdown(options=colors, tooltip="What the colour of a point tells")
        self.everything = ipw.ToggleButton(False, description="All", tooltip="Show also what lies far below the front")
        self.more = ipw.ToggleButton(False, icon="ellipsis-h", tooltip="Arrows, hand-made networks, other runs")
        self.more.observe(self._show_more, "value")
        against, colour = (ipw.HTML(f'<span class="wb-quiet">{word}</span>') for word in ("against", "colour"))
        controls = (self.y, against, self.x, colour, self.color, self.everything, self.more)
        return classed(bar(*controls), "wb-front-controls")

    def _more_controls(self) -> ipw.HBox:
        here = self.source.path
        names = sorted(path.name for path in here.parent.glob("*.sqlite") if path.name != here.name)
        self.arrows = ipw.Checkbox(False, description="arrows from parents to the latest children", indent=False)
        self.baselines = ipw.Checkbox(False, description="hand-made networks", indent=False)
        self.baselines.layout.display = None if baselines_for(self.source.dataset) else "none"
        options = [("no other run", ""), *((name, name) for name in names)]
        self.other = ipw.Dropdown(options=options, value="", tooltip="Lay the front of another run over this one")
        self.other.layout.display = None if names else "none"
        self._fold = classed(bar(self.arrows, self.baselines, self.other), "wb-front-more")
        self._fold.layout.display = "none"
        return self._fold

    # ------------------------------------------------------------------ what a person does
    def _show_more(self, change: Any) -> None:
        self._fold.layout.display = None if change.new else "none"

    def _click(self, trace: Any, place: tuple[int, ...]) -> None:
        for places, each in zip(self.places.values(), self.figure.data[FIRST:], strict=False):
            if each is trace and place and place[0] < len(places):
                self.selection.individual = int(each.customdata[place[0]])

    def _choose_other(self, change: Any) -> None:
        self.message.value = ""
        self._laid = {}
        try:
            if change.new:
                self.compare(change.new, open_run(self.source.path.with_name(change.new)))
        except WorkbenchError as error:
            self.message.value = alert(str(error))
        self._draw()

    def compare(self, name: str, run: Run) -> None:
        """Lay the front of another run over this one.

        Raises:
            WorkbenchError: if there are `MAX_OTHERS` already, or the run cannot be read.
        """
        if len(self._laid) == MAX_OTHERS:
            raise WorkbenchError(f"at most {MAX_OTHERS} other fronts can be shown, got one more: {name}")
        self._laid[name] = front_group(run)
        self._draw()

    # ------------------------------------------------------------------ showing
    def show(self, snapshot: Snapshot) -> None:
        """Show front, population, the dead, and hypervolume."""
        self._snapshot = snapshot
        self.known.follow(self.source, snapshot)
        self._draw()
        key = snapshot.finished_generations[-1:], len(snapshot.finished_generations), snapshot.total
        if self._is_new("timeline", (*key, len(snapshot.events))):
            self.timeline.show(snapshot, changes(self.source.run.config, snapshot.events, self.source.space))

    @property
    def generation(self) -> int | None:
        """That which is shown; None for now."""
        return self.timeline.value if 0 <= self.timeline.value < self.known.generations else None

    def _drawing(self) -> Drawing:
        newest = self.generation
        if newest is None:
            newest = self._snapshot.generation if self._snapshot is not None else 0
        known = self.known
        coloring = Coloring(self.color.value, tuple(known.kinds), newest, known.size_fact)
        return Drawing(x_axis_of(self.x.value, known.size_fact), self.y.value, coloring)

    def _find_places(self) -> dict[str, np.ndarray]:
        snapshot = self._snapshot
        if self.generation is not None:
            places = self.known.groups_at(self.generation)
        elif snapshot is None:
            return self.places
        else:
            groups = (snapshot.population, snapshot.current, snapshot.archive)
            places = self.known.groups_now(*([one.id for one in each] for each in groups))
        self._n_dead = len(places["dead"])
        return {**places, "dead": places["dead"][-MAX_DEAD:]}

    def _draw(self) -> None:
        self.places, drawing = self._find_places(), self._drawing()
        look = (drawing.x.name, drawing.y, drawing.coloring.by, self._scale(drawing.coloring))
        with self.plot.hold_sync():
            for number, (name, places) in enumerate(self.places.items(), FIRST):
                if self._is_new(name, (look, places.tobytes())):  # points come and go, but never change
                    trace = group_trace(name, Group(self.known.rows[places], self.known.told(places)), drawing)
                    if name == "dead" and self._n_dead > MAX_DEAD:
                        trace["name"] = f"dead, latest {MAX_DEAD:,}"
                    self.plot.change(number, **trace)
            self._draw_axes(drawing, look)
            self._draw_overlays(drawing)
            self._draw_selected()
            self.timeline.shown = self.timeline.value

    def _scale(self, coloring: Coloring) -> object:
        """What the colours depend on besides the points."""
        return coloring.generation if coloring.by in ("generation", "age") else coloring.kinds

    def _draw_axes(self, drawing: Drawing, look: tuple[Any, ...]) -> None:
        rows = [self.known.rows[places] for places in self.places.values()]
        values = np.concatenate([drawing.across(each) for each in rows])
        values = values[~np.isnan(values)]
        span = (float(values.min()), float(values.max())) if len(values) else ()
        shown = list(rows[-1]["val_accuracy"])
        if self.generation is not None:  # axes of a replay stand still
            known = self.known.rows
            stays = (known["front_from"] == 0) | (known["front_until"] == self.known.generations - 1)
            shown = list(known["val_accuracy"][stays & (known["front_from"] >= 0)])
        if self.baselines.value and drawing.x is FLOPS:
            shown += [one.accuracy for one in baselines_for(self.source.dataset)]
        reach = accuracy_range(shown, drawing.y, everything=self.everything.value)
        layout = live_layout(drawing, span, reach)
        if self._is_new("axes", repr(layout)):
            chosen = f"{drawing.x.name} {drawing.y} {self.everything.value} {self.generation is None}"
            self.plot.change_layout(**layout, uirevision=chosen)
        if self._is_new("colors", (look[2:], rows[-1]["size"].max(initial=0))):
            self.plot.change_layout(**live_color_axis(drawing.coloring, rows))

    def _draw_overlays(self, drawing: Drawing) -> None:
        """Arrows of the latest generation, hand-made networks, other fronts."""
        on = (drawing.x.name, drawing.y)
        latest = self.generation
        if latest is None:
            latest = int(self.known.rows["generation"].max(initial=0))
        pairs = born_in(self.known, latest) if self.arrows.value else np.zeros((0, 2), np.int64)
        if self._is_new("arrows", (on, pairs.tobytes())):
            ends = self.known.rows[pairs]
            self.plot.change(BORN, **arrow_trace(ends[:, 0], ends[:, 1], drawing, **LAST_ARROWS))
        visible = self.baselines.value and drawing.x is FLOPS
        if self._is_new("baselines", (on, visible)):
            self.plot.change(BASELINES, **baseline_trace(baselines_for(self.source.dataset), drawing), visible=visible)
        if not self._is_new("others", (on, tuple(self._laid))):
            return
        laid = list(self._laid.items())
        for place, number in enumerate(OVERLAYS):
            trace: dict[str, Any] = {"visible": False}
            if place < len(laid):
                try:
                    trace = {**other_trace(laid[place][1], laid[place][0], place, drawing), "visible": True}
                except WorkbenchError as error:
                    self.message.value = alert(str(error))
            self.plot.change(number, **trace)

    def _draw_selected(self) -> None:
        """The ring around the selected individual, and arrows from its parent and to its children."""
        id, drawing, rows = self.selection.individual, self._drawing(), self.known.rows
        born = np.inf if self.generation is None else self.generation
        pairs = relatives(self.known, id)
        pairs = pairs[rows["generation"][pairs[:, 1]] <= born]
        place = self.known.place.get(-1 if id is None else id)
        ringed = [] if place is None or rows["generation"][place] > born else [place]
        if not self._is_new("selected", (drawing.x.name, drawing.y, tuple(ringed), pairs.tobytes())):
            return
        ring, ends = rows[ringed], rows[pairs]
        with self.plot.hold_sync():
            self.plot.change(RELATIVES, **arrow_trace(ends[:, 0], ends[:, 1], drawing, **SELECTED_ARROWS))
            self.plot.change(RING, x=drawing.across(ring), y=drawing.heights(ring["val_accuracy"]))

    def _is_new(self, name: str, key: object) -> bool:
        """Whether something differs from what was drawn last; then it counts as drawn."""
        if self._drawn.get(name) == key:
            return False
        self._drawn[name] = key
        return True
