"""How often each mutation is applied and how much it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.formats import in_words
from workbench.settings import check_rates, documented, probability, setting
from workbench.spatial import SpatialLaw

PUBLISHED = ("add_neurons", "add_edges", "remove_edges", "remove_layer", "share_weights")

KINDS = (*PUBLISHED, "unshare_weights", "remove_neurons")
"""All mutations, in the order in which they are shown; the last two never happen unless they are asked for."""

_SPATIAL = PUBLISHED[:4]


def _part(default: tuple[float, float], label: str, kind: str, unit: str, what: str = "how many") -> Any:
    help = f"{in_words(kind)}: {what}, as a fraction drawn from this range"
    return setting(default, help, label=label, unit=unit, low=0, slider=(0, 1), of=(kind,))


@documented
@dataclass(frozen=True)
class MutationRates:
    """Probabilities and sizes of the mutations, and the constants of the spatial law.

    Probabilities are relative: they are divided by their sum. Ranges are (low, high), drawn uniformly,
    as fractions of what the parent has.
    """

    add_neurons: float = probability(0.2, "more neurons, in a new layer or a hidden one that is there")
    add_edges: float = probability(0.2, "more edges, near pairs of neurons first")
    remove_edges: float = probability(0.2, "fewer edges, long ones first; neurons left without a path go with them")
    remove_layer: float = probability(0.2, "one hidden layer less")
    share_weights: float = probability(0.2, "one weight for all edges of equal offset, as in a convolution")
    unshare_weights: float = probability(0.0, "shared weights split by place, which changes nothing until it trains")
    remove_neurons: float = probability(0.0, "fewer neurons, those that matter least in their layer first, as maps")
    new_neurons: tuple[float, float] = _part((0.12, 0.32), "added neurons", "add_neurons", "of neurons, inputs counted")
    new_neuron_edges: tuple[float, float] = _part(
        (0.18, 0.28), "edges of added neurons", "add_neurons", "of edges", "how many edges come with them"
    )
    new_edges: tuple[float, float] = _part((0.20, 0.32), "added edges", "add_edges", "of edges")
    removed_edges: tuple[float, float] = _part((0.12, 0.22), "removed edges", "remove_edges", "of edges")
    weak_first: float = setting(
        0.0,
        "remove edges: how strongly small weights go first; an edge is drawn with weight exp(−this · |weight| / mean "
        "|weight|); 0, as published: by distance alone",
        label="preference for weak edges",
        low=0,
        high=100,
        slider=(0, 10),
        of=("remove_edges",),
    )
    whole_groups: bool = setting(
        False,
        "remove edges: a shared weight goes with all its edges at once, and no neuron loses its last edge; for "
        "convolutions, of which no single place should lose a weight",
        label="whole shared weights",
        of=("remove_edges",),
    )
    layer_pairs: int = setting(
        3,
        "add and remove edges: pairs of layers that one mutation changes",
        label="layer pairs changed",
        unit="pairs",
        low=1,
        slider=(1, 10),
        of=("add_edges", "remove_edges"),
    )
    larger_part: float = setting(
        0.6,
        "add edges: share of the new edges that one pair of layers gets; the others get equal parts of the rest",
        label="share of the main layer pair",
        low=0,
        high=1,
        of=("add_edges",),
    )
    bridge: float = setting(
        0.0,
        "remove layer: probability that new edges connect the layers before and after the one removed",
        label="reconnect after removal",
        low=0,
        high=1,
        of=("remove_layer",),
    )
    bridging_edges: tuple[float, float] = _part(
        (0.8, 0.95), "reconnecting edges", "remove_layer", "of lost edges", "how many, if any"
    )
    grow_maps: float = setting(
        0.0,
        "add neurons and add edges: probability that growth keeps weights shared; copies of whole maps are added, and "
        "edges between maps at all places of equal offset, with one weight",
        label="growth by maps",
        low=0,
        high=1,
        of=("add_neurons", "add_edges"),
    )
    shared_groups: tuple[float, float] = _part(
        (0.2, 0.6), "groups given one weight", "share_weights", "of groups", "how many groups of edges of equal offset"
    )
    unshared_groups: tuple[float, float] = _part(
        (0.2, 0.6), "groups split", "unshare_weights", "of groups", "how many groups of edges that share a weight"
    )
    regions: tuple[int, int] = setting(
        (2, 4),
        "unshare weights: groups are split by the region of the image in which their edges end; rows and columns of "
        "regions, a number drawn from this range; as many as pixels for a weight at each place",
        label="regions a side",
        low=2,
        high=1024,
        slider=(2, 32),
        of=("unshare_weights",),
    )
    removed_neuron_edges: tuple[float, float] = _part(
        (0.02, 0.06), "edges of removed neurons", "remove_neurons", "of edges", "how many edges go with them"
    )
    weak_neurons_first: float = setting(
        10.0,
        "remove neurons: how strongly unimportant ones go first; a map is drawn with weight edges · exp(−this · "
        "importance), which is |incoming weights| · |outgoing weights| over the layer's mean",
        label="preference for weak neurons",
        low=0,
        high=100,
        slider=(0, 20),
        of=("remove_neurons",),
    )
    spatial_base: float = setting(
        4.0,
        "spatial law: distance over which the weight of a new edge falls to 1/e, before what layers add",
        label="decay length",
        unit="pixels",
        above=0,
        slider=(0.25, 16),
        of=_SPATIAL,
    )
    spatial_per_layer: float = setting(
        1.5,
        "spatial law: how much longer the decay length is with each layer of the edge's target",
        label="added per layer",
        unit="pixels",
        low=0,
        slider=(0, 8),
        of=_SPATIAL,
    )

    def __post_init__(self) -> None:
        check_rates(self, KINDS)

    @property
    def law(self) -> SpatialLaw:
        """The spatial law with these constants."""
        return SpatialLaw(self.spatial_base, self.spatial_per_layer)

    def probabilities(self) -> dict[str, float]:
        """Probability of each mutation, summing to 1."""
        total = sum(getattr(self, kind) for kind in KINDS)
        return {kind: getattr(self, kind) / total for kind in KINDS}


DEFAULT_RATES = MutationRates()  # the published constants
