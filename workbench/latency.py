"""How long one answer will take, as a linear function of a network's size: an objective that no clock disturbs.

Measured times differ from one measurement to the next, so a search that ranked by them could not be made again. It
ranks by a model instead, fitted once to times measured on a machine (`workbench.training.calibration`) and stored with
the run's settings.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MOST_MICROSECONDS = 1e9
"""Of a coefficient: a run file from a stranger may give any number."""


@dataclass(frozen=True)
class LatencyModel:
    """Microseconds of one answer for a single sample: overhead + per_layer · layers + per_neuron · neurons + ….

    Attributes:
        overhead_us: of every network of the data set, its inputs included.
        per_layer_us: of a layer after the inputs, the outputs included.
        per_neuron_us: of a hidden or output neuron.
        per_edge_us: of an edge.

    Raises:
        ConfigError: if a coefficient is negative, not finite, or above `MOST_MICROSECONDS`.
    """

    overhead_us: float = 0.0
    per_layer_us: float = 0.0
    per_neuron_us: float = 0.0
    per_edge_us: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) <= MOST_MICROSECONDS:
                raise ConfigError(
                    f"LatencyModel.{field.name} expects microseconds from 0 to {MOST_MICROSECONDS:.0e}, "
                    f"got {getattr(self, field.name)}; calibrate_latency measures them"
                )

    def predict(self, layers: int, neurons: int, edges: int) -> float:
        """Microseconds of one answer.

        Args:
            layers: after the inputs, the outputs included.
            neurons: hidden and output neurons.
            edges: number of edges.
        """
        return self.overhead_us + self.per_layer_us * layers + self.per_neuron_us * neurons + self.per_edge_us * edges


def fit_latency(sizes: ArrayLike, latency_us: ArrayLike) -> LatencyModel:
    """The model with the least squares of relative errors, by non-negative least squares (Lawson and Hanson 1974).

    Args:
        sizes: layers, neurons and edges as `LatencyModel.predict` takes them, [networks, 3].
        latency_us: their measured microseconds, [networks].

    Raises:
        ConfigError: if there are fewer than 4 networks, or a time is not above 0.
    """
    from scipy.optimize import nnls

    times = np.asarray(latency_us, float)
    if len(times) < 4 or not ((times > 0) & np.isfinite(times)).all():
        raise ConfigError(f"fit_latency expects times above 0 of at least 4 networks, got {times}; measure more")
    terms = np.column_stack([np.ones(len(times)), np.asarray(sizes, float)]) / times[:, None]  # [networks, 4]
    scale = terms.max(axis=0)
    scale[scale == 0] = 1.0
    found, _ = nnls(terms / scale, np.ones(len(times)))
    return LatencyModel(*(float(value) for value in found / scale))


def relative_errors(model: LatencyModel, sizes: ArrayLike, latency_us: ArrayLike) -> np.ndarray:
    """(predicted − measured) / measured, float64 [networks]; arguments as of `fit_latency`."""
    measured = np.asarray(latency_us, float)
    predicted = np.array([model.predict(*size) for size in np.asarray(sizes).tolist()], float)
    return predicted / measured - 1
