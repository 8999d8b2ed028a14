"""The way back to weights that were not kept: what it takes, a button, and how far it is."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import ipywidgets as ipw

from workbench.formats import counted, percent, points
from workbench.individuals import Individual
from workbench.search.again import AgainPlan
from workbench.views.base.background import Background
from workbench.views.base.markup import alert, quiet
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import button, classed


class Stopped(Exception):
    """The person wants no more of it."""


class TrainAgain(ipw.VBox):
    """Shown while the selected individual lacks its weights: says so, says what training again takes, and does it.

    It trains in a thread. The network is kept in memory for all views of the source, which then look at it anew.

    Args:
        source: what is followed.
        selection: which individual is looked at.
        which: the trait of the selection that names the individual: "individual" or "pinned".
    """

    def __init__(self, source: Source, selection: Selection, which: str = "individual") -> None:
        self._source, self._selection, self._which = source, selection, which
        self._background = Background(self._show_progress)
        self._plan: AgainPlan | None = None  # of the individual that is shown
        self._training: AgainPlan | None = None
        self._trained = 0  # individuals, in the training in progress
        self._stopping = False
        self.note = ipw.HTML()
        self.train = button("Train again", "wb-train-again", "From the stored seeds, in memory only", self.begin)
        self.halt = button("Stop", "wb-stop-again", "Stop after the individual in training", self.stop)
        row = classed(ipw.HBox([self.note, self.train, self.halt]), "wb-buttons")
        super().__init__([row])
        classed(self, "wb-again", f"wb-again-{which}")
        selection.observe(self.look, which)
        self.look()

    @property
    def individual(self) -> int | None:
        """Who is looked at."""
        found: int | None = getattr(self._selection, self._which)
        return found

    def look(self, _: Any = None) -> None:
        """Say whether the individual lacks its weights, and work out in a thread what training again takes."""
        id = self.individual
        if self._training is not None:
            return  # the training of another one goes on, and is shown
        self._plan = None
        made = None if id is None else self._source.trained_again(id)
        lacking = id is not None and made is None and self._source.lacks_weights(id)
        self.layout.display = None if made is not None or lacking else "none"
        self._enable()
        if made is not None:
            self.train.layout.display = "none"
            self.note.value = quiet(_outcome(*made))
        elif id is not None and lacking:
            self.train.layout.display = None
            self.note.value = quiet(_not_kept(id))
            work = partial(self._source.plan_again, id)
            self._background.start(work, self._take_plan, partial(self._fail_plan, id))

    def _take_plan(self, plan: AgainPlan) -> None:
        if self._training is None and plan.id == self.individual:
            self._plan = plan
            self.note.value = quiet(f"{_not_kept(plan.id)} For them, {plan.cost}.")
            self._enable()

    def _fail_plan(self, id: int, error: Exception) -> None:
        if self._training is None and id == self.individual:
            self.note.value = quiet(_not_kept(id)) + alert(str(error))

    def _fail(self, error: Exception) -> None:
        self._training = None
        self.look()
        if not isinstance(error, Stopped):
            self.note.value = alert(str(error))

    def _enable(self) -> None:
        self.train.disabled = self._plan is None or self._training is not None
        self.halt.layout.display = None if self._training is not None else "none"

    def begin(self) -> None:
        """Train, in a thread."""
        plan = self._plan
        if plan is None or self._training is not None:
            return
        self._training, self._trained, self._stopping = plan, 0, False

        def on_child(_: Individual) -> None:
            self._trained += 1
            if self._stopping and self._trained < len(plan.again):
                raise Stopped

        self._background.start(partial(self._source.train_again, plan, on_child), self._take_trained, self._fail)
        self._enable()
        self._show_progress()

    def stop(self) -> None:
        """End it after the individual in training; what is trained by then is kept in memory."""
        self._stopping = True

    def wait(self) -> None:
        """Block until it is done; for scripts."""
        self._background.wait()

    def _show_progress(self) -> None:
        if self._training is not None:
            of = counted(len(self._training.again), "individual")
            self.note.value = quiet(f"Training {self._training.id} again: {self._trained} of {of} …")

    def _take_trained(self, made: Individual) -> None:
        self._training = None
        self.look()
        if made.id in (self._selection.individual, self._selection.pinned):
            self._selection.look_again()

    def close(self) -> None:
        """End it; a training in progress ends after its individual."""
        self._stopping = True
        with contextlib.suppress(ValueError):  # it may be closed already
            self._selection.unobserve(self.look, self._which)
        super().close()


def _not_kept(id: int) -> str:
    return f"The weights of {id} were not kept: no predictions."


def _outcome(made: Individual, first: Individual) -> str:
    """What training again gave."""
    if made.val_accuracy == first.val_accuracy:
        return f"Trained again to the same {percent(made.val_accuracy)}, in memory only."
    change = points(made.val_accuracy - first.val_accuracy)
    return (
        f"Trained again, in memory only, to {percent(made.val_accuracy)}: {change} from the first time. Equal weights "
        "are promised for one type of processor and one set of versions."
    )
