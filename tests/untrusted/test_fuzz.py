"""Whatever is in a file: a correct read or a `WorkbenchError`; in bounded time, in bounded memory."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mutants import SAMPLE, damaged_file, damaged_genome

from workbench.cli import main
from workbench.datasets import Dataset, load_dataset
from workbench.errors import GenomeError, WorkbenchError
from workbench.genome import Genome
from workbench.plots import front_figure
from workbench.search import Search, snapshot_of
from workbench.space import Draws, Lists
from workbench.spaces import SPACES, make_space
from workbench.store import Run, open_run
from workbench.training import TrainConfig

SHARE = max(1, int(os.environ.get("WORKBENCH_FUZZ", "1")))
"""By which the number of mutants is divided in a quick pass."""

BATCHES, FILES_EACH, GENOMES_EACH = 8, 140 // SHARE, 140 // SHARE
SECONDS_EACH = 20
MEMORY = 2**30
"""Bytes that opening one damaged file may take beyond what the process has."""


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset("digits")


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Fail what takes very long or very much memory, where the system can tell."""
    resource = pytest.importorskip("resource")

    def late(number: object, frame: object) -> None:
        raise AssertionError(f"it takes more than {SECONDS_EACH} s")

    before = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(OSError):  # no such file where there is no /proc
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    handler = signal.signal(signal.SIGALRM, late)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def look_at(run: Run) -> None:
    """Read all that there is, a part at a time, since one part may be readable where another is not."""
    for part in (
        lambda: run.individuals,
        lambda: run.generations,
        lambda: run.events,
        lambda: run.population(0),
        lambda: run.state,
        lambda: snapshot_of(run),
        lambda: run.lineage(8),
        lambda: run.individual(5),
        *(partial(ask, id) for id in (0, 8) for ask in (run.genome, run.facts, run.history, run.mutation)),
    ):
        with contextlib.suppress(WorkbenchError):
            part()


def draw(run: Run) -> None:
    with contextlib.suppress(WorkbenchError):
        front_figure(run).to_json()


def resume(path: Path, data: Dataset) -> None:
    with contextlib.suppress(WorkbenchError), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* was begun with")
        search = Search.resume(path, data, workers=1)
        search.snapshot()
        search.close()


def on_the_command_line(path: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(shown):
        assert main(["show", str(path)]) in (0, 2)
        assert main(["export", str(path), "--path", str(path.with_suffix(".npz"))]) in (0, 2)
    assert "\x1b" not in shown.getvalue()


def test_the_sample_is_sound(tmp_path: Path, data: Dataset) -> None:
    """All that the fuzzing calls works on it, so that what it suppresses comes from the damage."""
    path = tmp_path / "run.sqlite"
    path.write_bytes(SAMPLE.read_bytes())
    run = open_run(path)
    assert len(run.individuals) == 9
    assert len(run.load(make_space(run.space_name, run.space_config).decode).genomes) == 8
    with pytest.warns(UserWarning, match="was begun with"):
        search = Search.resume(path, data, workers=1)
    assert search.snapshot().total == 9
    search.close()
    assert main(["show", str(path)]) == 0
    for id in range(9):
        assert run.genome(id).n_edges > 0


@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_files(tmp_path: Path, data: Dataset, batch: int) -> None:
    path = tmp_path / "run.sqlite"
    path.write_bytes(SAMPLE.read_bytes())
    for warm_up in (look_at, draw):  # what is loaded once is not what a file takes
        warm_up(open_run(path))
    on_the_command_line(path)
    resume(path, data)
    opened = 0
    with bounded():
        for number in range(batch * FILES_EACH, (batch + 1) * FILES_EACH):
            how = damaged_file(number, path)
            signal.alarm(SECONDS_EACH)
            try:
                with contextlib.suppress(WorkbenchError):
                    look_at(open_run(path))
                    opened += 1
                    if number % 16 == 5:
                        draw(open_run(path))
                if number % 16 == 3:
                    on_the_command_line(path)
                if number % 5 == 2:
                    resume(path, data)
            except BaseException as error:
                error.add_note(f"mutant {number}: {how}")
                raise
    assert opened > FILES_EACH / 5, "mutants that nobody opens test little"


@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_genomes(batch: int) -> None:
    run = open_run(SAMPLE)
    space = make_space(run.space_name, run.space_config)
    blobs = [run.genome_bytes(id) or b"" for id in range(9)]
    genomes = [space.decode(blob) for blob in blobs]
    groups = [np.arange(len(genome.biases)) % 5 for genome in genomes]
    genomes += [one.with_parameters(one.weights, 0 * of, None, of) for one, of in zip(genomes, groups, strict=True)]
    blobs = [space.encode(one) for one in (*genomes, *map(Genome.without_weights, genomes))]
    whole = 0
    with bounded():
        for number in range(batch * GENOMES_EACH, (batch + 1) * GENOMES_EACH):
            blob, how = damaged_genome(number, blobs[number % len(blobs)])
            signal.alarm(SECONDS_EACH)
            try:
                genome = Genome.from_bytes(blob)
            except GenomeError:
                continue
            except BaseException as error:
                error.add_note(f"genome {number}: {how}")
                raise
            whole += 1
            assert np.isfinite(genome.positions[: genome.n_inputs]).all(), how
            assert Genome.from_bytes(genome.to_bytes()) == genome, how
    assert whole < GENOMES_EACH / 2


@pytest.mark.parametrize("name", ["mlp", "hnas", "einspace", "programs", "pairs"])
def test_damaged_genomes_of_other_spaces(data: Dataset, name: str) -> None:
    space, blobs = SPACES[name].for_data(data), []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        genome = space.sample(seed, rng)
        for _ in range(seed):
            genome, _ = space.mutate(genome, space.rates(), rng)
        blobs.append(space.encode(genome))
        blobs.append(space.encode(space.train(genome, data, TrainConfig(epochs=0), seed=0, stream=(0,)).genome))
    whole = 0
    with bounded():
        for number in range(GENOMES_EACH):
            blob, how = damaged_genome(number, blobs[number % len(blobs)])
            signal.alarm(SECONDS_EACH)
            try:
                genome = space.decode(blob)
            except GenomeError:
                continue
            except BaseException as error:
                error.add_note(f"genome {number}: {how}")
                raise
            whole += 1
            space.describe(genome)
            if isinstance(space, Draws):
                space.picture(genome)
            if isinstance(space, Lists):
                space.listing(genome)
            assert space.cost(space.decode(space.encode(genome))) == space.cost(genome), how
    assert whole < GENOMES_EACH / 2
