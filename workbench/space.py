"""The protocol by which evolution, store, executors and widgets know *what* is searched.

The spaces of `workbench.spaces` implement it. A new space needs no change anywhere else: `workbench.spaces.register`
makes its runs known by its name, and without it they still open as tables. What a space need not offer is
an optional protocol of its own; views and commands ask for the one that they need.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from workbench.errors import ConfigError, DataError, ExportError
from workbench.individuals import Cost, TrainResult
from workbench.objectives import LatencyModel
from workbench.outputs import output_file
from workbench.pictures import Line, Picture
from workbench.settings import Setting, all_settings, from_values, settings_of, to_values


@runtime_checkable
class SearchSpace(Protocol):
    """A search space over genomes of some kind, opaque to callers.

    All methods are pure: the same arguments give the same result on the same machine and versions.
    """

    @property
    def name(self) -> str:
        """Stable name, stored in a run and used to reopen it."""

    @property
    def mutation_kinds(self) -> tuple[str, ...]:
        """Names of the mutations, in the order in which they are shown."""

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings of the rates record, for sliders and for `--set rates.NAME=VALUE`."""

    def config(self) -> dict[str, Any]:
        """JSON-ready settings from which `workbench.spaces.make_space(name, config)` makes it again."""

    def rates(self, values: Mapping[str, Any] | None = None) -> Any:
        """The immutable settings record with `values` over the defaults; `ConfigError` on a bad one."""

    def sample(self, index: int, rng: np.random.Generator) -> Any:
        """The `index`-th genome of an initial population."""

    def mutate(self, genome: Any, rates: Any, rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
        """A mutated genome and a JSON-ready record with at least `kind`."""

    def train(
        self,
        genome: Any,
        data: Any,
        config: Any,
        *,
        seed: int,
        stream: tuple[int, ...],
        on_epoch: Callable[[Mapping[str, float]], bool] | None = None,
    ) -> TrainResult:
        """Train `genome`; `stream` keys the prepared training data, `on_epoch` is as in `workbench.train`."""

    def evaluate(self, genome: Any, data: Any, split: str) -> float:
        """Accuracy of a trained genome on a split of `data`."""

    def cost(self, genome: Any) -> Cost:
        """FLOPs and parameters."""

    def encode(self, genome: Any) -> bytes:
        """The genome as bytes that contain plain arrays only (never pickle)."""

    def decode(self, blob: bytes) -> Any:
        """The genome back from `encode`, bit for bit; `GenomeError` if the bytes are not one."""

    def describe(self, genome: Any) -> dict[str, Any]:
        """A few JSON-ready facts for tables and tooltips; `summary` is one short text, such as layer sizes."""


@dataclass(frozen=True)
class SpacePreset:
    """What a preset sets: settings of the search and of its space, by dotted names."""

    search: Mapping[str, Any]  # {"population": 12, "train.epochs": 2, "rates": {"add_edges": 0.5}}
    space: Mapping[str, Any] = field(default_factory=dict)  # settings of the space itself
    about: str = ""  # where they come from, in words


@dataclass(frozen=True)
class RecordSpace:
    """Base of the search spaces that are records themselves, and whose rates are a record.

    Fields declared with `workbench.settings.setting` are the settings of the space, for `--set space.NAME=VALUE`.
    """

    input_shape: tuple[int, int, int]  # channels, height, width
    n_outputs: int  # classes
    rates_record: ClassVar[type]  # class of the rates, declared with `workbench.settings.setting`
    measure: ClassVar[str] = "accuracy"  # what `evaluate` gives; runs of another measure are not compared
    size_fact: ClassVar[str] = ""  # a count that `describe` gives: a column, an axis and a colour of the dashboard
    ignores: ClassVar[tuple[str, ...]] = ()  # settings of the search without effect here, such as "train.dropout"
    text_first: ClassVar[bool] = False  # networks are read as text rather than seen as a graph, where they can be both

    @classmethod
    def for_data(cls, data: Any, *settings: Any, **named: Any) -> Self:
        """The space of networks for a data set; further arguments are the other fields of the space."""
        return cls(data.shape, data.n_classes, *settings, **named)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The space back from `config()`; `ConfigError` or `TypeError` if it is damaged."""
        return from_values(cls, config)

    def check_fit(self, data: Any) -> None:
        """Raise `DataError` unless the networks of this space are for data of this form."""
        if (tuple(data.shape), data.n_classes) != (self.input_shape, self.n_outputs):
            raise DataError(
                f"this space has networks for images {self.input_shape} with {self.n_outputs} classes, but {data.name} "
                f"has images {tuple(data.shape)} with {data.n_classes}; make one with {type(self).__name__}.for_data"
            )

    def check_images(self, images: np.ndarray) -> None:
        """Raise `DataError` unless these are images [n, c, h, w] as the networks of this space take them."""
        if images.ndim != 4 or images.shape[1:] != self.input_shape:
            raise DataError(
                f"expected images of shape (n, {', '.join(map(str, self.input_shape))}), got {images.shape}; "
                "Dataset.arrays(split) gives them"
            )

    def config(self) -> dict[str, Any]:
        """JSON-ready settings."""
        return to_values(self)

    @classmethod
    def own_settings(cls) -> tuple[Setting, ...]:
        """The settings of the space itself, by dotted names."""
        return all_settings(cls)

    def changed(self, settings: Mapping[str, Any]) -> Self:
        """This space with other settings of its own, by dotted names; `ConfigError` on a bad one."""
        known = dict.fromkeys(one.name.partition(".")[0] for one in self.own_settings())
        for name in settings:
            if name.partition(".")[0] not in known:
                allowed = f"expected one of: {', '.join(known)}" if known else "it has none"
                raise ConfigError(f"unknown setting {name!r} of {type(self).__name__}; {allowed}")
        return from_values(type(self), settings, self)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings of the rates."""
        return settings_of(self.rates_record)

    def rates(self, values: Mapping[str, Any] | None = None) -> Any:
        """The rates with `values` over the defaults; `ConfigError` on a bad one."""
        return from_values(self.rates_record, values or {})


TEACHING = ("teacher", "train.distillation", "train.temperature")
"""Settings of the search without effect in a space whose `train` takes no `teacher`."""


def obeys(space: SearchSpace, name: str) -> bool:
    """Whether a setting of the search, by its dotted name such as "train.dropout", has an effect in a space."""
    return name not in getattr(space, "ignores", ())


def check_obeyed(space: Any, changes: Iterable[str]) -> None:
    """Raise `ConfigError` if a setting to be changed, by its dotted name, has no effect in a space (or class)."""
    if idle := [name for name in changes if name in getattr(space, "ignores", ())]:
        raise ConfigError(f"{', '.join(idle)}: without effect in the space {space.name!r}; leave it as it is")


@runtime_checkable
class DropsWeights(Protocol):
    """Optional for a space: lets a run drop the weights of individuals that are neither alive nor on the front."""

    def without_weights(self, genome: Any) -> Any:
        """The genome's topology: `encode` and `decode` take it like any other, and `evaluate` refuses it."""

    def has_weights(self, genome: Any) -> bool:
        """Whether the genome has all that predicting needs."""


@runtime_checkable
class NeedsMachine(Protocol):
    """Optional for a space: lets a search refuse to start where its children could only fail."""

    def check_machine(self) -> None:
        """Raise `ConfigError` if this machine lacks what training needs, such as a GPU."""


@runtime_checkable
class PredictsLatency(Protocol):
    """Optional for a space: lets a search have predicted latency as an objective."""

    def latency_us(self, genome: Any, model: LatencyModel) -> float:
        """Predicted microseconds of one inference, from the topology alone."""


@runtime_checkable
class Presets(Protocol):
    """Optional for a class of spaces: settings that suit a data set, by name."""

    @classmethod
    def presets(cls, name: str, data: Any) -> SpacePreset:
        """The preset `name` for `data`, a `Dataset` or what is known of one (`DataFacts`); see `check_preset`."""


@runtime_checkable
class Predicts(Protocol):
    """Optional for a space: lets people look at predictions, mistakes and confusion."""

    def logits(self, genome: Any, images: np.ndarray) -> np.ndarray:
        """Prepared images float32 [n, c, h, w], as `Dataset.arrays` gives them -> float32 [n, classes].

        `WeightsError` if the genome lacks weights, `DataError` on images of another form.
        """


@runtime_checkable
class Draws(Protocol):
    """Optional for a space: lets its networks be drawn as graphs of modules, with a derivation tree if there is one."""

    def picture(self, genome: Any) -> Picture:
        """The network as plain data; needs no weights."""


@runtime_checkable
class Lists(Protocol):
    """Optional for a space: lets its networks be read as text."""

    def listing(self, genome: Any) -> Sequence[Line]:
        """The network line by line; needs no weights."""


def is_text_first(space: Any) -> bool:
    """Whether networks of a space are shown as text where there is one picture, and as text before others."""
    return isinstance(space, Lists) and (getattr(space, "text_first", False) or not isinstance(space, Draws))


@runtime_checkable
class Exports(Protocol):
    """Optional for a space: lets its networks be written to files that other software reads."""

    @property
    def formats(self) -> tuple[str, ...]:
        """Endings that it writes, such as ".onnx"."""

    def export(self, genome: Any, ending: str, data: Any = None, *, raw: bool = False) -> bytes:
        """The file's contents; `data` and `raw` are as in `workbench.export_onnx`."""


@runtime_checkable
class Operates(Protocol):
    """Optional for a space: lets a person apply a mutation by name."""

    def apply(self, kind: str, genome: Any, rates: Any, rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
        """As `SearchSpace.mutate`, of the given kind; `MutationError` if it cannot be applied to this genome."""


@runtime_checkable
class Times(Protocol):
    """Optional for a space: lets the latency of its networks be measured."""

    def answers(self, genome: Any, batch: int) -> Mapping[str, Callable[[], object]]:
        """By the name of a backend, a call that answers `batch` images: what is timed."""


def check_preset(name: str, known: Sequence[str], space: str) -> None:
    """Raise `ConfigError` unless a space has the preset `name`."""
    if name not in known:
        raise ConfigError(f"unknown preset {name!r} of the space {space!r}; expected one of: {', '.join(known)}")


_OFFERS: dict[type[Any], tuple[str, str]] = {
    Predicts: ("predict with", "evaluate(genome, data, split) of the space gives accuracies"),
    Draws: ("draw", "describe(genome) of the space gives facts in numbers"),
    Lists: ("list", "describe(genome) of the space gives facts in numbers"),
    Exports: ("export", "encode(genome) of the space gives plain arrays, which decode reads"),
    Operates: ("apply chosen mutations to", "mutate(genome, rates, rng) of the space draws one"),
    Times: ("time", "its cost, in FLOPs, is in the table of the front"),
}
"""By optional protocol: what a space without it does not do with its networks, and what there is instead."""


def lacks(space: SearchSpace, protocol: type[Any]) -> str:
    """Says that a space does not offer an optional protocol, and the way out; empty if it does."""
    if isinstance(space, protocol):
        return ""
    does, instead = _OFFERS[protocol]
    return (
        f"The space {space.name!r} does not {does} its networks: it lacks what `workbench.space.{protocol.__name__}` "
        f"lists. Without it, {instead}."
    )


def write_network(
    space: SearchSpace, genome: Any, path: str | os.PathLike[str], data: Any = None, *, raw: bool = False
) -> Path:
    """Write a network to a file in the format that the extension names; arguments are as in `Exports.export`.

    Raises:
        ExportError: if the space writes no such files, a package is missing, the data do not fit, or the file cannot be
            written.
        WeightsError: on a genome without weights (unless `.npz`).
    """
    path = Path(path)
    if not isinstance(space, Exports):
        raise ExportError(lacks(space, Exports))
    ending = ".pt2" if path.suffix == ".pt" else path.suffix
    check_ending(ending, space.formats, raw)
    blob = space.export(genome, ending, data, raw=raw)
    with output_file(path) as part:
        part.write_bytes(blob)
    return path


def check_ending(ending: str, formats: Sequence[str], raw: bool) -> None:
    """Raise `ExportError` unless a space writes files that end so, and of raw images if they are asked for."""
    if ending not in formats:
        raise ExportError(f"an exported network's name must end in one of {', '.join(formats)}, got {ending!r}")
    if ending == ".npz" and raw:
        others = " or ".join(each for each in formats if each != ending)
        raise ExportError(
            "an .npz file holds the genome alone and takes prepared images; "
            + (f"use {others} for raw ones" if others else "this space writes no files for raw ones")
        )


def check_predicts(space: SearchSpace, model: LatencyModel | None) -> None:
    """Raise `ConfigError` if there is a latency model and the space cannot predict with it."""
    if model is not None and not isinstance(space, PredictsLatency):
        raise ConfigError(
            f"SearchConfig.latency expects a space that predicts latency (`workbench.space.PredictsLatency`), such as "
            f"'neurons', got {space.name!r}; set latency to None"
        )


def cost_of(space: SearchSpace, genome: Any, model: LatencyModel | None) -> Cost:
    """FLOPs and parameters, and with a latency model the predicted latency."""
    cost = space.cost(genome)
    if model is None:
        return cost
    check_predicts(space, model)
    return replace(cost, latency_us=float(space.latency_us(genome, model)))  # type: ignore[attr-defined]
