"""What the kernel's main thread spends on the front and the table of a long run."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets import load_dataset
from workbench.search import Search, preset
from workbench.views.base.source import Source
from workbench.views.individuals.data import SHARED, Individuals
from workbench.widgets import FrontView, IndividualsTable

INDIVIDUALS, UPDATES = 10_000, 50


class _Long:
    """A run that has so many individuals, and one more at each look."""

    def __init__(self) -> None:
        self.made, self.rng = 0, np.random.default_rng(0)

    def news(self, id: int, generation: int) -> tuple[list[dict[str, Any]], list[Any]]:
        new = range(self.made, self.made + 1 if self.made else INDIVIDUALS)
        self.made = new.stop
        return [self._one(each) for each in new], []

    def _one(self, id: int) -> dict[str, Any]:
        flops = int(10 ** self.rng.uniform(3, 6))
        cost = {"flops": flops, "parameters": flops // 2, "latency_us": None, "wall_seconds": 1.0}
        made = {"mutation_kind": "add_edges", "mutation": {"kind": "add_edges", "edges_added": id}}
        origin = {"id": id, "parent": max(0, id - 30), "generation": id // 15, "origin": "mutation", "status": "ok"}
        return {
            **origin,
            **made,
            **cost,
            "val_accuracy": self.rng.random(),
            "description": {"summary": "64-9-10", "hidden layers": 1},
        }


def rows() -> list[dict[str, Any]]:
    """Milliseconds: of the first look, and of an update in which one more individual has died."""
    data = load_dataset("digits")
    with tempfile.TemporaryDirectory() as folder:
        chosen = preset("quick", "digits")
        search = Search(data, chosen.config, Path(folder) / "run.sqlite", chosen.space(data))
        source = Source(search)
        SHARED[source] = Individuals(_Long())
        table = []
        for view in (FrontView, IndividualsTable):
            started = time.thread_time()
            shown, times = view(source), []
            first = time.thread_time() - started
            for _ in range(UPDATES):
                snapshot, started = replace(search.snapshot()), time.thread_time()
                shown.show(snapshot)
                times.append(time.thread_time() - started)
            found = {"first, ms": f"{1e3 * first:.0f}", "one more, ms": f"{1e3 * np.median(times):.1f}"}
            table.append({"view": view.__name__, **found})
            shown.close()
        search.close()
    return table
