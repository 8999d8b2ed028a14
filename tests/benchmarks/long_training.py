"""What helps a long training: accuracy with cutout, mixup, averaged weights and a teacher, over several seeds.

    python tests/benchmarks/long_training.py --data cifar10 --epochs 40 --seeds 2 --file long.json [--root FOLDER]

A network of unshared local windows with about 100,000 edges is trained by the recipe of the preset "best"; the teacher
is two or three times as wide. What the file holds already is not trained again. Prints mean accuracies.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.cli.tables import print_table
from workbench.datasets import Dataset, load_dataset
from workbench.genome import Genome
from workbench.initial import Windows, windowed
from workbench.results.files import ResultFile
from workbench.search import preset
from workbench.training import evaluate, train

MAPS = {"cifar10": (6, 12), "mnist": (12, 24)}
TEACHER_FACTOR = {"cifar10": 3, "mnist": 2}
TEACHER_SEED = 100

TAUGHT: dict[str, Any] = {"distillation": 0.9, "temperature": 2.0}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cutout 8": {"cutout": 8},
    "mixup 0.2": {"mixup": 0.2},
    "average 0.1": {"average": 0.1},
    "teacher": TAUGHT,
    "teacher, mixup 0.2, average 0.1": {**TAUGHT, "mixup": 0.2, "average": 0.1},
    "teacher, cutout 8, mixup 0.2, average 0.1": {**TAUGHT, "cutout": 8, "mixup": 0.2, "average": 0.1},
}


def network(data: Dataset, seed: int, factor: int = 1) -> Genome:
    """Two layers of unshared windows with `factor` times the maps."""
    first, second = (factor * maps for maps in MAPS[data.name])
    windows = (Windows(5, 2, first), Windows(3, 2, second))
    return windowed(data.shape, 10, np.random.default_rng([seed, 7]), windows=windows)


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=MAPS, default="cifar10")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--file", default="long_training.json")
    parser.add_argument("--root")
    arguments = parser.parse_args()
    data, file = load_dataset(arguments.data, arguments.root), ResultFile(arguments.file)
    recipe = replace(preset("best", data.name).config.train, epochs=arguments.epochs)
    teacher: Genome | None = None
    for name, changes in VARIANTS.items():
        for seed in range(arguments.seeds):
            key = f"{data.name}, {arguments.epochs} epochs, {name}, {seed}"
            if key in file:
                continue
            if "distillation" in changes and teacher is None:
                start = network(data, TEACHER_SEED, TEACHER_FACTOR[data.name])
                teacher = train(start, data, replace(recipe, mixup=0.2), TEACHER_SEED).genome
                file.add(f"{data.name}, {arguments.epochs} epochs, the teacher itself, 0", measured(teacher, data, 0.0))
            busy = time.thread_time()
            taught_by = teacher if "distillation" in changes else None
            genome = train(network(data, seed), data, replace(recipe, **changes), seed, teacher=taught_by).genome
            file.add(key, measured(genome, data, time.thread_time() - busy))
    rows = [{"variant": key.rpartition(", ")[0], **entry} for key, entry in file.items()]
    print_table(pd.DataFrame(rows).groupby("variant", sort=False).mean().reset_index().round(4), "Test accuracies")


def measured(genome: Genome, data: Dataset, seconds: float) -> dict[str, float]:
    """What is noted of a trained network."""
    return {"test": evaluate(genome, data, "test"), "train": evaluate(genome, data, "train"), "seconds": seconds}


if __name__ == "__main__":
    main()
