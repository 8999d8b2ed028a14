"""The commands that search: `search`, `resume`, `fork` and `replay`."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.cli.command import (
    IMAGES,
    LOG,
    MINUTES,
    OWN_DATA,
    QUIET,
    ROOT,
    RUN,
    WORKERS,
    InputFile,
    chosen_executor,
    command,
    data_for,
    flag,
    given,
    named_data,
    option,
    setting,
)
from workbench.cli.tables import outlived, print_table
from workbench.datasets import Dataset, load_dataset
from workbench.errors import ConfigError, GenomeError, RunError
from workbench.genome import Genome
from workbench.objectives import LATENCY, LatencyModel
from workbench.search import Search, fork_run, open_run, plan_fork, preset
from workbench.search import replay as replay_run
from workbench.search.history import log_to
from workbench.search.presets import facts_of
from workbench.search.report import front_table
from workbench.settings import all_settings, from_values
from workbench.space import check_predicts, obeys
from workbench.spaces import SPACES, NeuronSpace
from workbench.training.calibration import fit_latency, latency_samples, relative_errors

if TYPE_CHECKING:
    import pandas as pd


def _set(help: str) -> Any:
    return option("--set", action="append", default=[], metavar="NAME=VALUE", help=help)


@command(
    "--data mnist --preset quick --path run.sqlite --seed 0 --set rates.add_edges=0.5",
    option(
        "--data",
        type=InputFile,
        default="digits",
        metavar="DATA",
        help="digits (bundled), mnist, cifar10 or another that `workbench data` lists; or your own: a folder with a "
        "folder of PNG or JPEG files for each class, the folder of four IDX files, FILE.npz with train_images, "
        "train_labels, test_images and test_labels, or MODULE:FUNCTION that returns them",
    ),
    *IMAGES,
    ROOT,
    option(
        "--start",
        type=InputFile,
        action="append",
        default=[],
        metavar="FILE",
        help="a trained network that joins the initial population, such as --start net.pt2: a CNN that "
        "torch.export.save wrote (loading it can run code in it), or net.npz, as `workbench export` writes it; "
        "may be given several times",
    ),
    option("--preset", default="quick", help="quick (minutes), or another that the space has, such as paper or best"),
    option("--path", type=InputFile, default="run.sqlite", metavar="FILE", help="the run file (run.sqlite)"),
    option("--if-exists", default="error", choices=["error", "resume", "new"], help="what to do if it exists"),
    option("--space", default="neurons", help=f"what is searched: {', '.join(SPACES)} (neurons)"),
    flag("--latency", "predicted latency as another objective; measures this machine first"),
    *map(setting, ("seed", "population", "children", "generations")),
    MINUTES,
    *WORKERS,
    _set(
        "any setting, such as train.epochs=3, rates.new_edges=0.1,0.2 or space.initial.local=1; --settings lists them"
    ),
    flag("--settings", "list every setting of the search and its space, with its value in the preset, and end"),
    QUIET,
    LOG,
)
def search(arguments: argparse.Namespace) -> int:
    """Start a search and watch its progress."""
    named = named_data(arguments)
    if arguments.settings:
        table = _settings_table(arguments.preset, named, arguments.space)
        title = f"Settings of a search of {arguments.space}, to be given as --set NAME=VALUE"
        print_table(table, f"{title}; {arguments.preset}: preset's value")
        return 0
    changes = parse_settings(arguments.set)
    changes |= given(arguments, "seed", "population", "children", "generations", "workers", "child_seconds")
    chosen = preset(arguments.preset, named, arguments.space)
    data = load_dataset(named, arguments.root) if isinstance(named, str) else named
    if chosen.about.startswith("Settings derived") and not arguments.quiet:
        print(repr(data).strip("<>"))
        print(chosen.about)
        print("Any of these, and every other setting that --settings lists, can be changed by --set NAME=VALUE.")
    if arguments.latency or LATENCY.name in changes.get("objectives", ""):
        check_predicts(chosen.space(data), LatencyModel())  # before it takes some seconds
        changes["latency"] = _latency_model(arguments, data)
    chosen = chosen.changed(changes)
    networks = [_network(file, chosen.space(data)) for file in arguments.start]
    with log_to(arguments.log), chosen_executor(arguments) as executor:
        return _run(Search(data, chosen, arguments.path, None, executor, arguments.if_exists, networks), arguments)


@command(
    "run.sqlite --generations 60",
    RUN,
    OWN_DATA,
    ROOT,
    setting("generations", "make the run longer: generations in all; none to search until stopped"),
    MINUTES,
    *WORKERS,
    QUIET,
    LOG,
)
def resume(arguments: argparse.Namespace) -> int:
    """Continue a stopped run."""
    changes = given(arguments, "generations", "workers", "child_seconds")
    with log_to(arguments.log), chosen_executor(arguments) as executor:
        data = data_for(open_run(arguments.run), arguments)
        search = Search.resume(arguments.run, data, executor, **changes)
        if search.snapshot().state == "finished":
            search.close()
            print(f"{search.path} is finished; there is nothing to resume (--generations makes it longer)")
            return 0
        return _run(search, arguments)


@command(
    "run.sqlite --generation 12 --set rates.add_edges=0.5 --path b.sqlite",
    RUN,
    option(
        "--generation", type=int, required=True, metavar="N", help="the finished generation after which it branches off"
    ),
    option("--path", type=InputFile, required=True, metavar="FILE", help="the run file of the fork"),
    _set("what is to differ: rates.add_edges=0.5, train.epochs=3, population=30, survival=nsga2"),
    setting("seed", "root seed of what follows (else as before)"),
    setting("generations", "generations in all (else as before)"),
    flag("--yes", "train again, without asking, individuals whose weights were dropped"),
    flag("--only-write", "write the fork without continuing it"),
    OWN_DATA,
    ROOT,
    MINUTES,
    *WORKERS,
    QUIET,
    LOG,
)
def fork(arguments: argparse.Namespace) -> int:
    """Branch off a past state of a run and continue it with other settings."""
    changes = parse_settings(arguments.set) | given(arguments, "seed", "generations", "workers", "child_seconds")
    plan = plan_fork(arguments.run, arguments.generation, changes)
    changed = ", ".join(plan.changes) or "nothing"
    if not arguments.quiet or (plan.again and not arguments.yes):
        print(f"Fork of {arguments.run} after generation {plan.generation}; changed: {changed}; {plan.cost}")
    if plan.again and not arguments.yes and not _agreed():
        print("Nothing was done.")
        return 1
    numbers = itertools.count(1)

    def count(_: object) -> None:
        print(f"\rtrained again: {next(numbers)}/{len(plan.again)}", end="", file=sys.stderr, flush=True)

    needed = plan.again or not arguments.only_write
    data = data_for(open_run(arguments.run), arguments) if needed else None
    path = fork_run(plan, arguments.path, data, on_child=None if arguments.quiet else count)
    if plan.again and not arguments.quiet:
        print(file=sys.stderr)
    if arguments.only_write:
        print(f"Written: {path}. Continue with: workbench resume {path}")
        return 0
    with log_to(arguments.log), chosen_executor(arguments) as executor:
        return _run(Search.resume(path, data, executor), arguments)


@command(
    "run.sqlite --path copy.sqlite",
    RUN,
    option("--path", type=InputFile, metavar="FILE", help="where to keep the copy (else it is not kept)"),
    OWN_DATA,
    ROOT,
    *WORKERS,
    flag("--quiet", "no progress line"),
)
def replay(arguments: argparse.Namespace) -> int:
    """Repeat a run and check that it is the same, bit for bit.

    Status 0 if so, else 1.
    """
    if arguments.path is not None and Path(arguments.path).exists():
        raise RunError(f"{arguments.path} exists already; give the copy another file")
    data = data_for(open_run(arguments.run), arguments)
    options = {"workers": arguments.workers, "progress": not arguments.quiet}
    with chosen_executor(arguments) as executor:
        made = replay_run(arguments.run, arguments.path, data, executor=executor, **options)
    print(
        f"{arguments.run}: compared {made.individuals} individuals, {made.genomes} genomes, "
        f"{made.generations} generations and {made.events} events with the replay"
        + (f" in {made.path}" if made.path else "")
    )
    print("Everything is the same, bit for bit." if made.is_same else f"It differs: {made.difference}")
    return 0 if made.is_same else 1


def _latency_model(arguments: argparse.Namespace, data: Dataset) -> LatencyModel:
    """The model of the run to be resumed, else one fitted to measurements on this machine; prints it."""
    if arguments.if_exists == "resume" and Path(arguments.path).exists():
        stored = open_run(arguments.path).config.get("latency")
        if stored is None:
            raise ConfigError(f"{arguments.path} has no latency model; resume it without --latency")
        return from_values(LatencyModel, stored)
    sizes, measured = latency_samples(data.shape, data.n_classes)
    model = fit_latency(sizes, measured)
    error = float(np.median(np.abs(relative_errors(model, sizes, measured))))
    print(
        f"Latency of one image: {model.overhead_us:.4g} µs + {model.per_layer_us:.4g} per layer + "
        f"{model.per_neuron_us:.4g} per neuron + {model.per_edge_us:.4g} per edge; "
        f"median relative error {error:.1%} over {len(measured)} networks"
    )
    return model


def _network(file: str, space: Any) -> Any:
    """The trained network in a file."""
    if not file.endswith(".pt2"):
        try:
            return space.decode(Path(file).read_bytes())
        except OSError as error:
            raise GenomeError(f"cannot read {file}: {error.strerror}; --start expects a .pt2 or .npz file") from None
    if not isinstance(space, NeuronSpace):
        raise ConfigError(f"--start {file} expects the space 'neurons', got {space.name!r}; leave out --space")
    return Genome.from_torch(file, space.input_shape)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("training again must be confirmed, and there is no terminal to ask in; pass --yes")
    return input("Train them again? [y/N] ").strip().lower() in ("y", "yes")


def _run(search: Any, arguments: argparse.Namespace) -> int:
    """Run a search with its progress line, then print its front; returns the exit status."""
    loud, minutes, began = not arguments.quiet, arguments.minutes, time.monotonic()
    if loud:
        with outlived():
            print(f"Searching {search.data.name} with {search.workers} workers; the run is in {search.path}")
    try:
        search.run(progress=loud, minutes=minutes)
    except KeyboardInterrupt:
        search.close()
        raise
    except OSError:  # nobody takes the progress line
        search.run(progress=False, minutes=minutes)
    search.close()
    stopped = search.snapshot().state == "stopped"
    if loud:
        front = front_table(open_run(search.path), search.data, test=not stopped) if search.archive else None
        with outlived():
            if front is not None:
                print_table(front, f"{search.data.name}: the all-time front")
            if stopped:
                print(f"Stopped. Continue with: workbench resume {search.path}")
    in_time = minutes is not None and time.monotonic() >= began + 60 * minutes
    return 130 if stopped and not in_time else 0


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """`["train.epochs=3"]` as `{"train.epochs": "3"}`; `ConfigError` where there is no `=`.

    "initial." is short for "space.initial.".
    """
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"--set expects NAME=VALUE, got {pair!r}")
    named = {name.strip(): value.strip() for name, value in (pair.split("=", 1) for pair in pairs)}
    return {f"space.{name}" if name.startswith("initial.") else name: value for name, value in named.items()}


def _settings_table(name: str, dataset: str | Dataset, space: str) -> pd.DataFrame:
    """A row per setting that `--set` knows; `ConfigError` if the preset or the space is unknown."""
    import pandas as pd

    chosen = preset(name, dataset, space)
    made: Any = chosen.space(facts_of(dataset))
    groups = [
        ("", all_settings(type(chosen.config)), chosen.config),
        ("rates.", made.settings, made.rates(chosen.config.rates)),
        ("space.", made.own_settings(), made),
    ]
    rows = [
        (
            prefix + one.name,
            _typed(reduce(lambda record, part: getattr(record, part, None), one.name.split("."), record)),
            _typed(one.default),
            *(one.expected, one.unit, one.help),
        )
        for prefix, settings, record in groups
        for one in settings
        if (prefix or one.name != "rates") and obeys(made, prefix + one.name)
    ]
    return pd.DataFrame(rows, columns=["setting", name, "default", "allowed", "unit", "help"])


def _typed(value: Any) -> str:
    """A value as it is typed after `--set NAME=`."""
    if isinstance(value, tuple):
        return ",".join(map(_typed, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()
