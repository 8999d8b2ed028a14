"""Surgery by hand: on the selected neuron, between two neurons, on a brushed region."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.genome import Genome
from workbench.surgery import connect, delete_edges, delete_neurons, edges_of, share_edges
from workbench.views.base.markup import escape
from workbench.views.base.selection import Selection
from workbench.views.network.data import counterpart
from workbench.views.network.widget import SpatialView
from workbench.views.sandbox.controls import button, number, row

WITHIN, INTO, OUT_OF, ALL = "within the region", "into its neurons", "out of its neurons", "into or out of them"

Surgery = Callable[[Genome], tuple[Genome, dict[str, Any]]]


class SurgeryPanel(ipw.VBox):
    """Buttons that cut and connect.

    Args:
        spatial: in which a region is brushed, and whose layer choice narrows it.
        selection: whose neuron is operated on; the two that were selected last can be connected.
        operate: called with what is to be done.
        size: (rows, columns) of the image, pixels.

    Attributes:
        source, target: neurons to connect.
        rows, columns: sides of the region, pixels.
        which: edges that are meant by the region.
    """

    def __init__(
        self,
        spatial: SpatialView,
        selection: Selection,
        operate: Callable[[Surgery], None],
        size: tuple[int, int],
    ) -> None:
        self._spatial, self._selection, self._operate = spatial, selection, operate
        self._linking = False
        self._genome: Genome | None = None
        self.delete = button("Delete neuron", "delete-neuron", "Delete the selected neuron", self._delete, "trash")
        self.source = number("from", "connect-from", "Neuron at the edge's start", 0, 0, 0)
        self.target = number("to", "connect-to", "Neuron at the edge's end", 0, 0, 0)
        self.connect = button("Connect", "connect", "Add an edge between these two neurons", self._connect, "link")
        self.rows, self.columns = (self._side(name, n) for name, n in zip(("rows", "columns"), size, strict=True))
        self.found = ipw.HTML()
        self.which = ipw.Dropdown(options=[WITHIN, INTO, OUT_OF, ALL], description="edges")
        self.which.add_class("wb-region-edges")
        self.cut_neurons = button(
            "Delete neurons", "cut-neurons", "Delete the region's hidden neurons", self._cut_neurons, "trash"
        )
        self.cut_edges = button("Delete edges", "cut-edges", "Delete these edges", self._cut_edges, "cut")
        self.share = button("Share weights", "share", "One weight for edges of equal offset", self._share, "clone")
        self.clear = button("Clear", "clear-region", "Choose no region", lambda: self._put_region({}), "times")
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
        made.add_class(f"wb-region-{name}")
        made.observe(self._take_sides, "value")
        return made

    # ------------------------------------------------------------------ what is selected
    def _follow_neuron(self, change: Any) -> None:
        if change.new is not None and self._is_there(change.new) and change.new != self.target.value:
            self.source.value, self.target.value = self.target.value, change.new
        self._show_neuron()

    def _is_there(self, neuron: int) -> bool:
        """Whether the network has it: a difference also shows neurons that are gone."""
        genome = self._spatial.genome
        return genome is not None and neuron < genome.n_neurons

    def _show_neuron(self) -> None:
        genome, neuron = self._spatial.genome, self._selection.neuron
        hidden = False
        if genome is not None and neuron is not None:
            hidden = genome.n_inputs + genome.n_outputs <= neuron < genome.n_neurons
        self.delete.description = f"Delete neuron {neuron}" if hidden else "Delete neuron"
        self.delete.disabled = not hidden

    def _take_sides(self, _: Any) -> None:
        if not self._linking:
            (top, bottom), (left, right) = self.rows.value, self.columns.value
            self._put_region({"top": top, "left": left, "bottom": bottom, "right": right})

    def _put_region(self, region: dict[str, float]) -> None:
        self._spatial.region = region

    def _follow_region(self, _: Any) -> None:
        """Show what the region holds; called whenever it, the network or the layer shown changes."""
        genome, region = self._spatial.genome, self._spatial.brushed()
        self._linking = True
        for slider, ends in ((self.rows, ("top", "bottom")), (self.columns, ("left", "right"))):
            slider.value = tuple(self._spatial.region[end] for end in ends) if region else (slider.min, slider.max)
        self._linking = False
        self._follow_genome(genome)
        neurons, edges = (self._spatial.brushed_neurons(), self._edges()) if genome is not None else ((), ())
        self.cut_neurons.disabled = len(neurons) == 0
        self.cut_edges.disabled = self.share.disabled = len(edges) == 0
        self.clear.disabled = region is None
        layer = "all layers" if self._spatial.layer < 0 else f"layer {self._spatial.layer}"
        text = "No region: drag with Shift over the image, or move these sliders."
        if region:
            text = f"{len(neurons):,} hidden neurons of {layer} in the region, {len(edges):,} edges {self.which.value}."
        self.found.value = f'<p class="wb-quiet" role="status">{escape(text)}</p>'
        self._show_neuron()

    def _follow_genome(self, genome: Genome | None) -> None:
        """Let the two neurons to connect be the same ones in a network that was changed."""
        if genome is self._genome:
            return
        for field in (self.source, self.target):
            same = None if genome is None or self._genome is None else counterpart(self._genome, genome, field.value)
            field.value, field.max = 0, 0 if genome is None else genome.n_neurons - 1
            field.value = same or 0
        self._genome = genome

    def _edges(self) -> np.ndarray:
        """Edges that are meant, of the network as it is."""
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

    def close(self) -> None:
        """Follow nothing any more."""
        with contextlib.suppress(ValueError):  # it may be closed already
            self._selection.unobserve(self._follow_neuron, "neuron")
        super().close()
