"""einspace: networks derived from fundamental operations by a context-free grammar (Ericsson et al. 2024).

`resnet18`, `wrn16_4`, `transformer` and `mlp_mixer` are published networks as derivations. `space.genome(resnet18())`
is a genome of a space whose bounds have room for it.
"""

from workbench.spaces.einspace.seeds import mlp_mixer, resnet18, transformer, wrn16_4
from workbench.spaces.einspace.space import EinRates, EinSpace
