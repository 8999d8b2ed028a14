"""What the two views of a network share: colours, and an image on which the network is active."""

from __future__ import annotations

import json
from typing import Any

import traitlets

from workbench.datasets import SPLITS, Dataset
from workbench.views.base import palette
from workbench.views.base.canvas import CanvasView, Given, bundle
from workbench.views.network.data import REMOVED, STATE_NAMES
from workbench.views.network.layout import BANDS, EDGE_KINDS
from workbench.views.network.maps import activations, one_image, to_rgba

COLORS = ("plain", "layer", "activation", "bias", "in-degree", "out-degree")
"""What the colours of neurons can tell in `DagView`."""

BUNDLED_FROM = 20_000
"""Edges from which `DagView` bundles them: no more can be told apart."""

SHOW = (
    "neurons",
    "activations",
    "receptive field",
    "neuron density",
    "edge density",
    "bias",
    "in-degree",
    "out-degree",
)
"""What `SpatialView` can show."""


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


_CONSTANTS = {
    "PALETTE": {"light": _theme(False), "dark": _theme(True)},
    "SHOWN": SHOW,
    "SPLITS": SPLITS,
    "COLORS": COLORS,
    "BUNDLED_FROM": BUNDLED_FROM,
    "BANDS": BANDS,
}
_HEAD = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in _CONSTANTS.items())


def script(*names: str) -> str:
    """The JavaScript of a view of a network, as one module: what is shared, then the named files of `network/`."""
    shared = ("base/controls.js", "base/canvas.js", "network/scene.js", "network/legends.js")
    return _HEAD + bundle(*shared, *(f"network/{name}" for name in names))


class ImageView(CanvasView):
    """A view of a network with an image of a data set; needs `_shows_activity` to say whether it shows activations.

    Attributes:
        data: whose images to show; None shows none.
        split: split of `data` that the image is from.
        index: of the image in the split.
        picture: the image with its label and, if there are weights, the activations on it and the prediction.
    """

    data = Given(Dataset, "a Dataset, such as load_dataset gives")
    split = traitlets.Enum(SPLITS, "validation").tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)

    @property
    def _shows_activity(self) -> bool:
        return True

    def _class_names(self) -> list[str]:
        data, genome = self.data, self.genome
        return [] if data is None or genome is None or data.shape != genome.input_shape else list(data.class_names)

    @traitlets.observe("data", "split", "index", "genome")
    def _show_picture(self, change: traitlets.Bunch | None = None) -> None:
        data, genome, split, index = self.data, self.genome, self.split, self.index
        if data is not None and not 0 <= index < data.size(split):
            self.index = min(max(index, 0), data.size(split) - 1)  # calls this again
            return
        if change is not None and change["name"] == "data" and self.scene:
            self.scene = self.scene | {"class_names": self._class_names()}
        if data is None or genome is None or data.shape != genome.input_shape or not self._shows_activity:
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
