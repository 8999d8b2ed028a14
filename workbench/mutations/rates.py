"""Everything a person may turn about the five mutations, in one immutable record."""

from __future__ import annotations

from dataclasses import dataclass, fields

from workbench.errors import ConfigError
from workbench.spatial import SpatialLaw

KINDS = ("add_neurons", "add_edges", "remove_edges", "remove_layer", "share_weights")
"""The five mutations, in the order in which they are shown."""

_SPATIAL = ("spatial_base", "spatial_per_layer")

SIZES = {
    "add_neurons": ("new_neurons", "new_neuron_edges", *_SPATIAL),
    "add_edges": ("new_edges", "layer_pairs", "larger_part", *_SPATIAL),
    "remove_edges": ("removed_edges", "layer_pairs", "weak_first", *_SPATIAL),
    "remove_layer": ("bridge", "bridging_edges", *_SPATIAL),
    "share_weights": ("shared_groups",),
}
"""Which fields of `MutationRates` say how each mutation is done."""


@dataclass(frozen=True)
class MutationRates:
    """Probabilities and sizes of the five mutations, and the spatial constants.

    The five probabilities are relative: they are divided by their sum. Ranges are (low, high), drawn uniformly,
    as fractions of what the parent has.

    Attributes:
        add_neurons: probability.
        add_edges: probability.
        remove_edges: probability.
        remove_layer: probability.
        share_weights: probability.
        new_neurons: `add_neurons`: how many more neurons (inputs counted).
        new_neuron_edges: `add_neurons`: how many more edges.
        new_edges: `add_edges`: how many more edges.
        removed_edges: `remove_edges`: how many fewer edges.
        weak_first: `remove_edges`: how much likelier weak edges are to go (0 as published: not at all).
        layer_pairs: `add_edges` and `remove_edges`: pairs of layers touched.
        larger_part: `add_edges`: share of the edges that one of these pairs gets.
        bridge: `remove_layer`: probability that bridging edges replace what was lost.
        bridging_edges: `remove_layer`: how many, as a fraction of the edges lost.
        shared_groups: `share_weights`: fraction of the groups of equal offset that get a common weight.
        spatial_base: decay length of the spatial rule at layer 0, pixels.
        spatial_per_layer: what each layer adds to it, pixels.
    """

    add_neurons: float = 0.2
    add_edges: float = 0.2
    remove_edges: float = 0.2
    remove_layer: float = 0.2
    share_weights: float = 0.2
    new_neurons: tuple[float, float] = (0.12, 0.32)
    new_neuron_edges: tuple[float, float] = (0.18, 0.28)
    new_edges: tuple[float, float] = (0.20, 0.32)
    removed_edges: tuple[float, float] = (0.12, 0.22)
    weak_first: float = 0.0
    layer_pairs: int = 3
    larger_part: float = 0.6
    bridge: float = 0.0
    bridging_edges: tuple[float, float] = (0.8, 0.95)
    shared_groups: tuple[float, float] = (0.2, 0.6)
    spatial_base: float = 4.0
    spatial_per_layer: float = 1.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                check_range(field.name, value)
        for name in (*KINDS, "bridge", "larger_part"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigError(f"{name} expects a number from 0 to 1, got {value!r}")
        if sum(getattr(self, name) for name in KINDS) <= 0:
            raise ConfigError("at least one mutation needs a probability above 0, got 0 for all five")
        if not 0 <= self.weak_first <= 100:
            raise ConfigError(f"weak_first expects a number from 0 to 100, got {self.weak_first!r}")
        if self.layer_pairs < 1:
            raise ConfigError(f"layer_pairs expects at least 1, got {self.layer_pairs}")
        _ = self.law

    @property
    def law(self) -> SpatialLaw:
        """The spatial rule with these constants."""
        return SpatialLaw(self.spatial_base, self.spatial_per_layer)

    def probabilities(self) -> dict[str, float]:
        """Probability of each of the five, summing to 1."""
        total = sum(getattr(self, kind) for kind in KINDS)
        return {kind: getattr(self, kind) / total for kind in KINDS}


def check_range(name: str, value: tuple[float, float]) -> None:
    """Raise `ConfigError` unless `value` is a pair 0 <= low <= high."""
    if len(value) != 2 or not 0 <= value[0] <= value[1] or value[1] == float("inf"):
        raise ConfigError(f"{name} expects a range (low, high) with 0 <= low <= high, got {value!r}")
