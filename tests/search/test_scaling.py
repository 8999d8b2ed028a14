"""A long search costs per generation what a short one does; work is counted, so no clock decides."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np
import pytest
from search_samples import PATIENCE, SheddingSpace, tiny_data

from workbench.search import Search, SearchConfig
from workbench.search.state import SearchState
from workbench.training import TrainConfig

CONFIG = SearchConfig(population=20, children=10, seed=1, workers=1, train=TrainConfig(epochs=1))


class CallCounter:
    """Counts the calls of functions, Python's and C's, in all threads that start while it is on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.at_ranking = 0, [0]
        ranked = SearchState.end_generation

        def end_generation(state: SearchState, wall_seconds: float) -> None:
            ranked(state, wall_seconds)
            self.at_ranking.append(self.calls)

        monkeypatch.setattr(SearchState, "end_generation", end_generation)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        self.calls += event in ("call", "c_call")

    def per_generation(self) -> np.ndarray:
        return np.diff(self.at_ranking)[1:]  # without the initial population


def run(path, children: int) -> Search:
    """A search of so many individuals, whose commits are not synchronised with the disk."""
    generations = (children - CONFIG.population) // CONFIG.children
    search = Search(tiny_data(), replace(CONFIG, generations=generations), path, SheddingSpace())
    search._state.writer._connection.execute("PRAGMA synchronous = OFF")
    search.start()
    assert search.join(PATIENCE)
    return search


def test_a_generation_costs_the_same_early_and_late(tmp_path, monkeypatch):
    counter = CallCounter(monkeypatch)
    threading.setprofile(counter)
    try:
        run(tmp_path / "run.sqlite", 420)
    finally:
        threading.setprofile(None)
    calls = counter.per_generation()
    early, late = np.median(calls[2:12]), np.median(calls[-10:])
    assert len(calls) == 40
    assert late < 1.25 * early


def test_a_child_takes_at_most_a_kilobyte_besides_its_genome(tmp_path):
    sizes = {}
    for children in (200, 800):
        path = run(tmp_path / f"{children}.sqlite", children).path
        with closing(sqlite3.connect(path)) as connection:
            (genomes,) = connection.execute("SELECT sum(length(blob)) FROM genomes").fetchone()
        sizes[children] = os.path.getsize(path) - genomes
    assert sizes[800] <= 1000 * 800
    assert sizes[800] <= 4.2 * sizes[200]
