"""`workbench search` and `workbench resume`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.workers import chosen_executor
from workbench.errors import ConfigError

if TYPE_CHECKING:
    from workbench.datasets import Dataset
    from workbench.latency import LatencyModel


def run_search(arguments: argparse.Namespace) -> int:
    """Start a search and see it to its end."""
    from workbench.datasets import load_dataset
    from workbench.search import LatencyModel, Search, preset
    from workbench.search.log import log_to
    from workbench.settings import from_values
    from workbench.space import check_predicts
    from workbench.spaces import NeuronSpace, space_for

    neurons = arguments.space == NeuronSpace.name
    changes = parse_settings(arguments.set)
    for name in ("seed", "population", "children", "generations", "workers", "child_seconds"):
        if getattr(arguments, name) is not None:
            changes[name] = getattr(arguments, name)
    initial = {
        name.removeprefix("initial."): changes.pop(name) for name in list(changes) if name.startswith("initial.")
    }
    rates = {name.removeprefix("rates."): changes.pop(name) for name in list(changes) if name.startswith("rates.")}
    chosen = preset(arguments.preset, arguments.data)
    data = load_dataset(arguments.data, arguments.root)
    if neurons:
        space: Any = NeuronSpace.for_data(data, from_values(type(chosen.initial), initial, chosen.initial))
    else:
        space = space_for(arguments.space, data)
        if initial:
            raise ConfigError(f"initial settings are those of the space 'neurons', got {sorted(initial)}")
    rates = {**(chosen.config.rates if neurons else {}), **rates}
    if arguments.latency:
        check_predicts(space, LatencyModel())  # before it takes some seconds
        changes["latency"] = latency_model(arguments, data)
    config = from_values(type(chosen.config), {"rates": rates, **changes}, chosen.config)
    with log_to(arguments.log), chosen_executor(arguments) as executor:
        search = Search(data, config, arguments.path, space, executor, arguments.if_exists)
        return see_to_the_end(search, arguments.quiet)


def latency_model(arguments: argparse.Namespace, data: Dataset) -> LatencyModel:
    """That of the run to be resumed, else one fitted to what this machine measures now; says which."""
    import numpy as np

    from workbench.latency import LatencyModel, fit_latency, relative_errors
    from workbench.settings import from_values
    from workbench.store import open_run
    from workbench.training.calibration import latency_samples

    if arguments.if_exists == "resume" and Path(arguments.path).exists():
        stored = open_run(arguments.path).config.get("latency")
        if stored is None:
            raise ConfigError(f"{arguments.path} has no latency model, so it goes on without --latency; leave it out")
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


def run_resume(arguments: argparse.Namespace) -> int:
    """Go on with a run."""
    from workbench.search import Search
    from workbench.search.log import log_to

    changes = {name: getattr(arguments, name) for name in ("generations", "workers", "child_seconds")}
    changes = {name: value for name, value in changes.items() if value is not None}
    with log_to(arguments.log), chosen_executor(arguments) as executor:
        search = Search.resume(arguments.path, None, executor, arguments.root, **changes)
        if search.snapshot().state == "finished":
            search.close()
            print(f"{search.path} is finished; there is nothing to resume (--generations makes it longer)")
            return 0
        return see_to_the_end(search, arguments.quiet)


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """`["train.epochs=3"]` as `{"train.epochs": "3"}`; `ConfigError` where there is no `=`."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set expects NAME=VALUE, got {pair!r}")
        settings[name.strip()] = value.strip()
    return settings


def see_to_the_end(search: Any, quiet: bool) -> int:
    """Run a search with its progress line, then print its front; returns the exit status."""
    from workbench.cli.tables import print_table
    from workbench.search.report import front_table
    from workbench.store import open_run

    print(f"Searching {search.data.name} with {search.workers} workers; the run is in {search.path}")
    search.run(progress=not quiet)
    search.close()
    run = open_run(search.path)
    stopped = search.snapshot().state == "stopped"
    if not quiet and search.archive:
        print_table(front_table(run, search.data, test=not stopped), f"{search.data.name}: the all-time front")
    if stopped:
        print(f"Stopped. Go on with: workbench resume {search.path}")
        return 130
    return 0
