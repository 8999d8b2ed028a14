"""The network as a zoomable picture of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from workbench.genome import Genome
from workbench.views.base.canvas import CanvasView, bundle
from workbench.views.base.selection import Selection
from workbench.views.network.dag import dag_layout
from workbench.views.network.differences import difference_layout


class DagView(CanvasView):
    """Neurons by layer, edges by sign and size of weight, in a canvas that stays quick with 500,000 edges.

    Drag to pan, scroll a clicked canvas to zoom, hover for a neuron's facts, click to light its ancestors and
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
        height: of the canvas in pixels.
    """

    _esm = bundle(
        "base/controls.js",
        "base/canvas.js",
        "network/difference.js",
        "network/graph.js",
        "network/edges.js",
        "network/dag_canvas.js",
        "network/dag_view.js",
    )

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
        difference = self._difference(genome)
        info = vars(dag_layout(genome) if difference is None else difference_layout(difference))
        arrays = {name: value.tobytes() for name, value in info.items() if isinstance(value, np.ndarray)}
        sizes = {"layer_sizes": list(info["layer_sizes"]), "n_inputs": info["n_inputs"], "n_outputs": info["n_outputs"]}
        scene = arrays | sizes | {"class_names": self.class_names}
        if difference is None:
            return scene
        states = {name: getattr(difference, name).astype(np.uint8).tobytes() for name in ("neuron_state", "edge_state")}
        return scene | states | {"changes": difference.counts}

    @traitlets.observe("class_names")
    def _rename_outputs(self, change: traitlets.Bunch) -> None:
        if self.scene:
            self.scene = self.scene | {"class_names": self.class_names}
