"""A long search of tiny children with a stub for training: the workbench's own cost per generation and child.

    python tests/benchmarks/bench_children.py [children]        # 10,000 by default

Prints milliseconds per generation early and late, bytes of the run file per child, and how long it takes to resume and
show the file. The cost of a generation should stay constant, and a child should take at most 1 KB besides its genome.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from search.search_samples import SheddingSpace, tiny_data

from workbench.individuals import TrainResult
from workbench.search import Search, SearchConfig, snapshot_of
from workbench.search.state import SearchState
from workbench.store import open_run
from workbench.training import TrainConfig

POPULATION, CHILDREN = 60, 15


class StubSpace(SheddingSpace):
    """Children that learn at once, with a history as long as that of real ones."""

    def train(
        self, genome: Any, data: Any, config: Any, *, seed: int, stream: Any, on_epoch: Any = None
    ) -> TrainResult:
        size, skill = genome
        rng = np.random.default_rng([seed, *stream])
        steps = round(10 * np.log2(size))  # larger ones can learn more, in steps: a front of some 100
        ceiling = 1 - 1 / (1 + steps / 10)
        better = float(min(ceiling, skill + 0.01 * rng.random()))
        names = ("train_loss", "train_accuracy", "val_accuracy", "learning_rate", "seconds")
        rows = [{"epoch": epoch + 1, **dict.fromkeys(names, better)} for epoch in range(config.epochs)]
        return TrainResult((size, better), better, skill, tuple(rows))


def watch_processor(seconds: list[float]) -> None:
    """From now on record the processor time of a search's thread at the end of each generation."""
    ranked = SearchState.end_generation

    def end_generation(state: SearchState, wall_seconds: float) -> None:
        ranked(state, wall_seconds)
        seconds.append(time.thread_time())

    SearchState.end_generation = end_generation  # type: ignore[method-assign]


def run_search(path: Path, children: int, epochs: int = 1) -> Search:
    """Run a search of about this many children to its end."""
    generations = max(1, (children - POPULATION) // CHILDREN)
    train = TrainConfig(epochs=epochs)
    config = SearchConfig(POPULATION, CHILDREN, generations, seed=1, workers=1, train=train)
    search = Search(tiny_data(), config, path, StubSpace())
    return search.run(progress=False)


def bytes_a_child(path: Path) -> tuple[float, float]:
    """Bytes of the file per individual: without genomes, and of genomes alone."""
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM individuals").fetchone()
        (genomes,) = connection.execute("SELECT sum(length(blob)) FROM genomes").fetchone()
    return (path.stat().st_size - genomes) / count, genomes / count


def main(children: int) -> None:
    """Run the search and print its costs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.sqlite"
        watch_processor(spent := [])
        started = time.perf_counter()
        search = run_search(path, children)
        whole = time.perf_counter() - started
        run = open_run(path)
        wall, processor = run.generations["wall_seconds"].to_numpy()[1:], np.diff(spent)
        tenth = max(1, len(wall) // 10)
        print(f"{len(run.individuals):,} individuals, {len(wall)} generations in {whole:.1f} s")
        for name, part in {"first": slice(tenth), "last": slice(-tenth, None)}.items():
            took, alone = 1000 * np.median(wall[part]), 1000 * np.median(processor[part])
            print(
                f"{name} tenth: {took:.1f} ms per generation (median), {alone:.1f} of them processor time of the search"
            )
        rest, genomes = bytes_a_child(path)
        print(f"{rest:.0f} bytes per child and {genomes:.0f} for its genome; front of {len(search.archive)}")
        for name, work in {
            "resume": lambda: Search(tiny_data(), search.config, path, StubSpace(), if_exists="resume").close(),
            "snapshot of the file": lambda: snapshot_of(run),
            "snapshot of the search": search.snapshot,
            "front": run.front,
        }.items():
            started = time.process_time()
            work()
            print(f"{name}: {1000 * (time.process_time() - started):.0f} ms of processor time")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
