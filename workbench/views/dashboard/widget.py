"""All views of one search on one page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as ipw
import traitlets

from workbench.datasets import Dataset
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.layout import Fold, LazyTabs, Part
from workbench.views.base.source import Source, source_of
from workbench.views.base.view import View, classed, close_all, panel, style_sheet
from workbench.views.compare.widget import CompareView
from workbench.views.dashboard.cells import replace_former
from workbench.views.front.widget import FrontView
from workbench.views.individuals.widget import IndividualsTable
from workbench.views.inspect.widget import InspectView
from workbench.views.lineage.widget import LineageView
from workbench.views.mutations.widget import MutationStatistics
from workbench.views.network.panel import NetworkPanel
from workbench.views.run.widget import LogView, RunControl
from workbench.views.sandbox.widget import sandbox_of
from workbench.views.steering.widget import Steering
from workbench.views.versus.widget import TwoNetworksView

DIES = "wb-dies"
"""CSS class of what does nothing without a kernel; the front and the network can still be looked at."""


class Dashboard(View):
    """On one screen: run strip, live front beside the selected network, and the mutations; below, what folds away.

    A click anywhere selects everywhere. Any number of dashboards may look at one search. Closing the page does not stop
    the search. A notebook cell that is run again closes the dashboard of that run that it made before.

    Args:
        watched: a `Search`, or a run from `open_run` to read.
        others: fronts of other runs to lay over the front, by name.
        data: the data set that a stored run was made with, if it cannot be found: it was made from arrays, or lies
            elsewhere than in $WORKBENCH_DATA, "data", or above the run file.

    Attributes:
        selection: which individual and part of it are looked at; may be set.
        run_control, front, network, steering, more: the views.
        folds: the parts that fold away, by title.
    """

    def __init__(
        self, watched: Search | Run | Source, others: Mapping[str, Run] | None = None, data: Dataset | None = None
    ) -> None:
        self._others, self._before = others, list[Source]()
        super().__init__(source_of(watched, data))
        replace_former(self, str(self.source.path))

    def _build(self) -> None:
        source, selection = self.source, self.selection
        self.page = Page()
        before = self._before[-1].path.name if self._before else ""
        self.run_control = RunControl(source, selection, self._open, before)
        self.front = FrontView(source, selection, self._others)
        self.network = NetworkPanel(source, selection, NETWORK, height=0)
        self.steering = Steering(source, selection)
        self.folds = self._folds()
        self.more = LazyTabs(source, selection, MORE)
        self.page.observe(self._widen, "wide")
        help = ipw.HTML('<button class="wb-help jupyter-button" title="Keys (?)" aria-label="Keys">?</button>')
        self.run_control.head.children = (*self.run_control.head.children, help)
        self.add_class("wb-dashboard")
        self.grid = classed(ipw.Box(self._areas()), "wb-grid")
        self.children = (style_sheet(), self.page, self.grid)

    def _folds(self) -> dict[str, Fold]:
        def log() -> ipw.Widget:
            return LogView(self.source, self.selection)

        parts = {title: Fold(title, part) for title, part in self.steering.panels.items() if title != "Mutations"}
        return parts | {"Changes and failures": Fold("Changes and failures", log)}

    def _areas(self) -> list[ipw.Widget]:
        self.steering.children = self.steering.children[:3]  # the mutations; the other panels are in folds
        return [
            classed(self.run_control, "wb-area-run", DIES),
            panel("Front", classed(self.front, "wb-fill"), name="wb-area-front", enlarges=True),
            panel("Selected network", classed(self.network, "wb-fill"), name="wb-area-network", enlarges=True),
            classed(self.steering, "wb-area-mutations", DIES),
            classed(ipw.VBox(list(self.folds.values())), "wb-area-folds", DIES),
            classed(self.more, "wb-panel", "wb-area-more", DIES),
        ]

    def _widen(self, change: Any) -> None:
        """On a wide page the folds stand open beside the rest."""
        for fold in self.folds.values():
            fold.opened = change.new

    def _open(self, search: Search | None) -> None:
        """Show another search in the place of this one, or (None) the one before again."""
        if search is not None:
            self._before.append(self.source)
        old = self.children
        self.watch(self._before.pop() if search is None else search)
        for each in old:
            close_all(each)

    def show(self, snapshot: Snapshot) -> None:
        """Select the best while nothing is selected; all else is shown by the views."""
        if self.selection.individual is None:
            self.selection.individual = snapshot.best


NETWORK = (
    Part("Inspect", InspectView),
    Part("Lineage", LineageView),
    Part("Two networks", TwoNetworksView),
)
"""Tabs beside the pictures of the selected network."""

MORE = (
    Part("Individuals", IndividualsTable),
    Part("Mutations", MutationStatistics),
    Part("Compare", lambda source, selection: CompareView([source.path])),
    Part("Sandbox", sandbox_of),
)
"""The tabs below; views are made when their tab is first opened."""


class Page(anywidget.AnyWidget):
    """What the page does by itself: room, enlarged panels, keys, and a word when the kernel has stopped.

    Attributes:
        wide: whether there is room for a third column.
    """

    _esm = Path(__file__).parent / "page.js"

    wide = traitlets.Bool(False).tag(sync=True)
