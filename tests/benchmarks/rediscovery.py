"""How often a search finds a linear learner from empty programs, and after how many programs.

    python tests/benchmarks/rediscovery.py --seeds 27 [--workers 2]

Each seed is a whole search, as `workbench search --space pairs --data digits --preset linear --seed N` makes it. A
program counts as a linear learner if its answer is linear in the features, Learn is part of it, its validation accuracy
is at least that of the linear model written by hand less one point, and its test accuracy at least that of this model
less three points, in the mean over trainings on the images in eight other orders.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from workbench.cli.tables import print_table
from workbench.datasets import Dataset, load_dataset
from workbench.search import Search, preset
from workbench.spaces.programs.liveness import live
from workbench.spaces.programs.pairs import PairsSpace
from workbench.spaces.programs.program import LEARN, Program
from workbench.store import Run, open_run
from workbench.training import TrainConfig

ORDERS = range(8)
"""Of the training images, in which a program is trained again."""


def trained(space: PairsSpace, program: Program, data: Dataset) -> Iterator[Program]:
    """The program, trained anew in each of the orders; those that die are left out."""
    for order in ORDERS:
        result = space.train(program, data, TrainConfig(epochs=1), seed=0, stream=(order, 1))
        if not result.failure:
            yield result.genome


def accuracies(space: PairsSpace, program: Program, data: Dataset) -> tuple[float, float]:
    """Mean accuracy on the validation and test images, over the orders."""
    found = [
        [space.evaluate(one, data, split) for split in ("validation", "test")] for one in trained(space, program, data)
    ]
    validation, test = np.mean(found, axis=0) if len(found) == len(ORDERS) else (0.0, 0.0)
    return float(validation), float(test)


def is_linear(space: PairsSpace, program: Program, data: Dataset) -> bool:
    """Whether the answer to a sum of features is the sum of the answers, and not always 0."""
    machine = space.machine(next(trained(space, program, data)))
    one, other = np.random.default_rng(0).standard_normal((2, 20, space.form.features))
    answers = machine.predict(one)
    return bool(answers.any()) and np.allclose(answers + machine.predict(other), machine.predict(one + other))


def first_learner(run: Run, data: Dataset, by_hand: tuple[float, float]) -> int | None:
    """How many programs had been tried when the first linear learner was found."""
    space = run.space
    assert isinstance(space, PairsSpace)
    table = run.individuals.sort_values("id")
    for id in table["id"][table["val_accuracy"] >= by_hand[0] - 0.01]:
        program = space.without_weights(run.genome(int(id)))
        if not live(program, space.form)[program.sections[LEARN]].any():
            continue
        if accuracies(space, program, data)[1] >= by_hand[1] - 0.03 and is_linear(space, program, data):
            return int(id) + 1
    return None


def search(seed: int) -> tuple[int, int | None, int, float]:
    """Seed, programs until the first linear learner, programs in all, and processor seconds of the search."""
    data = load_dataset("digits")
    made = preset("linear", data, "pairs", seed=seed, workers=1)
    space = made.space(data)
    hand = replace(space, start="linear").sample(0, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        path, started = Path(folder) / "run.sqlite", time.process_time()
        Search(data, made.config, path, space).run(progress=False)
        seconds, run = time.process_time() - started, open_run(path)
        return seed, first_learner(run, data, accuracies(space, hand, data)), len(run.individuals), seconds


def main() -> None:
    """Search with each seed, and print when it found a learner and how often that was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=27, help="searches")
    parser.add_argument("--workers", type=int, default=2, help="searches at once")
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.workers, get_context("spawn")) as pool:
        rows = list(pool.map(search, range(arguments.seeds)))
    table = pd.DataFrame(rows, columns=["seed", "found after programs", "programs", "processor seconds"])
    print_table(table, "Linear learners from empty programs")
    found = [count for _, count, _, _ in rows if count]
    low, high = binomtest(len(found), len(rows)).proportion_ci()
    median = f", median after {np.median(found):,.0f} programs" if found else ""
    print(f"{len(found)} of {len(rows)} searches: {len(found) / len(rows):.0%} ({low:.0%} to {high:.1%}){median}")


if __name__ == "__main__":
    main()
