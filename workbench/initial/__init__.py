"""Initial genomes: random ones, hand-shaped ones, and weights for edges that have none."""

from workbench.initial.random import INITIAL_KINDS, InitialConfig, random_genome
from workbench.initial.shaped import CONVOLUTION, LOCAL, Windows, dense_mlp, windowed, windowed_edges
from workbench.initial.weights import NEW_EDGE_SCALE, initialise
