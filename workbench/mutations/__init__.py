"""The five mutations, `genome -> (genome, record)`, and the draw among them."""

from __future__ import annotations

import numpy as np

from workbench.builder import Record
from workbench.errors import MutationError
from workbench.genome import Genome
from workbench.mutations.growing import add_edges, add_neurons
from workbench.mutations.rates import KINDS, SIZES, MutationRates
from workbench.mutations.sharing import share_weights
from workbench.mutations.shrinking import remove_edges, remove_layer

__all__ = [
    "KINDS",
    "SIZES",
    "MutationRates",
    "add_edges",
    "add_neurons",
    "apply",
    "mutate",
    "remove_edges",
    "remove_layer",
    "share_weights",
]


def apply(kind: str, genome: Genome, rates: MutationRates, rng: np.random.Generator) -> tuple[Genome, Record]:
    """The mutation named `kind` with the sizes of `rates`; `MutationError` if it is impossible here."""
    match kind:
        case "add_neurons":
            return add_neurons(genome, rng, neurons=rates.new_neurons, edges=rates.new_neuron_edges, law=rates.law)
        case "add_edges":
            return add_edges(
                genome,
                rng,
                edges=rates.new_edges,
                pairs=rates.layer_pairs,
                larger_part=rates.larger_part,
                law=rates.law,
            )
        case "remove_edges":
            return remove_edges(
                genome,
                rng,
                edges=rates.removed_edges,
                pairs=rates.layer_pairs,
                weak_first=rates.weak_first,
                law=rates.law,
            )
        case "remove_layer":
            return remove_layer(genome, rng, bridge=rates.bridge, bridging_edges=rates.bridging_edges, law=rates.law)
        case "share_weights":
            return share_weights(genome, rng, groups=rates.shared_groups)
    raise MutationError(f"unknown mutation {kind!r}; expected one of: {', '.join(KINDS)}")


def mutate(genome: Genome, rates: MutationRates, rng: np.random.Generator) -> tuple[Genome, Record]:
    """A child by one of the five mutations, drawn with the probabilities of `rates`.

    A mutation that is impossible here (no hidden layer to remove, say) gives way to another; the record's
    `impossible` names those tried in vain.

    Raises:
        MutationError: if none of those with a probability above 0 is possible.
    """
    left = {kind: p for kind, p in rates.probabilities().items() if p > 0}
    impossible: dict[str, str] = {}
    while left:
        chances = np.array(list(left.values()))
        kind = str(rng.choice(list(left), p=chances / chances.sum()))
        try:
            child, record = apply(kind, genome, rates, rng)
        except MutationError as error:
            impossible[kind] = str(error)
            del left[kind]
            continue
        return child, {**record, "impossible": list(impossible)}
    raise MutationError(f"no mutation is possible on {genome!r}: {'; '.join(impossible.values())}")
