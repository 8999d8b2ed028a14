"""Which parts of the search pay: hypervolume after equal time on MNIST, with and without each, over several seeds.

    python tests/benchmarks/ablations.py --seconds 90 --seeds 4 [--root FOLDER]

Every search has one worker and ends after the same processor time, which on a busy machine excludes the time that
others use. Prints the mean hypervolume over the seeds, and the mean difference from the whole search, with its standard
error.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.cli.tables import print_table
from workbench.datasets import load_dataset
from workbench.genome import Genome
from workbench.mutations import MutationRates
from workbench.search import Search, SearchConfig, preset
from workbench.spaces import NeuronSpace
from workbench.training import TrainConfig


@dataclass(frozen=True)
class FromScratch(NeuronSpace):
    """The neuron-level space without inheritance: a child starts with fresh weights."""

    def mutate(self, genome: Genome, rates: MutationRates, rng: np.random.Generator) -> tuple[Genome, dict[str, Any]]:
        """A mutated topology without weights."""
        child, record = super().mutate(genome, rates, rng)
        return child.with_parameters(None, np.zeros_like(child.biases)), record


EPOCHS = 6


def variants(base: SearchConfig) -> dict[str, tuple[SearchConfig, type[NeuronSpace]]]:
    """The whole search, and one for each part left out or reversed."""

    def trained(**changes: Any) -> SearchConfig:
        return replace(base, train=replace(base.train, **changes))

    return {
        "whole search": (base, NeuronSpace),
        "no early stopping": (replace(base, stop_hopeless=False), NeuronSpace),
        "no inheritance": (base, FromScratch),
        "no inheritance, 4 × the epochs": (trained(epochs=4 * EPOCHS), FromScratch),
        "children train 4 × the epochs": (trained(epochs=4 * EPOCHS), NeuronSpace),
        "children train a third": (trained(epochs=EPOCHS // 3), NeuronSpace),
        "new edges start at full size": (trained(new_edge_scale=1.0), NeuronSpace),
        "adaptive rates: probability matching": (replace(base, adapt="matching"), NeuronSpace),
        "adaptive rates: adaptive pursuit": (replace(base, adapt="pursuit"), NeuronSpace),
        "random search": (replace(base, selection="random", initial_epochs=4 * EPOCHS), NeuronSpace),
    }


def searched(seconds: float, root: str | None, name: str, seed: int) -> tuple[float, int]:
    """Hypervolume and number of individuals of variant `name` after `seconds` of this process."""
    data, best = load_dataset("mnist", root), preset("best", "mnist")
    train: TrainConfig = replace(best.config.train, epochs=EPOCHS)
    base = replace(
        best.config,
        population=20,
        children=8,
        generations=10_000,
        workers=1,
        initial_epochs=EPOCHS,
        stop_hopeless=True,
        train=train,
    )
    config, kind = variants(base)[name]
    with tempfile.TemporaryDirectory() as folder:
        space = kind.for_data(data, best.initial)
        search = Search(data, replace(config, seed=seed), Path(folder) / "run.sqlite", space)
        started = time.process_time()
        search.start()
        while time.process_time() - started < seconds and search.snapshot().state == "running":
            time.sleep(0.1)
        snapshot = search.snapshot()
        search.close()
        return snapshot.hypervolume, snapshot.total


def main() -> None:
    """Run all variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=90, help="processor time of a search")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="searches in parallel")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="TEXT", help="variants whose name contains one of these"
    )
    parser.add_argument("--root")
    arguments = parser.parse_args()
    only, names = arguments.only, list(variants(preset("best", "mnist").config))
    chosen = [names[0], *(name for name in names[1:] if not only or any(text in name for text in only))]
    rows, reference = [], np.zeros(0)
    with ProcessPoolExecutor(arguments.jobs, max_tasks_per_child=1, mp_context=get_context("spawn")) as pool:
        futures = {
            name: [
                pool.submit(searched, arguments.seconds, arguments.root, name, seed) for seed in range(arguments.seeds)
            ]
            for name in chosen
        }
        for name in chosen:
            results = [future.result() for future in futures[name]]
            volumes = np.array([volume for volume, _ in results])
            reference = reference if len(reference) else volumes
            difference = volumes - reference
            error = difference.std(ddof=1) / np.sqrt(len(volumes)) if len(volumes) > 1 else float("nan")
            rows.append(
                {
                    "variant": name,
                    "hypervolume": f"{volumes.mean():.4f}",
                    "difference": f"{difference.mean():+.4f} ± {error:.4f}",
                    "individuals": int(np.mean([total for _, total in results])),
                }
            )
            print(rows[-1], flush=True)
    print_table(pd.DataFrame(rows), f"MNIST, {arguments.seconds:.0f} s, one worker, {arguments.seeds} seeds")


if __name__ == "__main__":
    main()
