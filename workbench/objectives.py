"""The objectives that a run may have, what no other individual dominates in them, and the model behind latency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import ConfigError
from workbench.settings import check_settings, documented, setting


@dataclass(frozen=True)
class Objective:
    """One thing that a search trades off against others."""

    name: str  # in `SearchConfig.objectives`
    label: str  # on axes and in tooltips
    column: str  # of `Run.individuals`, and attribute of `Individual`; of `Cost`, too, but for accuracy
    unit: str = ""
    rises: bool = False  # whether more is better
    log: bool = False  # whether it is compared and drawn on a logarithmic scale
    format: str = ","  # of one value, as for `format` and plotly
    least: float = 1.0  # smallest value on the logarithmic scale; smaller ones count as this

    def of(self, individual: Any) -> float:
        """The value of an `Individual` (of a `Cost`, unless it is accuracy)."""
        return getattr(individual, self.column)

    def minimised(self, individual: Any) -> float:
        """What ranking minimises: 1 − value if more is better, log10 of the value if it is logarithmic."""
        value = self.of(individual)
        if self.rises:
            return 1 - value
        return float(np.log10(max(self.least, value))) if self.log else value

    def text(self, value: float) -> str:
        """A value with its unit, such as "12.50 µs"."""
        return f"{value:{self.format}} {self.unit}".rstrip()


ACCURACY = Objective("accuracy", "validation accuracy", "val_accuracy", rises=True, format=".2%")
FLOPS = Objective("flops", "FLOPs per image", "flops", "FLOPs", log=True)
LATENCY = Objective("latency", "predicted latency", "latency_us", "µs", log=True, format=",.2f", least=1e-3)
PARAMETERS = Objective("parameters", "parameters", "parameters", "parameters", log=True)

OBJECTIVES = {one.name: one for one in (ACCURACY, FLOPS, LATENCY, PARAMETERS)}
"""All of them, in the order in which a run holds those that it has."""

TWO = (ACCURACY, FLOPS)
"""Those of a run unless others are asked for; hypervolume is always of these."""


def objectives_of(names: Iterable[str]) -> tuple[Objective, ...]:
    """Objectives by name, in the order of `OBJECTIVES`."""
    given = list(names)
    known = [one for one in OBJECTIVES.values() if one.name in given]
    if len(known) != len(given) or ACCURACY not in known or len(known) < 2:
        raise ConfigError(
            f"objectives expect accuracy and at least one of {', '.join(list(OBJECTIVES)[1:])}, each once, "
            f"got {', '.join(map(str, given)) or 'none'}"
        )
    return tuple(known)


def stored_objectives(config: Mapping[str, Any]) -> tuple[Objective, ...]:
    """Those of stored settings; where an older workbench named none, a latency model made latency one."""
    if (names := config.get("objectives")) is None:
        return TWO if config.get("latency") is None else (*TWO, LATENCY)
    if not isinstance(names, list | tuple):
        raise ConfigError(f"objectives expect names, got {names!r}")
    return objectives_of(names)


def undominated(
    values: Sequence[Sequence[float]], ids: Sequence[int], objectives: Sequence[Objective] = TWO
) -> list[int]:
    """Places of the individuals that no other dominates, ordered by the first cost; of equals that of the lowest id.

    `values` of each objective are one per individual; `objectives` begin with accuracy.
    """
    from moocore import is_nondominated

    if not len(ids):
        return []
    signs = [-1.0 if one.rises else 1.0 for one in objectives]
    points = np.array(values, float).T * signs  # [individuals, objectives], all to be minimised
    points = points[:, [1, 0, *range(2, len(signs))]]  # the first cost, accuracy, other costs
    order = np.lexsort([ids, *points.T[::-1]])
    return order[is_nondominated(points[order], keep_weakly=False)].tolist()  # of equals it keeps the first


@documented
@dataclass(frozen=True)
class LatencyModel:
    """Microseconds of one answer for a single sample, as a linear function of a network's size.

    Measured times differ from one measurement to the next, so a search that ranked by them could not be made again. It
    ranks by this model instead, fitted once to times measured on a machine (`workbench.training.calibration`) and
    stored with the run's settings.
    """

    overhead_us: float = setting(
        0.0, "of every network of the data set, its inputs included", unit="µs", low=0, high=1e9
    )
    per_layer_us: float = setting(0.0, "of a layer after the inputs, the outputs included", unit="µs", low=0, high=1e9)
    per_neuron_us: float = setting(0.0, "of a hidden or output neuron", unit="µs", low=0, high=1e9)
    per_edge_us: float = setting(0.0, "of an edge", unit="µs", low=0, high=1e9)

    def __post_init__(self) -> None:
        check_settings(self)

    def predict(self, layers: int, neurons: int, edges: int) -> float:
        """Microseconds of one answer; `layers` come after the inputs, `neurons` are hidden and output ones."""
        return self.overhead_us + self.per_layer_us * layers + self.per_neuron_us * neurons + self.per_edge_us * edges
