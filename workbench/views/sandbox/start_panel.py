"""Where the sandbox begins: the selected individual, or a fresh genome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.genome import Genome
from workbench.spaces import NeuronSpace
from workbench.views.sandbox.controls import button, number, row
from workbench.views.sandbox.mutation_panel import MOST_SEED

SELECTED = "selected"
SHAPES = {"random": "random", "dense": "dense layers", "local": "local windows", "convolution": "convolution-shaped"}
"""Shares of `InitialConfig`, in words."""


class StartPanel(ipw.VBox):
    """Choice of a genome to work on.

    Args:
        space: from which fresh genomes are drawn.
        has_run: whether there is a run whose individuals may be taken.
        begin: called for "Begin".

    Attributes:
        kind: `SELECTED`, or a key of `SHAPES`.
        seed: of a fresh genome.
    """

    def __init__(self, space: NeuronSpace, has_run: bool, begin: Callable[[], None]) -> None:
        self._space, self._has_run = space, has_run
        self.kind: Any = ipw.Dropdown(options=self._options(None), description="begin with")
        self.kind.add_class("wb-start-kind")
        self.seed = number("seed", "start-seed", "Of a fresh genome", 0, 0, MOST_SEED)
        self.begin = button("Begin", "begin", "Work on this network; the history begins anew", begin, "play")
        super().__init__([row(self.kind, self.seed, self.begin)])
        self.kind.observe(self._fit, "value")
        self._fit(None)

    def _options(self, individual: int | None) -> list[tuple[str, str]]:
        fresh = [(f"fresh: {text}", name) for name, text in SHAPES.items()]
        which = "none is selected" if individual is None else f"{individual:,}"
        return [(f"individual: {which}", SELECTED), *fresh] if self._has_run else fresh

    def show_selected(self, individual: int | None) -> None:
        """Name the individual that would be taken."""
        kind = self.kind.value
        self.kind.options = self._options(individual)
        self.kind.value = kind

    def _fit(self, _: Any) -> None:
        self.seed.disabled = self.kind.value == SELECTED

    def fresh(self) -> Genome:
        """A genome of the chosen shape, its sizes drawn as in an initial population."""
        shares: dict[str, Any] = {shape: float(shape == self.kind.value) for shape in SHAPES}
        space = replace(self._space, initial=replace(self._space.initial, **shares))
        return space.sample(0, np.random.default_rng(self.seed.value))
