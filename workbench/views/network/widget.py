"""A network in a canvas: `DagView` by layers, `SpatialView` over the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.spatial import SpatialLaw
from workbench.surgery import Region
from workbench.views.base.source import Selection
from workbench.views.network.data import KEPT, GenomeDifference, even_sample, genome_difference
from workbench.views.network.image import COLORS, SHOW, ImageView, script
from workbench.views.network.layout import EDGES, blocks_of, dag_layout, drawing_order
from workbench.views.network.maps import edge_density, edge_length_histogram, neuron_density, receptive_field

MOST_CHANGES = 4_000
"""Changed edges sent to `SpatialView`, an even sample; the legend says how many there are."""


MOST_EDGES = 1_500
"""Edges drawn by `DagView` unless more are asked for: so many can be told apart."""


class DagView(ImageView):
    """Neurons by layer, at the height of their rows; edges by sign and size of weight.

    Of many edges some are drawn: changed ones first, then each neuron's strongest; a slider asks for more. Very many
    are bundled between blocks of neurons; a click on a block opens it. Drag to pan, scroll a clicked canvas to zoom,
    hover for facts about a neuron, click to highlight its ancestors and descendants; keys: arrows, + and −, 0, Escape.

        view = DagView(genome)
        view                       # in a notebook cell
        view.genome = other        # in place
        view.selection.part        # what was clicked
        view.show_change(parent, child)    # added: blue; removed: orange, dashed; now shared: green
        view.most_edges = 100_000
        view.bundled = False

    Args:
        genome: what to show, or None.
        selection: shared with other views; its own if None.
        data: whose images to show activations on; None shows none.
        class_names: names of the outputs; those of `data` if there are data.
        height: of the canvas in pixels; 0: the view is as tall as its box.

    Attributes:
        most_edges: drawn at most.
        bundled: whether edges are bundled between blocks of neurons: bands of rows of a layer, and single outputs.
            None means from `BUNDLED_FROM` edges on.
        colors: what the colours of neurons tell, one of `COLORS`.
        opened: number of the block that was opened; -1 = none.
    """

    _esm = script("graph.js", "edges.js", "bundles.js", "dag.js", "dag_view.js")

    class_names = traitlets.List(traitlets.Unicode())
    most_edges = traitlets.Int(MOST_EDGES, min=1).tag(sync=True)
    bundled = traitlets.Bool(None, allow_none=True).tag(sync=True)
    opened = traitlets.Int(-1).tag(sync=True)
    colors = traitlets.Enum(COLORS, COLORS[0]).tag(sync=True)

    def __init__(
        self,
        genome: Genome | None = None,
        selection: Selection | None = None,
        *,
        data: Dataset | None = None,
        class_names: Sequence[str] = (),
        height: int = 520,
    ) -> None:
        super().__init__(genome, selection, data=data, class_names=list(class_names), height=height)

    def _scene_of(self, genome: Genome) -> dict[str, Any]:
        self.opened = -1
        scene = dag_scene(genome, self.before if self.colors == COLORS[0] else None)
        return scene | {"class_names": self._class_names()}

    def _class_names(self) -> list[str]:
        return super()._class_names() or list(self.class_names)

    @property
    def _shows_activity(self) -> bool:
        return self.colors == "activation"

    @traitlets.observe("colors")
    def _show_colors(self, change: traitlets.Bunch) -> None:
        self._show_picture()
        if self.before is not None and COLORS[0] in (change["old"], change["new"]):
            self._show_again()  # colours other than of changes are of one network

    @traitlets.observe("class_names")
    def _rename_outputs(self, change: traitlets.Bunch) -> None:
        if self.scene:
            self.scene = self.scene | {"class_names": self._class_names()}


def dag_scene(genome: Genome, before: Genome | None = None) -> dict[str, Any]:
    """What the page needs to draw a network by layers, and what changed since `before`; can be made in any thread."""
    info = dag_layout(genome, before)
    order = drawing_order(info)
    numbers = {"n_inputs": info.n_inputs, "n_outputs": info.n_outputs, "layer_sizes": list(info.layer_sizes)}
    arrays = {name: value for name, value in vars(info).items() if isinstance(value, np.ndarray)}
    arrays |= {name: arrays[name][order] for name in EDGES}
    arrays |= {"kind": info.kind[order], "block": blocks_of(info)}
    scene = numbers | {name: value.tobytes() for name, value in arrays.items()} | {"has_weights": genome.has_weights}
    if info.difference is not None:
        scene |= {"neuron_state": info.difference.neuron_state.tobytes(), "changes": info.difference.counts}
    return scene


class SpatialView(ImageView):
    """Every neuron at its place over an image.

    Layers can be stepped through (Page up, Page down) or stacked in space (drag to turn). A clicked neuron shows its
    receptive field over the chosen image. The histogram compares edge lengths with the spatial law.

        view = SpatialView(genome, data)
        view.show = "activations"
        view.index = 7                 # another image of view.split
        view.stacked = True
        view.show_change(parent, child)    # added in blue, removed in orange and dashed

    Args:
        genome: what to show, or None.
        data: whose images to show; None shows a bare grid, without activations.
        selection: shared with other views; its own if None.
        law: the spatial law for the histogram; None means the published constants.
        height: of the canvas in pixels; 0: the view is as tall as its box.

    Attributes:
        show: one of `SHOW`.
        layer: the only layer shown; -1 = all.
        stacked: whether layers are stacked in space.
        brush: whether dragging with Shift over flat layers chooses a region.
        region: the chosen region, as "top", "left", "bottom", "right" in pixels; empty if there is none. See `brushed`.
    """

    _esm = script("sheets.js", "spatial.js", "spatial_view.js")

    law = traitlets.Instance(SpatialLaw)
    show = traitlets.Enum(SHOW, "neurons").tag(sync=True)
    layer = traitlets.Int(-1).tag(sync=True)
    stacked = traitlets.Bool(False).tag(sync=True)
    brush = traitlets.Bool(False).tag(sync=True)
    region = traitlets.Dict().tag(sync=True)
    density = traitlets.Dict().tag(sync=True)
    field = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        genome: Genome | None = None,
        data: Dataset | None = None,
        selection: Selection | None = None,
        law: SpatialLaw | None = None,
        *,
        height: int = 520,
    ) -> None:
        super().__init__(genome, selection, data=data, law=SpatialLaw() if law is None else law, height=height)
        self._show_field()

    def _scene_of(self, genome: Genome) -> dict[str, Any]:
        before = self.before if self.show == SHOW[0] else None  # the other maps are of one network
        difference = None if before is None else genome_difference(before, genome)
        shown = genome if difference is None else difference
        sizes = np.bincount(shown.layers).tolist()
        self.layer = min(self.layer, len(sizes) - 2)
        scene = {
            "shape": list(genome.input_shape),
            "n_inputs": genome.n_inputs,
            "n_outputs": genome.n_outputs,
            "layer_sizes": sizes,
            "layers": shown.layers.astype(np.int32).tobytes(),
            "positions": shown.positions.astype(np.float32).tobytes(),
            "biases": np.concatenate([np.full(genome.n_inputs, np.nan, np.float32), genome.biases]).tobytes(),
            "in_degree": genome.in_degrees.astype(np.int32).tobytes(),
            "out_degree": np.bincount(genome.sources, minlength=genome.n_neurons).astype(np.int32).tobytes(),
            "class_names": self._class_names(),
            "has_weights": genome.has_weights,
            "lengths": _lengths(genome, self.law),
        }
        return scene if difference is None else scene | _changes(difference)

    @traitlets.observe("show")
    def _show_other_map(self, change: traitlets.Bunch) -> None:
        if self.before is not None and SHOW[0] in (change["old"], change["new"]):
            self._show_again()

    def brushed(self) -> Region | None:
        """The chosen region, of all layers; None if there is none."""
        return Region(**self.region) if self.region else None

    def brushed_neurons(self) -> np.ndarray:
        """Ids of the hidden neurons of `genome` in the region and in the layers shown, int64."""
        region = self.brushed()
        if region is None or self.genome is None:
            return np.zeros(0, np.int64)
        neurons = region.neurons(self.genome)
        layers = np.frombuffer(self.scene["layers"], np.int32)  # of the union, if a difference is shown
        return neurons if self.layer < 0 else neurons[layers[neurons] == self.layer]

    @traitlets.observe("law")
    def _show_lengths(self, change: traitlets.Bunch) -> None:
        if self.genome is not None and self.scene:
            self.scene = self.scene | {"lengths": _lengths(self.genome, self.law)}

    @traitlets.observe("genome", "show")
    def _show_density(self, change: traitlets.Bunch) -> None:
        of_layer = {"neuron density": neuron_density, "edge density": edge_density}.get(self.show)
        if self.genome is None or of_layer is None:
            self.density = {}
            return
        maps = [of_layer(self.genome, layer) for layer in range(self.genome.n_layers - 1)]
        self.density = {"kind": self.show, "maps": np.stack(maps).tobytes()}

    @traitlets.observe("genome", "neuron")
    def _show_field(self, change: traitlets.Bunch | None = None) -> None:
        genome, neuron = self.genome, self.neuron
        if genome is None or neuron is None or not 0 <= neuron < genome.n_neurons:
            self.field = {}
        else:
            self.field = _field(genome, neuron)


def _changes(difference: GenomeDifference) -> dict[str, Any]:
    """States of neurons, and the changed edges or an even sample of them."""
    changed = even_sample(np.flatnonzero(difference.edge_state != KEPT), MOST_CHANGES)
    return {
        "changes": difference.counts,
        "neuron_state": difference.neuron_state.tobytes(),
        "change_source": difference.sources[changed].astype(np.int32).tobytes(),
        "change_target": difference.targets[changed].astype(np.int32).tobytes(),
        "change_state": difference.edge_state[changed].tobytes(),
    }


def _lengths(genome: Genome, law: SpatialLaw) -> dict[str, Any]:
    """The histogram of edge lengths as small lists."""
    info = edge_length_histogram(genome, law)
    numbers = {name: getattr(info, name).tolist() for name in ("bins", "counts", "expected")}
    means = {"mean": info.mean, "expected_mean": info.expected_mean} if info.counts.sum() else {}
    text = f"exp(−distance / ({law.base:g} + {law.per_layer:g} · layer))"
    return numbers | means | {"without_length": info.without_length, "law": text}


def _field(genome: Genome, neuron: int) -> dict[str, Any]:
    """A selected neuron's receptive field, and the edges into and out of it."""
    incoming, outgoing = np.flatnonzero(genome.targets == neuron), np.flatnonzero(genome.sources == neuron)
    return {
        "neuron": neuron,
        "map": receptive_field(genome, neuron).tobytes() if genome.has_weights else b"",
        "bias": float(genome.biases[neuron - genome.n_inputs]) if neuron >= genome.n_inputs else None,
        "others": np.concatenate([genome.sources[incoming], genome.targets[outgoing]]).astype(np.int32).tobytes(),
        "weights": genome.weights[np.concatenate([incoming, outgoing])].tobytes(),
        "in_degree": len(incoming),
        "out_degree": len(outgoing),
    }
