"""A network in a canvas: `DagView` by layers, `SpatialView` over the image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from workbench.datasets import SPLITS, Dataset
from workbench.genome import Genome
from workbench.spatial import SpatialLaw
from workbench.surgery import Region
from workbench.views.base import palette
from workbench.views.base.canvas import CanvasView, bundle
from workbench.views.base.source import Selection
from workbench.views.network.data import (
    KEPT,
    REMOVED,
    STATE_NAMES,
    GenomeDifference,
    even_sample,
    genome_difference,
)
from workbench.views.network.layout import EDGE_KINDS, dag_layout
from workbench.views.network.maps import (
    activations,
    edge_density,
    edge_length_histogram,
    neuron_density,
    one_image,
    receptive_field,
    to_rgba,
)

SHOW = ("neurons", "neuron density", "edge density", "receptive field", "activations")
"""What `SpatialView` can show."""

MOST_CHANGES = 4_000
"""Changed edges sent to `SpatialView`, an even sample; the legend says how many there are."""


def _theme(dark: bool) -> dict[str, Any]:
    """The colours of networks on light or dark ground, for the browser."""

    def ink(color: str) -> str:
        return palette.ON_DARK.get(color, color) if dark else color

    weights = [{"name": name, "color": ink(color)} for name, color in zip(EDGE_KINDS, palette.EDGES, strict=True)]
    states = zip(STATE_NAMES, palette.STATES, strict=True)
    changes: list[dict[str, Any]] = [{"name": name, "color": ink(color)} for name, color in states]
    changes[REMOVED]["dashed"] = True
    return {
        "weights": weights,
        "changes": changes,
        "layers": [ink(color) for color in palette.LAYERS],
        "ancestor": palette.RELATIVES[0],
        "descendant": palette.RELATIVES[1],
    }


_SHARED = ("base/controls.js", "base/canvas.js", "network/scene.js")
_CONSTANTS = {"PALETTE": {"light": _theme(False), "dark": _theme(True)}, "SHOWN": SHOW, "SPLITS": SPLITS}
_HEAD = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in _CONSTANTS.items())


class DagView(CanvasView):
    """Neurons by layer, edges by sign and size of weight, in a canvas that stays quick with 500,000 edges.

    Drag to pan, scroll a clicked canvas to zoom, hover for facts about a neuron, click to highlight its ancestors and
    descendants; keys: arrows, + and −, 0, Escape.

        view = DagView(genome)
        view                       # in a notebook cell
        view.genome = other        # in place
        view.selection.neuron      # what was clicked
        view.show_change(parent, child)    # added: blue; removed: orange, dashed; now shared: green

    Args:
        genome: what to show, or None.
        selection: shared with other views; its own if None.
        class_names: names of the outputs.
        height: of the canvas in pixels; 0: the view is as tall as its box.
    """

    _esm = _HEAD + bundle(*_SHARED, "network/graph.js", "network/edges.js", "network/dag.js")

    class_names = traitlets.List(traitlets.Unicode())

    def __init__(
        self,
        genome: Genome | None = None,
        selection: Selection | None = None,
        *,
        class_names: Sequence[str] = (),
        height: int = 520,
    ) -> None:
        super().__init__(genome, selection, class_names=list(class_names), height=height)

    def _scene_of(self, genome: Genome) -> dict[str, Any]:
        info = dag_layout(genome, self.before)
        numbers = {"n_inputs": info.n_inputs, "n_outputs": info.n_outputs, "layer_sizes": list(info.layer_sizes)}
        arrays = {name: value.tobytes() for name, value in vars(info).items() if isinstance(value, np.ndarray)}
        scene = numbers | arrays | {"class_names": self.class_names, "kind": info.kind.tobytes()}
        if info.difference is not None:
            scene |= {"neuron_state": info.difference.neuron_state.tobytes(), "changes": info.difference.counts}
        return scene

    @traitlets.observe("class_names")
    def _rename_outputs(self, change: traitlets.Bunch) -> None:
        if self.scene:
            self.scene = self.scene | {"class_names": self.class_names}


class SpatialView(CanvasView):
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
        split: split of `data` that the image is from.
        index: of the image in the split.
        brush: whether dragging with Shift over flat layers chooses a region.
        region: the chosen region, as "top", "left", "bottom", "right" in pixels; empty if there is none. See `brushed`.
    """

    _esm = _HEAD + bundle(*_SHARED, "network/sheets.js", "network/spatial.js", "network/spatial_view.js")

    data = traitlets.Instance(Dataset, allow_none=True)
    law = traitlets.Instance(SpatialLaw)
    show = traitlets.Enum(SHOW, "neurons").tag(sync=True)
    layer = traitlets.Int(-1).tag(sync=True)
    stacked = traitlets.Bool(False).tag(sync=True)
    split = traitlets.Enum(SPLITS, "validation").tag(sync=True)
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
            "class_names": self._class_names(),
            "has_weights": genome.has_weights,
            "lengths": _lengths(genome, self.law),
        }
        return scene if difference is None else scene | _changes(difference)

    @traitlets.observe("show")
    def _show_other_map(self, change: traitlets.Bunch) -> None:
        if self.before is not None and self.genome is not None and SHOW[0] in (change["old"], change["new"]):
            self.version += 1
            self.scene = self._scene_of(self.genome) | {"version": self.version}

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

    def _class_names(self) -> list[str]:
        data, genome = self.data, self.genome
        return [] if data is None or genome is None or data.shape != genome.input_shape else list(data.class_names)

    @traitlets.observe("law")
    def _show_lengths(self, change: traitlets.Bunch) -> None:
        if self.genome is not None and self.scene:
            self.scene = self.scene | {"lengths": _lengths(self.genome, self.law)}

    @traitlets.observe("data", "split", "index", "genome")
    def _show_picture(self, change: traitlets.Bunch) -> None:
        data, genome, split, index = self.data, self.genome, self.split, self.index
        if data is not None and not 0 <= index < data.size(split):
            self.index = min(max(index, 0), data.size(split) - 1)  # calls this again
            return
        if change["name"] == "data" and self.scene:
            self.scene = self.scene | {"class_names": self._class_names()}
        if data is None or genome is None or data.shape != genome.input_shape:
            self.picture = {}
            return
        names = data.class_names
        picture = {
            "rgba": to_rgba(one_image(data, split, index)).tobytes(),
            "label": names[int(data.labels(split)[index])],
            "size": data.size(split),
        }
        if genome.has_weights:
            values = activations(genome, data, split, index)
            outputs = values[genome.n_inputs :][: genome.n_outputs]
            picture["values"] = values.tobytes()
            picture["predicted"] = names[int(outputs.argmax())] if len(outputs) == len(names) else ""
        self.picture = picture

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
