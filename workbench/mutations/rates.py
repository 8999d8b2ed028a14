"""Everything a person may set about the five mutations, in one immutable record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.errors import ConfigError
from workbench.settings import check_settings, documented, setting
from workbench.spatial import SpatialLaw

KINDS = ("add_neurons", "add_edges", "remove_edges", "remove_layer", "share_weights")
"""The five mutations, in the order in which they are shown."""

_SPATIAL = KINDS[:4]


def _probability(kind: str) -> Any:
    return setting(0.2, f"relative probability of {kind.replace('_', ' ')}", low=0, high=1)


def _part(default: tuple[float, float], kind: str, what: str, unit: str) -> Any:
    help = f"{kind.replace('_', ' ')}: {what}, as a fraction"
    return setting(default, help, unit=unit, low=0, slider=(0, 1), of=(kind,))


@documented
@dataclass(frozen=True)
class MutationRates:
    """Probabilities and sizes of the five mutations, and the constants of the spatial law.

    The five probabilities are relative: they are divided by their sum. Ranges are (low, high), drawn uniformly,
    as fractions of what the parent has.
    """

    add_neurons: float = _probability("add_neurons")
    add_edges: float = _probability("add_edges")
    remove_edges: float = _probability("remove_edges")
    remove_layer: float = _probability("remove_layer")
    share_weights: float = _probability("share_weights")
    new_neurons: tuple[float, float] = _part((0.12, 0.32), "add_neurons", "more neurons (inputs counted)", "of neurons")
    new_neuron_edges: tuple[float, float] = _part((0.18, 0.28), "add_neurons", "more edges", "of edges")
    new_edges: tuple[float, float] = _part((0.20, 0.32), "add_edges", "more edges", "of edges")
    removed_edges: tuple[float, float] = _part((0.12, 0.22), "remove_edges", "fewer edges", "of edges")
    weak_first: float = setting(
        0.0,
        "remove edges: how much likelier weak edges are to go (0 as published: not at all)",
        low=0,
        high=100,
        slider=(0, 10),
        of=("remove_edges",),
    )
    layer_pairs: int = setting(
        3,
        "add and remove edges: pairs of layers touched",
        unit="pairs",
        low=1,
        slider=(1, 10),
        of=("add_edges", "remove_edges"),
    )
    larger_part: float = setting(0.6, "add edges: share that one pair of layers gets", low=0, high=1, of=("add_edges",))
    bridge: float = setting(0.0, "remove layer: probability of bridging edges", low=0, high=1, of=("remove_layer",))
    bridging_edges: tuple[float, float] = _part((0.8, 0.95), "remove_layer", "bridging edges", "of lost edges")
    shared_groups: tuple[float, float] = _part((0.2, 0.6), "share_weights", "groups that get one weight", "of groups")
    spatial_base: float = setting(
        4.0, "spatial law: decay length at layer 0", unit="pixels", above=0, slider=(0.25, 16), of=_SPATIAL
    )
    spatial_per_layer: float = setting(
        1.5, "spatial law: what each layer adds to it", unit="pixels", low=0, slider=(0, 8), of=_SPATIAL
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not any(getattr(self, kind) for kind in KINDS):
            raise ConfigError("at least one mutation needs a probability above 0, got 0 for all five")

    @property
    def law(self) -> SpatialLaw:
        """The spatial law with these constants."""
        return SpatialLaw(self.spatial_base, self.spatial_per_layer)

    def probabilities(self) -> dict[str, float]:
        """Probability of each of the five, summing to 1."""
        total = sum(getattr(self, kind) for kind in KINDS)
        return {kind: getattr(self, kind) / total for kind in KINDS}


DEFAULT_RATES = MutationRates()
"""The published constants."""
