"""The pictures of the sandbox, by what the space offers: before, after, or what changed."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from workbench.datasets import Dataset
from workbench.space import SearchSpace
from workbench.spaces import NeuronSpace
from workbench.views.base.markup import quiet
from workbench.views.base.source import Selection
from workbench.views.base.view import classed
from workbench.views.network.data import counterpart
from workbench.views.network.pictures import GRAPH, OVER_THE_IMAGE, pictures_of
from workbench.views.sandbox.data import History

BEFORE, AFTER, DIFFERENCE = "before", "after", "difference"
HEIGHT = 460
"""Of a picture in pixels."""


class PicturesPanel(ipw.VBox):
    """The network before, after, or what changed; a line of text if the space does not draw its networks.

    Attributes:
        pictures: by title, the widgets that show it.
        dag, spatial: those of networks of neurons; None if the space is of others.
        selection: the selected part of the network, the sandbox's own: other views show other networks.
        genome: the network that is shown; None before there is one.
        sight: the choice between them.
        note: what changed, in words.
    """

    def __init__(self, space: SearchSpace, data: Dataset | None, rates: Any) -> None:
        self._history: History | None = None
        self.genome: Any = None
        self.selection, self.note = Selection(), ipw.HTML()
        self._shows = pictures_of(space, rates, self.selection, HEIGHT)
        self.pictures = {title: one.widget for title, one in self._shows.items()}
        self.dag: Any = None
        self.spatial: Any = None
        if isinstance(space, NeuronSpace):
            self.dag, self.spatial = self.pictures[GRAPH], self.pictures[OVER_THE_IMAGE]
            self.dag.class_names = data.class_names if data is not None else ()
            self.spatial.data, self.spatial.brush = data, True
        self.sight = classed(ipw.ToggleButtons(options=[BEFORE, AFTER, DIFFERENCE], value=DIFFERENCE), "wb-sight")
        if not self.pictures:
            self.note.value = quiet(f"The space {space.name!r} does not draw its networks.")
        choice = [ipw.Label("show"), self.sight] if self.pictures else []
        super().__init__([classed(ipw.HBox([*choice, self.note]), "wb-buttons"), *self.pictures.values()])
        self.sight.observe(lambda _: self.show(self._history), "value")

    def show(self, history: History | None) -> None:
        """Show a history's current step, the one it is compared with, or what changed between them."""
        self._history = history
        before = genome = None
        if history is not None:
            before, genome = history.before.genome, history.current.genome
            if self.sight.value == BEFORE:
                before, genome = None, before
            elif self.sight.value == AFTER or history.base == history.place:
                before = None
        part = self._part_in(genome)
        self.genome, self.selection.part = genome, None
        told = [one.show(before, genome) for one in self._shows.values()]
        self.selection.part = part
        if told and self.dag is None:  # the pictures of neurons tell it themselves
            self.note.value = quiet(told[0])

    def _part_in(self, genome: Any) -> Any:
        """The selected part in another network, where the same neuron has another id, but a module the same key."""
        part = self.selection.part
        if part is None or self.genome is genome or self.dag is None:
            return part
        return None if self.genome is None or genome is None else counterpart(self.genome, genome, part)

    def close(self) -> None:
        """End it."""
        for view in self.pictures.values():
            view.close()
        super().close()
