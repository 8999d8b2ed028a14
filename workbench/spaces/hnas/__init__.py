"""The hierarchical search space: NAS-Bench-201's cells, and the stages and the macro around them, by a grammar."""

from workbench.spaces.hnas.space import HnasRates, HnasSpace
