"""What was done to a genome, step by step, with undo and redo (knows no widget)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from workbench.errors import WorkbenchError
from workbench.genome import Genome
from workbench.views.network.data import genome_difference

TRAIN = "train"
"""Kind of the record of a step that trained."""

_serials = count()


@dataclass(frozen=True, eq=False)
class Step:
    """One state of the genome.

    Attributes:
        genome: as it was after this step, with a weight on every edge.
        record: what was done; `record["kind"]` names it.
        trained: rows of the training that this step was, empty for others.
        serial: no two steps have the same.
    """

    genome: Genome
    record: Mapping[str, Any]
    trained: tuple[Mapping[str, float], ...] = ()
    serial: int = field(default_factory=lambda: next(_serials))


class History:
    """A genome's steps: those done, of which one is current, and those undone after it.

    What changed is shown since a base, which is the last step that was kept.

    Attributes:
        steps: all, the first one being where it began.
        place: of the current step.
        base: place of the step since which changes are shown.
        parent: id of the individual that it began with, or None.
    """

    def __init__(self, start: Genome, record: Mapping[str, Any], parent: int | None = None) -> None:
        self.steps = [Step(start, record)]
        self.place = self.base = 0
        self.parent = parent

    @property
    def current(self) -> Step:
        """What is worked on."""
        return self.steps[self.place]

    @property
    def before(self) -> Step:
        """With what it is compared."""
        return self.steps[self.base]

    @property
    def done(self) -> list[Step]:
        """The steps from the start to the current one, the start left out."""
        return self.steps[1 : self.place + 1]

    def do(self, genome: Genome, record: Mapping[str, Any], trained: tuple[Mapping[str, float], ...] = ()) -> Step:
        """Add a step after the current one; steps that were undone are forgotten."""
        self.steps[self.place + 1 :] = [Step(genome, record, trained)]
        self.place += 1
        return self.current

    def go(self, place: int) -> None:
        """Make another step the current one.

        Raises:
            WorkbenchError: if there is none at that place.
        """
        if not 0 <= place < len(self.steps):
            raise WorkbenchError(f"expected a step from 0 to {len(self.steps) - 1}, got {place}")
        self.place = place
        self.base = min(self.base, place)

    def undo(self) -> None:
        """One step back; at the start nothing happens."""
        self.go(max(self.place - 1, 0))

    def redo(self) -> None:
        """One step forward again; at the end nothing happens."""
        self.go(min(self.place + 1, len(self.steps) - 1))

    def keep(self) -> None:
        """Accept what was done: changes are shown from here on."""
        self.base = self.place

    def record(self) -> dict[str, Any]:
        """All that was done in one record: that of the only change, or a summary of several."""
        changes = [step.record for step in self.done if step.record["kind"] != TRAIN]
        if len(changes) == 1:
            return dict(changes[0])
        start = self.steps[0]
        made = [*([start.record] if self.parent is None else []), *changes]
        counts = genome_difference(start.genome, self.current.genome).counts if changes else {}
        numbers = {name: value for name, value in counts.items() if name.endswith(("_added", "_removed"))}
        return {"kind": "by hand", "steps": [str(record["kind"]) for record in made], **numbers}

    def trained(self) -> tuple[Mapping[str, float], ...]:
        """Rows of every training on the way to the current step, epochs numbered through."""
        rows = [row for step in self.done for row in step.trained]
        return tuple({**row, "epoch": number} for number, row in enumerate(rows, 1))
