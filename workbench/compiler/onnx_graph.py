"""Writes ONNX graphs, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

OPSET = 17
IR_VERSION = 8  # old enough for runtimes of 2022

FLOAT32 = np.dtype(np.float32)


class GraphWriter:
    """Collects nodes and constants; each node's output is named after the operator and a running number."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: np.ndarray) -> str:
        """Add an initializer; returns its name."""
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; returns its name."""
        from onnx import helper

        output = output or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def model(
        self,
        name: str,
        inputs: Sequence[int | str],
        n_outputs: int,
        facts: dict[str, str],
        dtype: np.dtype = FLOAT32,
        opset: int = OPSET,
    ) -> onnx.ModelProto:
        """The checked model from "images" of shape `inputs` and type `dtype` to "logits" [batch, outputs]."""
        from onnx import TensorProto, checker, helper

        images = helper.make_tensor_value_info("images", helper.np_dtype_to_tensor_dtype(dtype), list(inputs))
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", n_outputs])
        graph = helper.make_graph(self.nodes, name, [images], [logits], self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="workbench", ir_version=IR_VERSION
        )
        helper.set_model_props(model, facts)
        checker.check_model(model, full_check=True)
        return model
