"""Children of a generation that are trained together: drawn in a thread each, then trained by one of these threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from workbench.individuals import TrainResult

LOGGER = logging.getLogger(__name__)


@runtime_checkable
class TrainsTogether(Protocol):
    """Optional for a space: lets children of a generation be trained together, without which a GPU does not pay."""

    @property
    def together(self) -> int:
        """How many; 1 for each by itself."""

    def train_together(
        self,
        genomes: Sequence[Any],
        data: Any,
        config: Any,
        *,
        seeds: Sequence[int],
        stream: tuple[int, ...],
        on_epochs: Sequence[Callable[[Mapping[str, float]], bool] | None],
    ) -> list[TrainResult]:
        """As `SearchSpace.train` for each genome, up to rounding; one that fails must not disturb the others.

        With `teachers`, one for each genome, if `SearchSpace.train` takes a `teacher`.
        """


def launch_size(space: object) -> int:
    """How many children of a space are trained together."""
    return space.together if isinstance(space, TrainsTogether) else 1


@dataclass(frozen=True)
class _Member:
    """A child that is ready to be trained."""

    id: int
    genome: Any
    data: Any
    config: Any
    seed: int
    stream: tuple[int, ...]
    on_epoch: Callable[[Mapping[str, float]], bool] | None
    teacher: Any = None
    result: Future[TrainResult] = field(default_factory=Future)


class Launch:
    """Children that are trained together, once each of them is ready or has failed before, in the order of their ids.

    Used by the threads of the children. Which there are, the search says, so that it does not depend on timing.
    """

    def __init__(self, space: Any, ids: Sequence[int]) -> None:
        self.size, self._space = len(ids), space
        self._missing, self._members = set(ids), list[_Member]()
        self._guard = threading.Lock()

    def train(self, id: int, genome: Any, data: Any, config: Any, **arguments: Any) -> TrainResult:
        """What `SearchSpace.train` gives for child `id`; waits for the others."""
        member = _Member(id, genome, data, config, **arguments)
        with self._guard:
            is_late = id not in self._missing  # it was lost, and is made again
            self._members += [] if is_late else [member]
        if is_late:
            self._train_alone(member)
        self.leave(id)
        return member.result.result()

    def leave(self, id: int) -> None:
        """Wait for child `id` no longer; the thread of the last one trains them all."""
        with self._guard:
            is_last = self._missing == {id}
            self._missing.discard(id)
        if not is_last:
            return
        alike: dict[Any, list[_Member]] = {}  # a setting may have changed between two of them
        for member in sorted(self._members, key=lambda member: member.id):
            alike.setdefault((member.config, member.teacher is None), []).append(member)
        for members in alike.values():
            self._train(members)

    def _train(self, members: Sequence[_Member]) -> None:
        teachers = [member.teacher for member in members if member.teacher is not None]
        try:
            results = self._space.train_together(
                [member.genome for member in members],
                members[0].data,
                members[0].config,
                seeds=[member.seed for member in members],
                stream=members[0].stream,
                on_epochs=[member.on_epoch for member in members],
                **({"teachers": teachers} if teachers else {}),
            )
        except BaseException as error:  # such as too little memory: each by itself, so that only the guilty fail
            LOGGER.warning("%d children are trained one by one: %s: %s", len(members), type(error).__name__, error)
            for member in members:
                self._train_alone(member)
        else:
            for member, result in zip(members, results, strict=True):
                member.result.set_result(result)

    def _train_alone(self, member: _Member) -> None:
        named = {"seed": member.seed, "stream": member.stream, "on_epoch": member.on_epoch}
        named |= {} if member.teacher is None else {"teacher": member.teacher}
        try:
            member.result.set_result(self._space.train(member.genome, member.data, member.config, **named))
        except BaseException as error:  # goes to the child's own thread
            member.result.set_exception(error)
