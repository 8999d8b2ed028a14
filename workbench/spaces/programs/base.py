"""What the spaces of programs share: memory, instructions, mutation with a screen, training, cost, files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import WeightsError
from workbench.individuals import Cost, TrainResult
from workbench.pictures import Line, Picture
from workbench.settings import check_settings, setting
from workbench.space import TEACHING, RecordSpace, check_ending
from workbench.spaces.programs import files
from workbench.spaces.programs.features import REDUCTIONS, Examples, Pair, Preparation
from workbench.spaces.programs.liveness import answering, kept_size, live
from workbench.spaces.programs.looks import listing, picture
from workbench.spaces.programs.machine import Machine
from workbench.spaces.programs.mutations import KINDS, ProgramRates, draw_kind, mutated, record_of
from workbench.spaces.programs.operations import OPERATION_SETS, OPERATIONS
from workbench.spaces.programs.program import (
    LEARN,
    MAX_ADDRESSES,
    MAX_FEATURES,
    MAX_LENGTH,
    OPERATION,
    PREDICT,
    Form,
    Program,
)
from workbench.spaces.programs.sampling import Limits, Sets
from workbench.spaces.programs.screen import screen_for
from workbench.spaces.programs.starts import STARTS, check_start, starting_program
from workbench.spaces.programs.training import Training
from workbench.training import OnEpoch, TrainConfig

OBEYED = ("epochs", "divergence")
"""Settings of training that programs have; everything else is theirs to find."""


@dataclass(frozen=True)
class AbstractProgramSpace(RecordSpace):
    """Base of the search spaces whose genomes are `Program`.

    Implements `workbench.space.SearchSpace` and the optional protocols. A space gives its tasks: their form, their
    examples, and how many answers are right.
    """

    start: str = setting("linear", "initial population: programs to start from", choices=STARTS)
    operations: str = setting(
        "all",
        "operations that new instructions may have: all, those of the published baselines, or those of a linear model",
        choices=tuple(OPERATION_SETS),
    )
    setup: int = setting(10, "instructions of Setup at most", low=1, high=MAX_LENGTH)
    predict: int = setting(14, "instructions of Predict at most", low=1, high=MAX_LENGTH)
    learn: int = setting(24, "instructions of Learn at most", low=1, high=MAX_LENGTH)
    scalars: int = setting(6, "addresses of numbers: s0, s1, …", low=2, high=MAX_ADDRESSES)
    vectors: int = setting(10, "addresses of vectors: v0, v1, …", low=3, high=MAX_ADDRESSES)
    matrices: int = setting(4, "addresses of matrices: m0, m1, …", low=0, high=MAX_ADDRESSES)
    features: int = setting(
        MAX_FEATURES, "features of an image at most, which is the length of vectors", low=1, high=MAX_FEATURES
    )
    reduction: str = setting(
        "auto",
        "how images become features: averaged over squares, or projected by a random matrix; auto averages images, and "
        "projects rows of a table that have more columns",
        choices=REDUCTIONS,
    )
    examples: int = setting(
        0, "training examples of an epoch, drawn anew for each; 0 takes all", label="examples an epoch", low=0
    )
    carries: bool = setting(
        False, "memory runs through from answer to answer, as published; if not, each answer finds what training left"
    )
    screen: int = setting(
        20,
        "mutants that are drawn at most until one lives on 20 small examples and does something else there than its "
        "parent; 0 takes the first as it is",
        low=0,
        high=1000,
    )

    name: ClassVar[str]
    mutation_kinds = KINDS
    rates_record = ProgramRates
    size_fact = "live instructions"
    text_first = True
    ignores = tuple(f"train.{field.name}" for field in fields(TrainConfig) if field.name not in OBEYED) + TEACHING[:1]

    def __post_init__(self) -> None:
        check_settings(self)
        check_start(self.start, self.form, self.limits)

    # ------------------------------------------------------------------ what a space gives
    @property
    @abstractmethod
    def form(self) -> Form:
        """The form of a program's memory."""

    @property
    @abstractmethod
    def tasks(self) -> Sequence[Preparation] | Sequence[Pair]:
        """What each program learns from Setup on, each with memory of its own: all classes, or pairs of them."""

    @property
    @abstractmethod
    def preparation_flops(self) -> int:
        """What it takes to make features of an image."""

    @abstractmethod
    def examples_of(self, data: Dataset, split: str) -> Sequence[Examples]:
        """What there is of a split, a task each; `DataError` if a task has none."""

    @abstractmethod
    def right(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        """The fraction of answers float64 [n, outputs], before squashing, that are right; NaN is not."""

    @property
    def n_tasks(self) -> int:
        """How many tasks there are."""
        return len(self.tasks)

    # ------------------------------------------------------------------ genomes
    @cached_property
    def limits(self) -> Limits:
        """How many instructions each list may have."""
        return Limits(self.setup, self.predict, self.learn)

    @cached_property
    def sets(self) -> Sets:
        """Names of the operations of new instructions, by list."""
        return OPERATION_SETS[self.operations]

    def sample(self, index: int, rng: np.random.Generator) -> Program:
        """A program of the start that is set, with keys of its own."""
        return starting_program(self.start, self.form, self.limits, self.sets, rng)

    def mutate(self, genome: Program, rates: ProgramRates, rng: np.random.Generator) -> tuple[Program, dict[str, Any]]:
        """A mutation of a kind drawn by the rates among those that are possible.

        Of at most `screen` mutants it is the first that lives and does something else than its parent
        (`programs.screen`), else the last. The record counts those `tried`, and of them `neutral` ones and those that
        `died`; copies are not screened.
        """
        kind = draw_kind(genome, rates, self.form, self.limits, self.sets, rng)
        if kind == "copy" or not self.screen:
            return self.apply(kind, genome, rates, rng)
        fault_of = screen_for(self.form, self.carries).against(genome)
        counts = {"tried": 0, "neutral": 0, "died": 0}
        while counts["tried"] < self.screen:
            child = self._mutated(kind, genome, rng)
            counts["tried"] += 1
            fault = fault_of(child)
            if fault is None:
                break
            counts[fault] += 1
        return child, record_of(kind, genome, child, self.form) | counts

    def apply(
        self, kind: str, genome: Program, rates: ProgramRates, rng: np.random.Generator
    ) -> tuple[Program, dict[str, Any]]:
        """A mutation of the given kind, as it is drawn; `MutationError` if it cannot be applied to this program."""
        child = self._mutated(kind, genome, rng)
        return child, record_of(kind, genome, child, self.form)

    def _mutated(self, kind: str, genome: Program, rng: np.random.Generator) -> Program:
        return mutated(kind, genome, self.form, self.limits, self.sets, rng)

    def without_weights(self, genome: Program) -> Program:
        """The instructions."""
        return replace(genome, memory=None)

    def has_weights(self, genome: Program) -> bool:
        """Whether it has the memory that answering needs."""
        return genome.memory is not None

    def cost(self, genome: Program) -> Cost:
        """All arithmetic from image to logits; in `flops_total` also what squashes them; the values of kept memory."""
        answers = answering(genome, self.form, carries=self.carries)
        flops = self.preparation_flops + self._arithmetic(genome, answers, PREDICT)
        squashing = 4 * self.form.n_outputs  # exponential, sum, quotient, and what is subtracted or added before
        return Cost(flops, flops + squashing, kept_size(genome, self.form, carries=self.carries))

    def _arithmetic(self, genome: Program, rows: np.ndarray, section: int) -> int:
        """Arithmetic of some instructions, bool [instructions], of a section."""
        codes = genome.codes[genome.sections[section]][rows[genome.sections[section]], OPERATION]
        return int(_costs(self.form.features)[codes].sum())

    def describe(self, genome: Program) -> dict[str, Any]:
        """Its line, and how many instructions it has, and live ones."""
        lives = int(live(genome, self.form, carries=self.carries).sum())
        return {"summary": self.summary(genome), "instructions": genome.n_instructions, "live instructions": lives}

    def summary(self, genome: Program) -> str:
        """The program in one short line."""
        setup, predict, learn = genome.lengths
        return f"{setup} + {predict} + {learn} instructions"

    def listing(self, genome: Program) -> Sequence[Line]:
        """A line per instruction."""
        return listing(genome, self.form, carries=self.carries)

    def picture(self, genome: Program) -> Picture:
        """The data flow of its live instructions."""
        return picture(genome, self.form, carries=self.carries, preparation_flops=self.preparation_flops)

    # ------------------------------------------------------------------ training and answers
    def machine(self, genome: Program, task: int = 0) -> Machine:
        """Runs a trained program; `WeightsError` if it lacks the memory that training leaves."""
        memory = self.check_memory(genome)[task]
        return Machine.with_memory(genome, self.form, memory, task=task, carries=self.carries)

    def check_memory(self, genome: Program) -> np.ndarray:
        """The memory that training left; `WeightsError` if it is missing."""
        if genome.memory is None:
            raise WeightsError(
                "expected a program with the memory that training leaves, got one without: it was never trained, or it "
                "was not kept; train it first"
            )
        return genome.memory

    def machines(self, genome: Program) -> list[Machine]:
        """One a task."""
        return [self.machine(genome, task) for task in range(self.n_tasks)]

    def train(
        self,
        genome: Program,
        data: Dataset,
        config: TrainConfig,
        *,
        seed: int,
        stream: tuple[int, ...],
        on_epoch: OnEpoch | None = None,
    ) -> TrainResult:
        """Run Setup, then learn from one example after the other; memory that the genome has does not matter.

        With `config.epochs` 0 it is measured only, with its memory if it has some. A program that dies (a prediction
        that is not a number, or an error above 100) fails.
        """
        self.check_fit(data)
        if config.epochs == 0 and self.has_weights(genome):
            accuracy = self.evaluate(genome, data, "validation")
            return TrainResult(genome, accuracy, accuracy, ())
        learners = [Machine(genome, self.form, task=task, carries=self.carries) for task in range(self.n_tasks)]
        lives = live(genome, self.form, carries=self.carries)
        training = Training(
            learners,
            self.examples_of(data, "train"),
            lambda: self._accuracy(learners, data, "validation"),
            config,
            stream,
            self.examples,
            self.preparation_flops + self._arithmetic(genome, lives, PREDICT) + self._arithmetic(genome, lives, LEARN),
        )
        before = training.accuracy()
        history, failure = training.run(on_epoch)
        if failure:
            return TrainResult(genome, float("nan"), before, tuple(history), failure)
        memory = np.array([learner.memory for learner in learners])
        after = history[-1]["val_accuracy"] if history else before
        return TrainResult(replace(genome, memory=memory), after, before, tuple(history))

    def evaluate(self, genome: Program, data: Dataset, split: str) -> float:
        """Accuracy on a split, the mean over tasks; `WeightsError` if it lacks memory."""
        self.check_fit(data)
        return self._accuracy(self.machines(genome), data, split)

    def _accuracy(self, machines: Sequence[Machine], data: Dataset, split: str) -> float:
        found = [
            self.right(machine.predict(features), labels)
            for machine, (features, labels) in zip(machines, self.examples_of(data, split), strict=True)
        ]
        return float(np.mean(found))

    # ------------------------------------------------------------------ bytes and files
    def encode(self, genome: Program) -> bytes:
        """npz bytes."""
        return files.encode(genome, self.form)

    def decode(self, blob: bytes) -> Program:
        """The genome back; `GenomeError` if the bytes are not one, or it does not fit this space. Nothing is run."""
        return files.decode(blob, self.form, tasks=self.n_tasks, carries=self.carries)

    @property
    def formats(self) -> tuple[str, ...]:
        """Endings of the files that `export` gives."""
        return (".py", ".npz")

    def export(self, genome: Program, ending: str, data: Dataset | None = None, *, raw: bool = False) -> bytes:
        """A file's contents: stand-alone Python (see `programs.export`), or the genome with the space's settings.

        `ExportError` on another ending, or if the data do not fit or are missing; `WeightsError` without memory.
        """
        from workbench.spaces.programs.export import python_file

        check_ending(ending, self.formats, raw)
        if ending == ".npz":
            return files.encode(genome, self.form, {"space": self.config()})
        self.check_memory(genome)
        form, cost = self.form, self.cost(genome)
        return python_file(genome, form, self.tasks, self.n_outputs, cost, data, raw=raw, carries=self.carries)


@lru_cache(maxsize=MAX_FEATURES)
def _costs(features: int) -> np.ndarray:
    """By code of an operation, the arithmetic of one execution; int64 [operations]."""
    return np.array([operation.cost(features) for operation in OPERATIONS])
