"""The selected network against its parent: in the pictures that its space offers, and in further views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import ipywidgets as ipw

from workbench.datasets import Dataset
from workbench.errors import WorkbenchError
from workbench.registry import UnknownSpace
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.again import TrainAgain
from workbench.views.base.background import Background
from workbench.views.base.layout import LazyTabs, Part
from workbench.views.base.markup import one_line
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, classed, style_sheet
from workbench.views.network.head import NetworkHead
from workbench.views.network.pictures import OVER_THE_IMAGE, pictures_of

PARENT, PINNED, NOTHING = "parent", "pinned", "nothing"
"""What a network is compared with."""

HEIGHT = 420
"""Of a canvas in pixels, outside a dashboard."""


class Look(NamedTuple):
    """What the pictures show: a network, and an earlier one to compare it with; or why there is none."""

    genome: Any = None  # of the space's kind
    before: Any = None
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
        pictures: by title, widgets of the network as a graph (of neurons or of modules), over the image, or as text.
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
        self._shows = pictures_of(source.space, source.settings.rates, selection, self._height)
        self.pictures = {title: one.widget for title, one in self._shows.items()}
        self.against = ipw.Dropdown(
            options=[("against parent", PARENT), ("against pinned", PINNED), ("alone", NOTHING)],
            tooltip="What the pictures compare it with: what was added and removed is in colour",
        )
        self.note, self.again = classed(ipw.HTML(), "wb-compared"), TrainAgain(source, selection)
        self._look, self._data = Look(), source.search.data if source.search is not None else None
        own = [Part(title, lambda *_, picture=picture: picture) for title, picture in self.pictures.items()]
        parts = (*own, *self._parts)
        self.tabs = LazyTabs(source, selection, parts, opened=0 if parts else None)
        self.tabs.tabs.observe(self._feed, "selected_index")
        self.against.observe(self._show_selected, "value")
        for each in (self, self.tabs, self.tabs.tabs):
            classed(each, "wb-fill")
        classed(self, "wb-network")
        below: tuple[ipw.Widget, ...] = (self.tabs,) if parts else ()
        self.head.line.children = (self.note, *self.head.line.children)
        if own:
            self.head.walk.children += (classed(self.against, "wb-against"),)
            below = (self.again, *below)
        else:
            missing = f"The space {source.space.name!r} does not draw its networks."
            self.note.value = one_line(
                f"No networks: {source.space.error}." if isinstance(source.space, UnknownSpace) else missing
            )
        self.children = (style_sheet("network/panel.css"), self.head, *below)
        self._on_selection(self._show_selected, "individual", "pinned")
        self._show_selected(None)
        if OVER_THE_IMAGE in self.pictures and source.search is None:  # the images of a stored run take seconds to read
            loading = Background(lambda: None)
            loading.start(lambda: source.data, self._take_data, lambda error: None)
            if not loading.hands_over:
                loading.wait()

    def show_tab(self, title: str) -> Any:
        """Open a tab by its title; returns its view."""
        return self.tabs.show_tab(title)

    def show(self, snapshot: Snapshot) -> None:
        """Keep the spatial law of the settings that hold; all else follows the selection."""
        if OVER_THE_IMAGE in self.pictures:
            self.pictures[OVER_THE_IMAGE].law = self.source.settings.rates.law

    def _take_data(self, data: Dataset | None) -> None:
        self._data = data
        self._feed()

    def _show_selected(self, _: Any) -> None:
        if self.pictures:
            self._look = look_at(self.source, self.selection, self.against.value)
            self._feed()

    def _feed(self, _: Any = None) -> None:
        """Show the network in the picture in front; the others are brought up to date when they are opened."""
        if not self.pictures:
            return
        genome, before, note = self._look
        shows = self._shows.get(self.tabs.title or "")
        if shows is not None:
            if OVER_THE_IMAGE in self.pictures and genome is not None and shows.widget.data is None:
                shows.widget.data = self._data
            try:
                note = f"{shows.show(before, genome)} {note}"
            except WorkbenchError as error:
                note = f"Nothing to show: {error}."
        # other tabs do not compare with it
        self.note.value = "" if shows is None else one_line(note.strip())
        self.against.layout.visibility = None if shows is not None else "hidden"


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
