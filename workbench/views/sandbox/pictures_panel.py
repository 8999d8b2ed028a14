"""The network as a graph and over the image: before, after, or what changed."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.spatial import SpatialLaw
from workbench.views.base.selection import Selection
from workbench.views.network.data import counterpart
from workbench.views.network.widget import DagView, SpatialView
from workbench.views.sandbox.controls import row
from workbench.views.sandbox.history import History

BEFORE, AFTER, DIFFERENCE = "before", "after", "difference"


class PicturesPanel(ipw.VBox):
    """Two pictures of a history's current step.

    Args:
        data: whose images lie under the neurons; None = none.
        law: the spatial rule, for the histogram of edge lengths.

    Attributes:
        sight: choice of `BEFORE`, `AFTER` or `DIFFERENCE`.
        neurons: which neuron is selected, of the network in here (other views show others).
        dag, spatial: the pictures.
    """

    def __init__(self, data: Dataset | None, law: SpatialLaw) -> None:
        self._history: History | None = None
        self.neurons = Selection()
        names = data.class_names if data is not None else ()
        self.dag = DagView(selection=self.neurons, class_names=names, height=460)
        self.spatial = SpatialView(data=data, selection=self.neurons, law=law, height=460)
        self.spatial.brush = True
        self.sight: Any = ipw.ToggleButtons(
            options=[BEFORE, AFTER, DIFFERENCE], value=DIFFERENCE, tooltip="What to show"
        )
        self.sight.add_class("wb-sight")
        super().__init__([row(ipw.Label("show"), self.sight), self.dag, self.spatial])
        self.sight.observe(lambda _: self.show(self._history), "value")

    def show(self, history: History | None) -> None:
        """Show a history's current step, or the one it is compared with, or what changed between."""
        self._history = history
        before = genome = None
        if history is not None:
            before, genome = history.before.genome, history.current.genome
            if self.sight.value == BEFORE:
                before, genome = None, before
            elif self.sight.value == AFTER or history.base == history.place:
                before = None
        selected = self._selected_in(genome)
        self.neurons.neuron = None
        for picture in (self.dag, self.spatial):
            picture.show_change(before, genome)
        self.neurons.neuron = selected

    def _selected_in(self, genome: Genome | None) -> int | None:
        """Id in the genome that will be shown of the neuron that is selected; None if it will not be there."""
        shown, neuron = self.spatial.genome, self.neurons.neuron
        if shown is None or genome is None or neuron is None:
            return None
        return neuron if shown is genome else counterpart(shown, genome, neuron)

    def close(self) -> None:
        """End it."""
        for view in (self.dag, self.spatial):
            view.close()
        super().close()
