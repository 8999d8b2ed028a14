"""The sandbox's steps, with undo and redo, and what changed between two of them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import ConfigError, WorkbenchError
from workbench.formats import percent
from workbench.genome import Genome
from workbench.mutations import MutationRates
from workbench.spaces import NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.markup import escape
from workbench.views.base.source import Source
from workbench.views.network.data import genome_difference, genome_figures

TRAIN = "train"
"""Kind of the record of a training step."""


@dataclass(eq=False)
class Step:
    """One state of the genome."""

    genome: Genome  # as it was after this step, with a weight on every edge
    record: Mapping[str, Any]  # what was done; `record["kind"]` names it
    trained: tuple[Mapping[str, float], ...] = ()  # history rows of a training step, empty for others
    accuracy: float | None = None  # on the validation split; None if it has not been measured (yet)


class History:
    """A genome's steps: those done, the last of which is current, and those undone after it."""

    def __init__(self, start: Genome, record: Mapping[str, Any], parent: int | None = None) -> None:
        self.steps = [Step(start, record)]  # the first is the start
        self.place = 0  # of the current step
        self.base = 0  # of the step since which changes are shown: the last one that was kept
        self.parent = parent  # id of the individual at the start, or None

    @property
    def current(self) -> Step:
        """The step that is worked on."""
        return self.steps[self.place]

    @property
    def before(self) -> Step:
        """The step it is compared with."""
        return self.steps[self.base]

    @property
    def done(self) -> list[Step]:
        """The steps after the start, up to the current one."""
        return self.steps[1 : self.place + 1]

    def do(self, step: Step) -> None:
        """Add a step after the current one; steps that were undone are forgotten."""
        self.steps[self.place + 1 :] = [step]
        self.place += 1

    def go(self, place: int) -> None:
        """Make another step the current one; `WorkbenchError` if there is no such step."""
        if not 0 <= place < len(self.steps):
            raise WorkbenchError(f"expected a step from 0 to {len(self.steps) - 1}, got {place}")
        self.place = place
        self.base = min(self.base, place)

    def keep(self) -> None:
        """Show changes from the current step on."""
        self.base = self.place

    def record(self) -> dict[str, Any]:
        """One record of all that was done: that of the only change, or a summary of several."""
        changes = [step.record for step in self.done if step.record["kind"] != TRAIN]
        if len(changes) == 1:
            return dict(changes[0])
        start = self.steps[0]
        made = [*([start.record] if self.parent is None else []), *changes]
        counts = genome_difference(start.genome, self.current.genome).counts if changes else {}
        numbers = {name: value for name, value in counts.items() if name.endswith(("_added", "_removed"))}
        return {"kind": "by hand", "steps": [str(record["kind"]) for record in made], **numbers}

    def trained(self) -> tuple[Mapping[str, float], ...]:
        """History rows of all trainings up to the current step, with epochs numbered consecutively."""
        rows = [row for step in self.done for row in step.trained]
        return tuple({**row, "epoch": number} for number, row in enumerate(rows, 1))


def defaults_for(
    data: Dataset | None, genome: Genome | None, source: Source | None
) -> tuple[NeuronSpace, MutationRates, TrainConfig]:
    """What a sandbox starts from: the settings of the search, else the defaults for the data or genome."""
    if source is not None:
        if not isinstance(source.space, NeuronSpace):
            raise ConfigError(
                f"the sandbox changes networks of single neurons, not those of the space {source.space.name!r}"
            )
        settings = source.settings
        return source.space, settings.rates, settings.config.train
    if data is not None:
        space = NeuronSpace.for_data(data)
    elif genome is not None:
        space = NeuronSpace(genome.input_shape, genome.n_outputs)
    else:
        raise ConfigError("expected data, a genome or a search to begin with, got none; try Sandbox(data)")
    return space, MutationRates(), TrainConfig()


# ---------------------------------------------------------------------- what changed
def changes_html(history: History) -> str:
    """A table of the numbers of a network: before, after, and the change."""
    before, after = history.before, history.current
    was, now = genome_figures(before.genome), genome_figures(after.genome)
    rows = [(name, _figure(was[name]), _figure(now[name]), _change(was[name], now[name])) for name in was]
    since = history.steps[history.base + 1 : history.place + 1]
    epochs = sum(len(step.trained) for step in since)
    state = f", trained {epochs} epochs" if epochs else ", before training" if since else ""
    first, second = before.accuracy, after.accuracy
    points = "" if first is None or second is None else f"{100 * (second - first):+.2f} points"
    accuracies = ["…" if each is None else percent(each) for each in (first, second)]
    rows.append((f"validation accuracy{state}", accuracies[0], accuracies[1], points.replace("-", "−")))
    head = "<tr><th></th><th>before</th><th>after</th><th>change</th></tr>"
    body = (f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for name, *cells in rows)
    return f'<table class="wb-changes">{head}{"".join(body)}</table>'


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else percent(value)


def _change(was: float, now: float) -> str:
    if now == was:
        return "0"
    if isinstance(now, float):
        return f"{now / was - 1:+.1%}".replace("-", "−") if was else ""
    share = "" if not was else f" ({now / was - 1:+.0%})" if now < 10 * was else f" (×{now / was:.0f})"
    return f"{now - was:+,}{share}".replace("-", "−")
