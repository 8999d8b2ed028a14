"""Initial weights for edges that have none yet, scaled by each neuron's own in-degree."""

from __future__ import annotations

import numpy as np

from workbench.genome import Genome
from workbench.genome.validation import as_groups

NEW_EDGE_SCALE = 0.1
"""Initial scale of a new edge into a neuron with trained weights, relative to an edge into a new neuron."""


def initialise(genome: Genome, rng: np.random.Generator, new_edge_scale: float = NEW_EDGE_SCALE) -> Genome:
    """The genome with every NaN weight drawn from a normal distribution and every NaN bias set to 0.

    The deviation is sqrt(2 / in-degree) for hidden neurons (He et al. 2015, "Delving Deep into Rectifiers", with the
    neuron's own number of inputs as fan-in) and sqrt(1 / in-degree) for outputs. Edges into a neuron that has trained
    weights already are multiplied by `new_edge_scale`, so that a child starts close to its parent.
    """
    blank = np.isnan(genome.weights)
    if not blank.any() and not np.isnan(genome.biases).any():
        return genome
    targets = genome.targets
    is_output = targets < genome.n_inputs + genome.n_outputs
    deviation = np.sqrt(np.where(is_output, 1.0, 2.0) / genome.in_degrees[targets])
    trained = np.bincount(targets, weights=~blank, minlength=genome.n_neurons) > 0
    deviation *= np.where(trained[targets], new_edge_scale, 1.0)
    weights = genome.weights.copy()
    weights[blank] = (rng.standard_normal(genome.n_edges) * deviation)[blank]
    groups = as_groups(genome.shared, genome.weights)
    members = np.flatnonzero((groups >= 0) & blank)
    if len(members):  # one draw per group: the first member's
        _, first, which = np.unique(groups[members], return_index=True, return_inverse=True)
        weights[members] = weights[members[first]][which]
    return genome.with_parameters(weights, np.nan_to_num(genome.biases))
