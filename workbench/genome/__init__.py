"""The genome: a DAG of single neurons (never imports torch, but to read its networks)."""

from workbench.genome.genome import EPS, FLOPS_PER_NORMALISED_NEURON, SMALLEST_NORMALISED_LAYER, Genome, check_neurons
