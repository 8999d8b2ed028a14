"""Which rules pay: hypervolume after equal wall time on MNIST, with and without each, over several seeds.

    python tests/benchmarks/ablations.py --seconds 90 --seeds 3 [--root FOLDER]

One worker a search, one search after the other, so that all have the same machine. Prints the mean hypervolume over the
seeds, and the mean difference to the search with all rules, with its standard error.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.cli.tables import print_table
from workbench.datasets import Dataset, load_dataset
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
    """The search with all rules, and one for each rule left out or turned."""

    def trained(**changes: Any) -> SearchConfig:
        return replace(base, train=replace(base.train, **changes))

    return {
        "all rules": (base, NeuronSpace),
        "nobody stops early": (replace(base, stop_hopeless=False), NeuronSpace),
        "no inheritance": (base, FromScratch),
        "no inheritance, 4 × the epochs": (trained(epochs=4 * EPOCHS), FromScratch),
        "children train 4 × the epochs": (trained(epochs=4 * EPOCHS), NeuronSpace),
        "children train a third": (trained(epochs=EPOCHS // 3), NeuronSpace),
        "new edges start at full size": (trained(new_edge_scale=1.0), NeuronSpace),
        "random search": (replace(base, selection="random", initial_epochs=4 * EPOCHS), NeuronSpace),
    }


def hypervolume_after(
    seconds: float, data: Dataset, config: SearchConfig, kind: type[NeuronSpace], seed: int
) -> tuple[float, int]:
    """Hypervolume and individuals of a search that is stopped after `seconds`."""
    initial = preset("best", "mnist").initial
    with tempfile.TemporaryDirectory() as folder:
        space = kind.for_data(data, initial)
        search = Search(data, replace(config, seed=seed), Path(folder) / "run.sqlite", space)
        started = time.perf_counter()
        search.start()
        while time.perf_counter() - started < seconds and search.snapshot().state == "running":
            time.sleep(0.1)
        snapshot = search.snapshot()
        search.close()
        return snapshot.hypervolume, snapshot.total


def main() -> None:
    """Run all variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="TEXT", help="variants whose name contains one of these"
    )
    parser.add_argument("--root")
    arguments = parser.parse_args()
    data = load_dataset("mnist", arguments.root)
    best = preset("best", "mnist").config
    train: TrainConfig = replace(best.train, epochs=EPOCHS)
    base = replace(best, population=20, children=8, generations=10_000, workers=1, initial_epochs=EPOCHS, train=train)
    rows, reference = [], np.zeros(0)
    for name, (config, kind) in variants(base).items():
        if len(reference) and arguments.only and not any(text in name for text in arguments.only):
            continue
        results = [hypervolume_after(arguments.seconds, data, config, kind, seed) for seed in range(arguments.seeds)]
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
