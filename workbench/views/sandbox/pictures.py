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
from workbench.views.network.widget import DagView, SpatialView
from workbench.views.sandbox.data import History

BEFORE, AFTER, DIFFERENCE = "before", "after", "difference"
HEIGHT = 460
"""Of a picture in pixels."""


class PicturesPanel(ipw.VBox):
    """The network before, after, or what changed; a line of text if the space does not draw its networks.

    Attributes:
        dag, spatial: networks of neurons as a graph and over the image; None if the space is of others.
        selection: the selected part of the network, the sandbox's own: other views show other networks.
        genome: the network that is shown; None before there is one.
        sight: the choice between them.
    """

    def __init__(self, space: SearchSpace, data: Dataset | None, rates: Any) -> None:
        self._history: History | None = None
        self.genome: Any = None
        self.selection = Selection()
        self.dag: Any = None
        self.spatial: Any = None
        if isinstance(space, NeuronSpace):
            names = data.class_names if data is not None else ()
            self.dag = DagView(selection=self.selection, class_names=names, height=HEIGHT)
            self.spatial = SpatialView(data=data, selection=self.selection, law=rates.law, height=HEIGHT)
            self.spatial.brush = True
        self._views = [each for each in (self.dag, self.spatial) if each is not None]
        self.sight = classed(ipw.ToggleButtons(options=[BEFORE, AFTER, DIFFERENCE], value=DIFFERENCE), "wb-sight")
        choice = classed(ipw.HBox([ipw.Label("show"), self.sight]), "wb-buttons")
        if not self._views:
            choice = ipw.HTML(quiet(f"The space {space.name!r} does not draw its networks."))
        super().__init__([choice, *self._views])
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
        neuron = self._neuron_in(genome)
        self.genome, self.selection.part = genome, None
        for view in self._views:
            view.show_change(before, genome)
        self.selection.part = neuron

    def _neuron_in(self, genome: Any) -> int | None:
        """The selected neuron in another network, where the same neuron has another id."""
        neuron: int | None = self.selection.part
        if neuron is None or self.genome is genome:
            return neuron
        return None if self.genome is None or genome is None else counterpart(self.genome, genome, neuron)

    def close(self) -> None:
        """End it."""
        for view in self._views:
            view.close()
        super().close()
