"""Surgery by hand: on the selected neuron, between two neurons, on a brushed region."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.genome import Genome
from workbench.surgery import connect, delete_edges, delete_neurons, edges_of, share_edges
from workbench.views.base.markup import quiet
from workbench.views.base.source import Selection
from workbench.views.base.view import button
from workbench.views.network.data import counterpart
from workbench.views.network.widget import SpatialView
from workbench.views.sandbox.panels import number, row

WITHIN, INTO, OUT_OF, ALL = "within the region", "into its neurons", "out of its neurons", "into or out of them"

Surgery = Callable[[Genome], tuple[Genome, dict[str, Any]]]


class SurgeryPanel(ipw.VBox):
    """Buttons that delete and connect.

    Args:
        spatial: in which a region is brushed, and whose choice of a layer narrows it.
        selection: whose neuron is operated on; the two that were selected last can be connected.
        operate: called with what is to be done.
        size: (rows, columns) of the image, pixels.
    """

    def __init__(
        self,
        spatial: SpatialView,
        selection: Selection,
        operate: Callable[[Surgery], None],
        size: tuple[int, int],
    ) -> None:
        self._spatial, self._selection, self._operate = spatial, selection, operate
        self._updating = False
        self._genome: Genome | None = None
        self.delete = button("Delete neuron", "wb-delete-neuron", "Delete the selected neuron", self._delete, "trash")
        self.source = number("from", "connect-from", "Neuron at the edge's start", 0)
        self.target = number("to", "connect-to", "Neuron at the edge's end", 0)
        self.connect = button("Connect", "wb-connect", "Add an edge between these two neurons", self._connect, "link")
        self.rows, self.columns = self._side("rows", size[0]), self._side("columns", size[1])
        self.found = ipw.HTML()
        self.which = ipw.Dropdown(options=[WITHIN, INTO, OUT_OF, ALL], description="edges")
        help = "Delete the region's hidden neurons"
        self.cut_neurons = button("Delete neurons", "wb-cut-neurons", help, self._cut_neurons, "trash")
        self.cut_edges = button("Delete edges", "wb-cut-edges", "Delete these edges", self._cut_edges, "cut")
        self.share = button("Share weights", "wb-share", "One weight for edges of equal offset", self._share, "clone")
        self.clear = button("Clear", "wb-clear-region", "Choose no region", self._clear, "times")
        super().__init__(
            [
                row(self.delete),
                row(self.source, self.target, self.connect),
                self.rows,
                self.columns,
                self.found,
                row(self.which),
                row(self.cut_neurons, self.cut_edges, self.share, self.clear),
            ]
        )
        selection.observe(self._follow_neuron, "neuron")
        spatial.observe(self._follow_region, ["region", "scene", "layer"])
        self.which.observe(self._follow_region, "value")
        self._follow_region(None)

    def _side(self, name: str, length: int) -> Any:
        made = ipw.FloatRangeSlider(
            value=(-0.5, length - 0.5),
            min=-0.5,
            max=length - 0.5,
            step=0.1,
            description=name,
            readout_format=".1f",
            tooltip=f"{name} of the region, pixels",
            continuous_update=False,
            style={"description_width": "4.5em"},
        )
        made.observe(self._take_sides, "value")
        return made

    # ------------------------------------------------------------------ what is selected
    def _follow_neuron(self, change: Any) -> None:
        genome = self._spatial.genome
        is_there = genome is not None and change.new is not None and change.new < genome.n_neurons
        if is_there and change.new != self.target.value:  # a difference also shows neurons that are gone
            self.source.value, self.target.value = self.target.value, change.new
        self._show_neuron()

    def _show_neuron(self) -> None:
        genome, neuron = self._spatial.genome, self._selection.neuron
        hidden = False
        if genome is not None and neuron is not None:
            hidden = genome.n_inputs + genome.n_outputs <= neuron < genome.n_neurons
        self.delete.description = f"Delete neuron {neuron}" if hidden else "Delete neuron"
        self.delete.disabled = not hidden

    def _take_sides(self, _: Any) -> None:
        if not self._updating:
            (top, bottom), (left, right) = self.rows.value, self.columns.value
            self._spatial.region = {"top": top, "left": left, "bottom": bottom, "right": right}

    def _follow_region(self, _: Any) -> None:
        """Show what the region holds; called whenever it, the network or the layer shown changes."""
        spatial = self._spatial
        region = spatial.region
        self._updating = True
        self.rows.value = (region["top"], region["bottom"]) if region else (self.rows.min, self.rows.max)
        self.columns.value = (region["left"], region["right"]) if region else (self.columns.min, self.columns.max)
        self._updating = False
        self._follow_genome(spatial.genome)
        neurons, edges = spatial.brushed_neurons(), self._edges()
        self.cut_neurons.disabled = len(neurons) == 0
        self.cut_edges.disabled = self.share.disabled = len(edges) == 0
        self.clear.disabled = not region
        layer = "all layers" if spatial.layer < 0 else f"layer {spatial.layer}"
        text = "No region: drag with Shift over the image, or move these sliders."
        if region:
            text = f"{len(neurons):,} hidden neurons of {layer} in the region, {len(edges):,} edges {self.which.value}."
        self.found.value = quiet(text)
        self._show_neuron()

    def _follow_genome(self, genome: Genome | None) -> None:
        """Keep the two neurons to connect when the network is changed: their ids may be others."""
        if genome is self._genome:
            return
        for field in (self.source, self.target):
            same = None if genome is None or self._genome is None else counterpart(self._genome, genome, field.value)
            field.value, field.max = 0, 0 if genome is None else genome.n_neurons - 1
            field.value = same or 0
        self._genome = genome

    def _edges(self) -> np.ndarray:
        """The edges that `which` means, int64."""
        genome, region, neurons = self._spatial.genome, self._spatial.brushed(), self._spatial.brushed_neurons()
        if genome is None or region is None or len(neurons) == 0:
            return np.zeros(0, np.int64)
        if self.which.value == WITHIN:
            return region.edges(genome, neurons)
        return edges_of(genome, neurons, into=self.which.value != OUT_OF, out_of=self.which.value != INTO)

    # ------------------------------------------------------------------ buttons
    def _delete(self) -> None:
        neuron = self._selection.neuron
        if neuron is not None:
            self._operate(lambda genome: delete_neurons(genome, neuron))

    def _connect(self) -> None:
        source, target = self.source.value, self.target.value
        self._operate(lambda genome: connect(genome, source, target))

    def _cut_neurons(self) -> None:
        neurons = self._spatial.brushed_neurons()
        self._operate(lambda genome: delete_neurons(genome, neurons))

    def _cut_edges(self) -> None:
        edges = self._edges()
        self._operate(lambda genome: delete_edges(genome, edges))

    def _share(self) -> None:
        edges = self._edges()
        self._operate(lambda genome: share_edges(genome, edges))

    def _clear(self) -> None:
        self._spatial.region = {}
