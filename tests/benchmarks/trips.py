"""How many files of the package a value travels through: `python tests/benchmarks/trips.py` prints three tables.

* child: a mutated child, from its proposal until it is stored;
* click: the selection of a point in a dashboard, of a live search and of a stored run;
* slider: a slider's value, from the widget until it is an update of the search.

It counts the files of `workbench/` of which a Python function is called, in any thread, and how often SQLite opens.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd

import workbench as wb
from workbench.cli.tables import print_table

PACKAGE = str(Path(wb.__file__).parent)
PATIENCE = 600


class Trip:
    """The functions that are called while it is on.

    Attributes:
        calls: number of calls by file and function.
        opened: how often SQLite was opened.
    """

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str, int]] = Counter()
        self.opened = 0
        self._on = False
        sys.setprofile(self._count)
        threading.setprofile(self._count)
        sys.addaudithook(self._audit)

    def start(self) -> None:
        """Count from now on, from 0."""
        self.calls.clear()
        self.opened, self._on = 0, True

    def stop(self) -> None:
        """Count no longer."""
        self._on = False

    def rows(self) -> list[dict[str, Any]]:
        """Files with their functions and calls, the sum last."""
        files = sorted({file for file, *_ in self.calls})
        rows = [
            {
                "file": file,
                "functions": sum(each == file for each, *_ in self.calls),
                "calls": sum(count for (each, *_), count in self.calls.items() if each == file),
            }
            for file in files
        ]
        total = {"functions": len(self.calls), "calls": sum(self.calls.values())}
        return [*rows, {"file": f"{len(files)} files, SQLite opened {self.opened} times", **total}]

    def _count(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if self._on and event == "call" and code.co_filename.startswith(PACKAGE):
            self.calls[code.co_filename.removeprefix(PACKAGE + "/"), code.co_qualname, code.co_firstlineno] += 1

    def _audit(self, event: str, _: Any) -> None:
        self.opened += self._on and event == "sqlite3.connect"


def _search(path: Path) -> wb.Search:
    data = wb.load_dataset("digits")
    small = {"population": 8, "children": 3, "generations": 3, "train.epochs": 1, "initial_epochs": 1, "workers": 1}
    preset = wb.preset("quick", "digits", seed=0, **small)
    return wb.Search(data, preset.config, path, preset.space(data))


def _wait(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    waiting = threading.Event()
    for _ in range(100 * PATIENCE):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("waited in vain")


def child(trip: Trip, folder: Path) -> list[dict[str, Any]]:
    """The second child of a generation: no ranking, and nothing is done for the first time."""
    from workbench.search.state import SearchState

    search = _search(folder / "child.sqlite")
    search.step(generation=True)
    _wait(lambda: search.snapshot().generation == 1)
    search.step(1)
    _wait(lambda: search.snapshot().total == 9)
    stored = threading.Event()
    propose, add = SearchState.propose, SearchState.add

    def start(state: SearchState, child: int) -> Any:
        trip.start()
        return propose(state, child)

    def end(state: SearchState, individual: Any) -> None:
        add(state, individual)
        trip.stop()
        stored.set()

    SearchState.propose, SearchState.add = start, end  # type: ignore[method-assign]
    try:
        search.step(1)
        assert stored.wait(PATIENCE)
    finally:
        SearchState.propose, SearchState.add = propose, add  # type: ignore[method-assign]
    search.close()
    return trip.rows()


def click(trip: Trip, watched: Any) -> list[dict[str, Any]]:
    """A member of the front is selected after another."""
    dashboard = wb.widgets.Dashboard(watched)
    front = [int(id) for id in wb.open_run(watched.path).front()["id"]]
    dashboard.selection.individual = front[0]
    trip.start()
    dashboard.selection.individual = front[-1]
    trip.stop()
    dashboard.close()
    return trip.rows()


def slider(trip: Trip, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The slider of a mutation's probability is moved, and let go: from `Search.update` on, and the whole way."""
    search = _search(folder / "slider.sqlite")
    search.step(generation=True)
    _wait(lambda: search.snapshot().generation == 1)
    steering = wb.widgets.Steering(search)
    steering.controls["add_edges"].value = 0.4
    steering.show(search.snapshot())
    within = Counter[tuple[str, str, int]]()
    update = wb.Search.update

    def update_and_note(self: wb.Search, **changes: Any) -> None:
        before = trip.calls.copy()
        update(self, **changes)
        within.update(trip.calls - before)

    wb.Search.update = update_and_note  # type: ignore[method-assign]
    try:
        trip.start()
        steering.controls["add_edges"].value = 0.7  # counts at once, since no loop runs here
        trip.stop()
    finally:
        wb.Search.update = update  # type: ignore[method-assign]
    assert search.rates.add_edges == 0.7
    whole = trip.rows()
    trip.calls = within
    steering.close()
    search.close()
    return trip.rows(), whole


def main() -> None:
    """Print the tables."""
    sqlite3.connect(":memory:").close()
    trip = Trip()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        print_table(pd.DataFrame(child(trip, path)), "A mutated child, from proposal to store")
        live = _search(path / "click.sqlite").run(progress=False)
        print_table(pd.DataFrame(click(trip, live)), "A click on a point, live search")
        print_table(pd.DataFrame(click(trip, wb.open_run(live.path))), "A click on a point, stored run")
        update, whole = slider(trip, path)
        print_table(pd.DataFrame(update), "A slider's value, from Search.update on")
        print_table(pd.DataFrame(whole), "A slider's value, the whole way from the widget")


if __name__ == "__main__":
    main()
