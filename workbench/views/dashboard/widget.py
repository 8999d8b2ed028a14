"""All views of one search on one page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.search import Search
from workbench.store import Run
from workbench.views.base.markup import escape, quiet
from workbench.views.base.selection import Selection
from workbench.views.base.source import Source, source_of
from workbench.views.base.view import classed, panel, style_sheet
from workbench.views.dashboard.tabs import Understand
from workbench.views.front.widget import FrontView
from workbench.views.inspect.card import IndividualCard
from workbench.views.run.widget import LogView, RunControl
from workbench.views.steering.widget import Steering


class Dashboard(ipw.VBox):
    """Run control, live front, the selected network, steering and log, and tabs that help to understand.

    A click anywhere selects everywhere. Any number of dashboards may look at one search. Closing the page does not stop
    the search.

    Args:
        watched: a `Search`, or a run from `open_run` to read.
        others: fronts of other runs to lay over the front, by name.

    Attributes:
        source: the search or run.
        selection: which individual and neuron are looked at; may be set.
        run_control, front, card, steering, history: the views.
        understand: lineage, mutations, one network from inside, several runs.
        dag, spatial: the network as a graph, and over the image; None if the space is not one of neurons.
    """

    def __init__(self, watched: Search | Run, others: Mapping[str, Run] | None = None) -> None:
        self.views: tuple[Any, ...] = ()
        source = source_of(watched)
        super().__init__()
        self.source, self.selection = source, Selection()
        self.dag, self.spatial = _network_views(source, self.selection)
        self.run_control = RunControl(source, self.selection)
        self.front = FrontView(source, self.selection, others)
        self.card = IndividualCard(source, self.selection)
        self.steering = Steering(source, self.selection)
        self.history = LogView(source, self.selection)
        self.understand = Understand(source, self.selection)
        own = (self.run_control, self.front, self.card, self.steering, self.history, self.understand)
        self.views = own if self.dag is None else (*own, self.dag, self.spatial)
        self._network_note = ipw.HTML()
        self.add_class("wb-dashboard")
        title = f"{escape(source.dataset)} · {escape(source.path.name)} · space of {escape(source.space.name)}"
        head = ipw.HTML(f'<h2 class="wb-heading">{title}</h2>')
        self.grid = classed(ipw.Box(self._panels()), "wb-grid")
        self.children = (style_sheet(), head, self.grid)
        self.selection.observe(self._open, "individual")

    def _panels(self) -> list[ipw.Widget]:
        parts = [
            panel("Run", self.run_control, name="wb-area-run"),
            panel("Accuracy against FLOPs, and hypervolume", self.front, name="wb-area-front"),
            classed(self.card, "wb-area-card"),
        ]
        if self.dag is not None:
            parts.append(panel("Graph of neurons", self._network_note, self.dag, name="wb-area-dag"))
            parts.append(panel("Neurons over the image", self.spatial, name="wb-area-spatial"))
        understand = panel("Understand", self.understand, name="wb-area-understand")
        return [*parts, classed(self.steering, "wb-area-steering"), understand, classed(self.history, "wb-area-log")]

    def _open(self, change: Any) -> None:
        """Show the network of the selected individual."""
        if self.dag is None:
            return
        note, genome = "", None
        try:
            genome = None if change.new is None else self.source.neuron_genome(change.new)
        except WorkbenchError:
            note = "Its network was not kept: it failed, or it was dropped to save space."
        self._network_note.value = quiet(note)
        self.dag.genome = genome
        self.spatial.law = self.source.settings.rates.law
        self.spatial.genome = genome

    def close(self) -> None:
        """End all views, on the page and in the kernel; the search goes on."""
        views, self.views = self.views, ()
        if views:
            self.selection.unobserve(self._open, "individual")
        for view in views:
            view.close()
        super().close()


def _network_views(source: Source, selection: Selection) -> tuple[Any, Any]:
    """The two canvas views, if the space is one of neurons."""
    from workbench.spaces import NeuronSpace

    if source.space.name != NeuronSpace.name:
        return None, None
    from workbench.views.network.widget import DagView, SpatialView

    data = source.search.data if source.search is not None else None
    names = data.class_names if data is not None else ()
    law = source.settings.rates.law
    return DagView(selection=selection, class_names=names), SpatialView(data=data, selection=selection, law=law)
