"""The mutations, `genome -> (genome, record)`: five published ones, and two for networks with shared weights."""

from workbench.mutations.drawing import apply, mutate
from workbench.mutations.maps import remove_neurons, unshare_weights
from workbench.mutations.published import add_edges, add_neurons, remove_edges, remove_layer, share_weights
from workbench.mutations.rates import DEFAULT_RATES, KINDS, MutationRates

__all__ = [
    "DEFAULT_RATES",
    "KINDS",
    "MutationRates",
    "add_edges",
    "add_neurons",
    "apply",
    "mutate",
    "remove_edges",
    "remove_layer",
    "remove_neurons",
    "share_weights",
    "unshare_weights",
]
