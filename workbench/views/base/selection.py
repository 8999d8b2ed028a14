"""Which individual and which neuron are looked at: one object shared by all views."""

from __future__ import annotations

import traitlets


class Selection(traitlets.HasTraits):
    """Views observe it and set it; a click anywhere selects everywhere.

    Attributes:
        individual: id in the run, or None.
        neuron: id in that individual's genome, or None.
    """

    individual = traitlets.Int(None, allow_none=True)
    neuron = traitlets.Int(None, allow_none=True)

    @traitlets.observe("individual")
    def _forget_neuron(self, change: traitlets.Bunch) -> None:
        self.neuron = None
