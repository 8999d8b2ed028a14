"""One mutation by its name, or one that is drawn."""

from __future__ import annotations

import numpy as np

from workbench.builder import Mutated
from workbench.errors import MutationError
from workbench.genome import Genome, check_neurons
from workbench.mutations.maps import remove_neurons, unshare_weights
from workbench.mutations.published import add_edges, add_neurons, remove_edges, remove_layer, share_weights
from workbench.mutations.rates import KINDS, MutationRates

_PUBLISHED = (add_neurons, add_edges, remove_edges, remove_layer, share_weights)
_MUTATIONS = {each.__name__: each for each in (*_PUBLISHED, unshare_weights, remove_neurons)}


def apply(kind: str, genome: Genome, rates: MutationRates, rng: np.random.Generator) -> Mutated:
    """The mutation named `kind` with the sizes of `rates`; `MutationError` if it is impossible here."""
    if kind not in _MUTATIONS:
        raise MutationError(f"unknown mutation {kind!r}; expected one of: {', '.join(KINDS)}")
    check_neurons(genome)
    return _MUTATIONS[kind](genome, rng, rates)


def mutate(genome: Genome, rates: MutationRates, rng: np.random.Generator) -> Mutated:
    """A child by one of the mutations, drawn with the probabilities of `rates`.

    If the mutation drawn is impossible (there is no hidden layer to remove, say), another is drawn; `impossible` in
    the record names those that failed.

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
            return child, {**record, "impossible": list(impossible)}
        except MutationError as error:
            impossible[kind] = str(error)
            del left[kind]
    raise MutationError(f"no mutation is possible on {genome!r}: {'; '.join(impossible.values())}")
