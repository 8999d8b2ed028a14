"""Neurons at their places over the image: layers as sheets, densities, receptive fields, activations."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.spatial import SpatialLaw
from workbench.surgery import Region
from workbench.views.base.canvas import CanvasView, bundle
from workbench.views.base.selection import Selection
from workbench.views.network.differences import KEPT, GenomeDifference
from workbench.views.network.edge_lengths import edge_length_histogram
from workbench.views.network.space_map import activations, edge_density, neuron_density, one_image, receptive_field

SHOW = ("neurons", "neuron density", "edge density", "receptive field", "activations")
"""What the view can show."""

SPLITS = ("train", "validation", "selection", "test")

MOST_CHANGES = 4_000
"""Changed edges that are sent, evenly spread over all; the legend says how many there are."""


class SpatialView(CanvasView):
    """Every neuron at its place over an image.

    Layers can be stepped through (Page up, Page down) or stacked in space (drag to turn). A clicked neuron shows its
    receptive field over the chosen image. The histogram compares edge lengths with the spatial law.

        view = SpatialView(genome, data)
        view.show = "activations"
        view.index = 7                 # another image of view.split
        view.stacked = True
        view.show_change(parent, child)    # what was added (blue) and removed (orange, dashed)

    Args:
        genome: what to show, or None.
        data: whose images to show; None shows a bare grid, without activations.
        selection: shared with other views; its own if None.
        law: the spatial rule for the histogram; None means the published constants.
        height: of the canvas in pixels.

    Attributes:
        show: one of `SHOW`.
        layer: shown alone; -1 = all.
        stacked: whether layers stand above each other in space.
        split: split of `data` that the image is from.
        index: of the image in the split.
        brush: whether dragging with Shift over flat layers chooses a region.
        region: what was chosen, as "top", "left", "bottom", "right" in pixels; empty if nothing is. See `brushed`.
    """

    _esm = bundle(
        "base/controls.js",
        "base/canvas.js",
        "network/difference.js",
        "network/sheets.js",
        "network/spatial_scene.js",
        "network/spatial_sheets.js",
        "network/spatial_changes.js",
        "network/spatial_canvas.js",
        "network/spatial_panels.js",
        "network/spatial_controls.js",
        "network/spatial_view.js",
    )

    data = traitlets.Instance(Dataset, allow_none=True)
    law = traitlets.Instance(SpatialLaw)
    show = traitlets.Enum(SHOW, "neurons").tag(sync=True)
    layer = traitlets.Int(-1).tag(sync=True)
    stacked = traitlets.Bool(False).tag(sync=True)
    split = traitlets.Enum(SPLITS, "test").tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    brush = traitlets.Bool(False).tag(sync=True)
    region = traitlets.Dict().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)
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
        difference = self._difference(genome) if self.show == SHOW[0] else None  # the other sights are of one network
        union = genome if difference is None else difference
        sizes = np.bincount(union.layers, minlength=genome.n_layers if difference is None else 0)
        self.layer = min(self.layer, len(sizes) - 2)
        scene = {
            "shape": list(genome.input_shape),
            "n_inputs": genome.n_inputs,
            "n_outputs": genome.n_outputs,
            "layer_sizes": sizes.tolist(),
            "layers": union.layers.astype(np.int32).tobytes(),
            "positions": union.positions.astype(np.float32).tobytes(),
            "class_names": list(self.data.class_names) if self._fits() and self.data else [],
            "lengths": lengths_of(genome, self.law),
        }
        return scene if difference is None else scene | changes_of(difference)

    @traitlets.observe("show")
    def _show_other_sight(self, change: traitlets.Bunch) -> None:
        if self.before is not None and self.genome is not None and SHOW[0] in (change["old"], change["new"]):
            self.version += 1
            self.scene = self._scene_of(self.genome) | {"version": self.version}

    def brushed(self) -> Region | None:
        """The region that was chosen, of all layers; None if nothing was."""
        return Region(**self.region) if self.region else None

    def brushed_neurons(self) -> np.ndarray:
        """Ids of the hidden neurons of `genome` in the region, and in the layer that is shown alone, int64."""
        region = self.brushed()
        if region is None or self.genome is None:
            return np.zeros(0, np.int64)
        neurons = region.neurons(self.genome)
        layers = np.frombuffer(self.scene["layers"], np.int32)  # of the union, if a difference is shown
        return neurons if self.layer < 0 else neurons[layers[neurons] == self.layer]

    def _fits(self) -> bool:
        """Whether there are images, of this network's shape."""
        return self.data is not None and self.genome is not None and self.data.shape == self.genome.input_shape

    @traitlets.observe("law")
    def _show_lengths(self, change: traitlets.Bunch) -> None:
        if self.genome is not None and self.scene:
            self.scene = self.scene | {"lengths": lengths_of(self.genome, self.law)}

    @traitlets.observe("genome", "data", "split", "index")
    def _show_picture(self, change: traitlets.Bunch) -> None:
        if self.data is None or self.genome is None or not self._fits():
            self.picture = {}
            return
        size = self.data.size(self.split)
        if not 0 <= self.index < size:
            self.index = min(max(self.index, 0), size - 1)  # comes back here
            return
        if change["name"] == "data":
            self.scene = self.scene | {"class_names": list(self.data.class_names)}
        values = activations(self.genome, self.data, self.split, self.index)
        outputs = values[self.genome.n_inputs :][: self.genome.n_outputs]
        label = int(self.data.labels(self.split)[self.index])
        names = self.data.class_names
        self.picture = {
            "rgba": to_rgba(one_image(self.data, self.split, self.index)).tobytes(),
            "values": values.tobytes(),
            "label": names[label],
            "predicted": names[int(outputs.argmax())] if len(outputs) == len(names) else "",
            "size": size,
        }

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
        known = self.genome is not None and self.neuron is not None and 0 <= self.neuron < self.genome.n_neurons
        self.field = field_of(self.genome, self.neuron) if known and self.genome and self.neuron is not None else {}


def changes_of(difference: GenomeDifference) -> dict[str, Any]:
    """What the browser needs to mark a difference: states of neurons, and (a sample of) the changed edges."""
    changed = np.flatnonzero(difference.edge_state != KEPT)
    if len(changed) > MOST_CHANGES:
        changed = changed[np.linspace(0, len(changed) - 1, MOST_CHANGES).astype(np.int64)]
    return {
        "changes": difference.counts,
        "neuron_state": difference.neuron_state.tobytes(),
        "change_source": difference.source[changed].astype(np.int32).tobytes(),
        "change_target": difference.target[changed].astype(np.int32).tobytes(),
        "change_state": difference.edge_state[changed].tobytes(),
    }


def lengths_of(genome: Genome, law: SpatialLaw) -> dict[str, Any]:
    """The histogram of edge lengths as small lists."""
    info = edge_length_histogram(genome, law)
    numbers = {"bins": info.bins.tolist(), "counts": info.counts.tolist(), "expected": info.expected.tolist()}
    means = {"mean": info.mean, "expected_mean": info.expected_mean} if info.counts.sum() else {}
    text = f"exp(−distance / ({law.base:g} + {law.per_layer:g} · layer))"
    return numbers | means | {"without_length": info.without_length, "law": text}


def field_of(genome: Genome, neuron: int) -> dict[str, Any]:
    """What is shown of a selected neuron: receptive field, and the edges into and out of it."""
    incoming, outgoing = np.flatnonzero(genome.targets == neuron), np.flatnonzero(genome.sources == neuron)
    bias = float(genome.biases[neuron - genome.n_inputs]) if neuron >= genome.n_inputs else None
    return {
        "neuron": neuron,
        "map": receptive_field(genome, neuron).tobytes(),
        "bias": bias,
        "others": np.concatenate([genome.sources[incoming], genome.targets[outgoing]]).astype(np.int32).tobytes(),
        "weights": genome.weights[np.concatenate([incoming, outgoing])].tobytes(),
        "in_degree": len(incoming),
        "out_degree": len(outgoing),
    }


def to_rgba(image: np.ndarray) -> np.ndarray:
    """A raw image [c, h, w] as uint8 [h, w, 4], brightest white: three channels as colours, others as their mean."""
    low, high = min(float(image.min()), 0.0), float(image.max())
    scaled = np.clip((image - low) / max(high - low, 1e-12) * 255, 0, 255)
    channels = scaled if len(scaled) == 3 else np.repeat(scaled.mean(axis=0, keepdims=True), 3, axis=0)
    opaque = np.full((1, *image.shape[1:]), 255.0)
    return np.ascontiguousarray(np.concatenate([channels, opaque]).transpose(1, 2, 0).round().astype(np.uint8))
