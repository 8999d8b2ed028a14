"""One network of a run whose weights were not kept, trained again from what is stored, to the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.errors import RunError
from workbench.individuals import Individual, is_by_hand
from workbench.search.stored import RunHistory


@dataclass(frozen=True)
class AgainPlan:
    """What training an individual again will take."""

    history: RunHistory
    id: int
    again: tuple[int, ...]  # ids to be trained: what it needs that has no weights, from the first, then it; or empty

    @property
    def cost(self) -> str:
        """What it costs, in words."""
        return self.history.effort(self.again) if self.again else "its weights are there"


def plan_again(history: RunHistory, id: int) -> AgainPlan:
    """Plan to train individual `id` again, with its ancestors and their teachers whose weights were not kept either.

    Raises:
        RunError: if there is no such individual, it failed, or it descends from a network made by hand that is lost.
    """
    if id not in history.individuals:
        raise RunError(f"{history.run.path} has no individual {id}")
    again = tuple(history.missing([id]))
    for each in again:
        if is_by_hand(each):
            raise RunError(f"individual {each} was inserted by hand and not kept, so {id} cannot be trained again")
        if failure := history.individuals[each].failure:
            raise RunError(f"individual {each} failed, so it cannot be trained again: {failure}")
    return AgainPlan(history, id, again)


def train_again(plan: AgainPlan, data: Any, on_child: Callable[[Individual], None] | None = None) -> Individual:
    """Train what `plan` says; returns the individual with its network, which `plan.history` keeps in memory.

    Nothing is written to the run file. The weights are the same bits as the first time on the same type of processor
    and the same versions; `plan.history.differs(individual)` tells whether they gave another accuracy.

    Args:
        plan: from `plan_again`.
        data: the data set of the run.
        on_child: called with each network that was trained; what it raises ends the training.

    Raises:
        RunError: if one cannot be trained again.
    """
    history = plan.history

    def keep(child: Individual) -> None:
        history.again[child.id] = child
        if on_child is not None:
            on_child(child)

    history.make_again(plan.again, data, 1, keep)
    return history.again.get(plan.id) or history.run.individual(plan.id)
