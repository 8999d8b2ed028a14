"""What changed, in numbers."""

from __future__ import annotations

import ipywidgets as ipw

from workbench.views.sandbox.history import History
from workbench.views.sandbox.setting import Measures
from workbench.views.sandbox.tables import changes_html


class ChangesPanel(ipw.HTML):
    """A table of the numbers of a network: before, after, and the change."""

    def show(self, history: History | None, measures: Measures) -> None:
        """Show what changed since the step that was kept last."""
        if history is None:
            self.value = '<p class="wb-quiet">Nothing yet: choose a network and press Begin.</p>'
            return
        before, current = history.before, history.current
        since = history.steps[history.base + 1 : history.place + 1]
        epochs = sum(len(step.trained) for step in since)
        when = f"trained {epochs} epochs" if epochs else "before training" if since else ""
        accuracies = measures.of(before), measures.of(current)
        self.value = changes_html(before.genome, current.genome, accuracies, when)
