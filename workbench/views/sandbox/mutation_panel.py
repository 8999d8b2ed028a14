"""Choosing a mutation, its sizes and its seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.genome import Genome
from workbench.mutations import KINDS, MutationRates, apply
from workbench.spaces import NeuronSpace
from workbench.views.sandbox.controls import button, number, row
from workbench.views.steering.sliders import put, setting_control

MOST_SEED = 2**31 - 1


class MutationPanel(ipw.VBox):
    """One of the five mutations with its own sizes.

    Args:
        space: whose schema the sliders are made from.
        rates: where the sliders stand at first.
        mutate: called for "Mutate".
        again: called for "Draw again".

    Attributes:
        kind: choice of the mutation.
        sizes: sliders by setting.
        seed: of the next draw.
    """

    def __init__(
        self, space: NeuronSpace, rates: MutationRates, mutate: Callable[[], None], again: Callable[[], None]
    ) -> None:
        self._space = space
        options = [(kind.replace("_", " "), kind) for kind in KINDS]
        self.kind = ipw.Dropdown(options=options, description="mutation", style={"description_width": "9.4em"})
        self.kind.add_class("wb-mutation-kind")
        values = space.rates_values(rates)
        self.sizes: dict[str, Any] = {}
        for setting in space.settings:
            if setting.name not in KINDS:
                self.sizes[setting.name] = control = setting_control(setting)
                control.add_class(f"wb-size-{setting.name}")
                put(control, values[setting.name])
        self.seed = number("seed", "mutation-seed", "Of all random choices of the mutation", 0, 0, MOST_SEED)
        self.mutate = button("Mutate", "mutate", "Apply the mutation to the network as it is now", mutate, "random")
        self.again = button(
            "Draw again", "draw-again", "Take the last draw back, and draw with the next seed", again, "refresh"
        )
        buttons = row(self.seed, self.mutate, self.again)
        super().__init__([self.kind, *self.sizes.values(), buttons])
        self.kind.observe(self._show_sizes, "value")
        self._show_sizes(None)

    def _show_sizes(self, _: Any) -> None:
        for setting in self._space.settings:
            if setting.name in self.sizes:
                self.sizes[setting.name].layout.display = None if self.kind.value in setting.of else "none"

    def rates(self) -> MutationRates:
        """What the sliders say."""
        values: Mapping[str, Any] = {name: control.value for name, control in self.sizes.items()}
        return self._space.rates(values)

    def draw(self, genome: Genome) -> tuple[Genome, dict[str, Any]]:
        """The mutated genome (new edges without a weight yet) and its record; `MutationError` if it is impossible."""
        rng = np.random.default_rng(self.seed.value)
        child, record = apply(self.kind.value, genome, self.rates(), rng)
        return child, {**record, "seed": self.seed.value}
