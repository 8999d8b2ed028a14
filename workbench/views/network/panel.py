"""The selected network against its parent: as a graph, over the image, and in further views that are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.genome import Genome
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.again import TrainAgain
from workbench.views.base.markup import quiet
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, classed
from workbench.views.network.head import NetworkHead

GRAPH, OVER_THE_IMAGE = "Graph", "Over the image"
"""Titles of the panel's own tabs."""

PARENT, PINNED, NOTHING = "parent", "pinned", "nothing"
"""What a network is compared with."""

HEIGHT = 420
"""Of a canvas in pixels, outside a dashboard."""


class NetworkPart(NamedTuple):
    """A further tab: its title, and what makes its view, which happens when it is first opened."""

    title: str
    make: Callable[[Source, Selection], ipw.Widget]


class Look(NamedTuple):
    """What the pictures show: a network, an earlier one to compare it with, and what is to be said about it."""

    genome: Genome | None = None
    before: Genome | None = None
    notes: tuple[str, ...] = ()


class NetworkPanel(View):
    """The selected network, with what its mutation changed, in colour.

        NetworkPanel(search)        # alone in a cell, under the front or a dashboard of the same `selection`

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual and neuron are looked at, shared with other views.
        parts: further tabs.
        height: of the canvases in pixels; 0 = as high as their box.

    Attributes:
        dag, spatial: the network as a graph, and over the image; None if the space is not one of neurons.
        against: what the network is compared with.
        again: brings weights back that were not kept.
        views: the views of further tabs that were opened, by title.
    """

    def __init__(
        self,
        watched: Search | Run | Source,
        selection: Selection | None = None,
        parts: Sequence[NetworkPart] = (),
        height: int = HEIGHT,
    ) -> None:
        self._parts, self._height = {part.title: part for part in parts}, height
        super().__init__(watched, selection)

    def _build(self) -> None:
        source, selection = self.source, self.selection
        self.head = NetworkHead(source, selection)
        self.dag, self.spatial = _canvases(source, selection, self._height)
        self.against = ipw.ToggleButtons(
            options=[PARENT, PINNED, NOTHING],
            description="compare with",
            tooltips=["What the mutation added and removed", "What differs from the pinned one", "The network alone"],
            style={"button_width": "auto", "description_width": "auto"},
        )
        self.note, self.again = ipw.HTML(), TrainAgain(source, selection)
        self.views: dict[str, Any] = {}
        self._look = Look()
        pictures = {} if self.dag is None else {GRAPH: self.dag, OVER_THE_IMAGE: self.spatial}
        self._pictures: dict[str, Any] = pictures
        further = [ipw.VBox() for _ in self._parts]
        titles = [*pictures, *self._parts]
        self.tabs = ipw.Tab([*pictures.values(), *further], titles=titles, selected_index=0 if titles else None)
        self.tabs.observe(self._open, "selected_index")
        self.against.observe(self._show_selected, "value")
        classed(self.against, "wb-against")
        classed(self.tabs, "wb-network-tabs", "wb-fill")
        classed(self, "wb-network", "wb-fill")
        compare = [self.against, self.note] if pictures else []
        self.children = (self.head, self.again, *compare, self.tabs) if titles else (self.head,)
        self._on_selection(self._show_selected, "individual", "pinned")
        self._show_selected(None)
        self._open(None)

    @property
    def title(self) -> str | None:
        """Title of the tab in front."""
        index = self.tabs.selected_index
        return None if index is None else self.tabs.titles[index]

    def show_tab(self, title: str) -> Any:
        """Open a tab by its title; returns its view."""
        self.tabs.selected_index = self.tabs.titles.index(title)
        return self._pictures.get(title) or self.views[title]

    def show(self, snapshot: Snapshot) -> None:
        """Keep the spatial law of the settings that hold; all else follows the selection."""
        if self.spatial is not None:
            self.spatial.law = self.source.settings.rates.law

    def _open(self, _: Any) -> None:
        """Bring the tab in front up to date, making its view if it was never open; the others rest."""
        title = self.title
        for control in (self.against, self.note):
            control.layout.display = None if title in self._pictures else "none"
        if title in self._parts and title not in self.views:
            self.views[title] = self._parts[title].make(self.source, self.selection)
            self.tabs.children[self.tabs.selected_index].children = (self.views[title],)
        for name, view in self.views.items():
            if hasattr(view, "wake"):
                view.wake(name == title)
        self._feed()

    def _show_selected(self, _: Any) -> None:
        if self._pictures:
            self._look = look_at(self.source, self.selection, self.against.value)
            self.note.value = quiet(" ".join(self._look.notes))
            self._feed()

    def _feed(self) -> None:
        """Show the network in the picture in front; the other is brought up to date when it is opened."""
        picture = self._pictures.get(self.title or "")
        if picture is not None:
            picture.show_change(self._look.before, self._look.genome)


def look_at(source: Source, selection: Selection, against: str) -> Look:
    """The selected network, compared with its parent, with the pinned one, or with nothing."""
    id = selection.individual
    if id is None:
        return Look()
    try:
        genome, parent = source.neuron_genome(id), source.individual(id).parent
    except WorkbenchError as error:
        return Look(notes=(f"Nothing to show: {error}.",))
    if genome is None:
        return Look()
    notes = []
    other = {PARENT: parent, PINNED: selection.pinned}.get(against)
    missing = {
        PARENT: "An initial individual: it has no parent to compare it with.",
        PINNED: "No individual is pinned to compare it with.",
    }
    before = None
    if other is None:
        notes += [missing[against]] if against in missing else []
    else:
        try:
            before = source.neuron_genome(other)
        except WorkbenchError as error:
            notes.append(f"Shown alone: {error}.")
    return Look(genome, before, tuple(notes))


def _canvases(source: Source, selection: Selection, height: int) -> tuple[Any, Any]:
    """The two canvas views, if the space is one of neurons."""
    from workbench.spaces import NeuronSpace

    if source.space.name != NeuronSpace.name:
        return None, None
    from workbench.views.network.widget import DagView, SpatialView

    data, law = source.data, source.settings.rates.law
    names = data.class_names if data is not None else ()
    return (
        DagView(selection=selection, class_names=names, height=height),
        SpatialView(data=data, selection=selection, law=law, height=height),
    )
