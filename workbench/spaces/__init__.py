"""The search spaces of the workbench, and `register` for others."""

from __future__ import annotations

from workbench.initial import InitialConfig
from workbench.registry import SPACES, make_space, register, space_class, space_for
from workbench.spaces.einspace.space import EinSpace
from workbench.spaces.hnas import HnasSpace
from workbench.spaces.mlp import MlpSpace
from workbench.spaces.neuron import NeuronSpace
from workbench.spaces.programs.pairs import PairsSpace
from workbench.spaces.programs.space import ProgramSpace

for _kind in (NeuronSpace, MlpSpace, HnasSpace, EinSpace, ProgramSpace, PairsSpace):
    register(_kind)
