"""Dense MLPs by the widths of their layers: a second, small search space, which offers every optional protocol.

It is a scientific control, what the same evolution finds when it may only choose widths, and shows that the rest of the
workbench does not depend on neurons.
"""

from workbench.spaces.mlp.genome import MlpGenome
from workbench.spaces.mlp.space import KINDS, MlpRates, MlpSpace
