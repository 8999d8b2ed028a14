"""The selected network against its parent: as a graph, over the image, and in further views that are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import ipywidgets as ipw
import traitlets

from workbench.datasets import Dataset
from workbench.errors import WorkbenchError
from workbench.genome import Genome
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.again import TrainAgain
from workbench.views.base.background import Background
from workbench.views.base.layout import LazyTabs, Part
from workbench.views.base.markup import one_line
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, classed, style_sheet
from workbench.views.network.data import changes_in_words
from workbench.views.network.head import NetworkHead

GRAPH, OVER_THE_IMAGE = "Graph", "Image"
"""Titles of the panel's own tabs."""

PARENT, PINNED, NOTHING = "parent", "pinned", "nothing"
"""What a network is compared with."""

HEIGHT = 420
"""Of a canvas in pixels, outside a dashboard."""


class Look(NamedTuple):
    """What the pictures show: a network, and an earlier one to compare it with; or why there is none."""

    genome: Genome | None = None
    before: Genome | None = None
    note: str = ""  # with whom it is compared, or why with nobody


class NetworkPanel(View):
    """The selected network, with what its mutation changed, in colour.

        NetworkPanel(search)        # alone in a cell, under the front or a dashboard of the same `selection`

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual and part of it are looked at, shared with other views.
        parts: further tabs.
        height: of the canvases in pixels; 0 = as high as their box.

    Attributes:
        dag, spatial: the network as a graph, and over the image; None if the space is not one of neurons.
        against: what the network is compared with.
        again: brings weights back that were not kept.
        tabs: the pictures and further views.
    """

    def __init__(
        self,
        watched: Search | Run | Source,
        selection: Selection | None = None,
        parts: Sequence[Part] = (),
        height: int = HEIGHT,
    ) -> None:
        self._parts, self._height = tuple(parts), height
        super().__init__(watched, selection)

    def _build(self) -> None:
        source, selection = self.source, self.selection
        self.head = NetworkHead(source, selection)
        self.dag, self.spatial = _canvases(source, selection, self._height)
        self.against = ipw.Dropdown(
            options=[("against parent", PARENT), ("against pinned", PINNED), ("alone", NOTHING)],
            tooltip="What the pictures compare it with: what was added and removed is in colour",
        )
        self.note, self.again = classed(ipw.HTML(), "wb-compared"), TrainAgain(source, selection)
        self._look, self._data = Look(), source.search.data if source.search is not None else None
        self._pictures = {} if self.dag is None else {GRAPH: self.dag, OVER_THE_IMAGE: self.spatial}
        own = [Part(title, lambda *_, picture=picture: picture) for title, picture in self._pictures.items()]
        parts = (*own, *self._parts)
        self.tabs = LazyTabs(source, selection, parts, opened=0 if parts else None)
        self.tabs.tabs.observe(self._feed, "selected_index")
        self.against.observe(self._show_selected, "value")
        for each in (self, self.tabs, self.tabs.tabs):
            classed(each, "wb-fill")
        classed(self, "wb-network")
        below: tuple[ipw.Widget, ...] = (self.tabs,) if parts else ()
        if own:
            self.head.walk.children += (classed(self.against, "wb-against"),)
            self.head.line.children = (self.note, *self.head.line.children)
            below = (self.again, *below)
        self.children = (style_sheet("network/panel.css"), self.head, *below)
        self._on_selection(self._show_selected, "individual", "pinned")
        self._show_selected(None)
        if self._pictures and source.search is None:  # the images of a stored run take seconds to read
            loading = Background(lambda: None)
            loading.start(lambda: source.data, self._take_data, lambda error: None)
            if not loading.hands_over:
                loading.wait()

    def show_tab(self, title: str) -> Any:
        """Open a tab by its title; returns its view."""
        return self.tabs.show_tab(title)

    def show(self, snapshot: Snapshot) -> None:
        """Keep the spatial law of the settings that hold; all else follows the selection."""
        if self.spatial is not None:
            self.spatial.law = self.source.settings.rates.law

    def _take_data(self, data: Dataset | None) -> None:
        self._data = data
        self._feed()

    def _show_selected(self, _: Any) -> None:
        if self._pictures:
            self._look = look_at(self.source, self.selection, self.against.value)
            self._feed()

    def _feed(self, _: Any = None) -> None:
        """Show the network in the picture in front; the other is brought up to date when it is opened."""
        genome, before, note = self._look
        picture = next((one for title, one in self._pictures.items() if title == self.tabs.title), None)
        if picture is not None:
            if genome is not None and picture.data is None:
                picture.data = self._data
            picture.show_change(before, genome)
            if counts := picture.scene.get("changes"):
                note = f"{changes_in_words(counts)} {note}"
        # other tabs do not compare with it
        self.note.value = "" if picture is None else one_line(note)
        self.against.layout.visibility = None if picture is not None else "hidden"


def look_at(source: Source, selection: Selection, against: str) -> Look:
    """The selected network, compared with its parent, with the pinned one, or with nothing."""
    id = selection.individual
    if id is None:
        return Look()
    try:
        genome, parent = source.network(id), source.individual(id).parent
    except WorkbenchError as error:
        return Look(note=f"Nothing to show: {error}.")
    if against == NOTHING or genome is None:
        return Look(genome)
    other = parent if against == PARENT else selection.pinned
    if other is None:
        missing = "Initial: it has no parent" if against == PARENT else "None is pinned"
        return Look(genome, None, f"{missing} to compare it with.")
    try:
        return Look(genome, source.network(other), f"against {against} {other}")
    except WorkbenchError as error:
        return Look(genome, None, f"Shown alone: {error}.")


def _canvases(source: Source, selection: Selection, height: int) -> tuple[Any, Any]:
    """The two canvas views, if the space is one of neurons."""
    from workbench.spaces import NeuronSpace

    if source.space.name != NeuronSpace.name:
        return None, None
    from workbench.views.network.widget import DagView, SpatialView

    dag = DagView(selection=selection, height=height)
    spatial = SpatialView(selection=selection, law=source.settings.rates.law, height=height)
    for name in ("split", "index"):
        traitlets.link((dag, name), (spatial, name))
    return dag, spatial
