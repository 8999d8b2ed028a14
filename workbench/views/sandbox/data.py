"""The sandbox's steps, with undo and redo, and what changed between two of them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError, WorkbenchError
from workbench.formats import MISSING, percent
from workbench.genome import Genome
from workbench.initial import initialise
from workbench.space import Operates, SearchSpace
from workbench.spaces import NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.markup import escape
from workbench.views.base.source import Source
from workbench.views.base.words import value_text
from workbench.views.network.data import genome_difference, genome_figures

TRAIN = "train"
"""Kind of the record of a training step."""

LONGEST_NUMBER = 14
"""Letters, as of "−12.34 points"."""


@dataclass(eq=False)
class Step:
    """One state of the genome."""

    genome: Any  # as it was after this step, with all its weights once it was measured
    record: Mapping[str, Any]  # what was done; `record["kind"]` names it
    trained: tuple[Mapping[str, float], ...] = ()  # history rows of a training step, empty for others
    accuracy: float | None = None  # on the validation split; None if it has not been measured (yet)


class History:
    """A genome's steps: those done, the last of which is current, and those undone after it."""

    def __init__(self, start: Any, record: Mapping[str, Any], parent: int | None = None) -> None:
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
        numbers = {}
        if changes and isinstance(start.genome, Genome):
            counts = genome_difference(start.genome, self.current.genome).counts
            numbers = {name: value for name, value in counts.items() if name.endswith(("_added", "_removed"))}
        return {"kind": "by hand", "steps": [str(record["kind"]) for record in made], **numbers}

    def trained(self) -> tuple[Mapping[str, float], ...]:
        """History rows of all trainings up to the current step, with epochs numbered consecutively."""
        rows = [row for step in self.done for row in step.trained]
        return tuple({**row, "epoch": number} for number, row in enumerate(rows, 1))


def operating(space: SearchSpace) -> Operates:
    """The space, which applies mutations by name; `ConfigError` if it does not."""
    if not isinstance(space, Operates):
        raise ConfigError(f"the space {space.name!r} does not apply mutations by name, so nothing can be changed here")
    return space


def defaults_for(
    data: Dataset | None, genome: Any, source: Source | None, space: SearchSpace | None
) -> tuple[SearchSpace, Any, TrainConfig]:
    """Space, rates and training that a sandbox starts from: those of the search, else the defaults.

    Raises:
        ConfigError: if it is not known what the genome is, or the space does not apply mutations by name.
    """
    if source is not None:
        if space is not None and space != source.space:
            raise ConfigError(f"expected a search or a space, got both and they differ: {source.space}, {space}")
        operating(source.space)
        return source.space, source.settings.rates, source.settings.config.train
    if space is None:
        space = _space_of(data, genome)
    operating(space)
    return space, space.rates(), TrainConfig()


def _space_of(data: Dataset | None, genome: Any) -> NeuronSpace:
    """The neuron-level space of data or a genome."""
    if genome is not None and not isinstance(genome, Genome):
        raise ConfigError(
            f"expected a network of neurons, or the space of another network, got {type(genome).__name__} alone; "
            "try Sandbox(data, genome, space=MlpSpace.for_data(data)), or search=..."
        )
    if data is not None:
        return NeuronSpace.for_data(data)
    if genome is None:
        raise ConfigError("expected data, a genome or a search to begin with, got none; try Sandbox(data)")
    return NeuronSpace(genome.input_shape, genome.n_outputs)


def check_genome(space: SearchSpace, genome: Any) -> None:
    """Raise `ConfigError` if a genome is not one of the space."""
    try:
        space.decode(space.encode(genome))
    except Exception as error:  # one of another space fails in ways that only this space knows
        raise ConfigError(
            f"expected a genome of the search space {space.name!r}, got {type(genome).__name__} "
            f"({type(error).__name__}: {error}); say what it is with space=..."
        ) from error


def first_weights(genome: Any, seed: int, config: TrainConfig) -> Any:
    """A network of neurons with a weight on every edge, small where it had none; others get theirs when measured."""
    if not isinstance(genome, Genome):
        return genome
    return initialise(genome, np.random.default_rng([seed, 1]), config.new_edge_scale)


# ---------------------------------------------------------------------- what changed
def figures(space: SearchSpace, genome: Any) -> dict[str, Any]:
    """What is known of a network without its data, by name; shares as fractions, FLOPs per image."""
    if isinstance(genome, Genome):
        return genome_figures(genome)
    cost = space.cost(genome)
    counts = {"parameters": cost.parameters, "FLOPs": cost.flops, "FLOPs with norm, bias, activation": cost.flops_total}
    return {**space.describe(genome), **counts}


def changes_html(space: SearchSpace, history: History) -> str:
    """A table of the facts about a network: before, after, and the change."""
    before, after = history.before, history.current
    was, now = figures(space, before.genome), figures(space, after.genome)
    rows = [
        (each, _figure(each, was.get(each)), _figure(each, now.get(each)), _change(was.get(each), now.get(each)))
        for each in dict.fromkeys([*was, *now])
    ]
    since = history.steps[history.base + 1 : history.place + 1]
    epochs = sum(len(step.trained) for step in since)
    state = f", trained {epochs} epochs" if epochs else ", before training" if since else ""
    first, second = before.accuracy, after.accuracy
    points = "" if first is None or second is None else f"{100 * (second - first):+z.2f} points"
    accuracies = ["…" if each is None else percent(each) for each in (first, second)]
    rows.append((f"validation accuracy{state}", accuracies[0], accuracies[1], points.replace("-", "−")))
    head = "<tr><th></th><th>before</th><th>after</th><th>change</th></tr>"
    body = (f"<tr><th>{escape(name)}</th>{''.join(map(_cell, cells))}</tr>" for name, *cells in rows)
    return f'<table class="wb-changes">{head}{"".join(body)}</table>'


def _cell(text: str) -> str:
    """A number stays in one line, words need not."""
    return f'<td class="wb-words">{text}</td>' if len(text) > LONGEST_NUMBER else f"<td>{text}</td>"


def _figure(name: str, value: Any) -> str:
    if value is None:
        return MISSING
    return percent(value) if name == "density" else escape(value_text(value))


def _change(was: Any, now: Any) -> str:
    if was == now:
        return "0" if isinstance(was, int | float) else "same"
    if not (isinstance(was, int | float) and isinstance(now, int | float)):
        return "changed"
    if isinstance(was, float) or isinstance(now, float):
        return f"{now / was - 1:+z.1%}".replace("-", "−") if was else ""
    share = "" if not was else f" ({now / was - 1:+z.0%})" if now < 10 * was else f" (×{now / was:.0f})"
    return f"{now - was:+,}{share}".replace("-", "−")
