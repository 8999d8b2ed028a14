"""Looking at a run from another process while a search writes it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from workbench.search.snapshot import Snapshot, snapshot_of
from workbench.store import is_being_written, open_run

POLL_SECONDS = 0.5
QUIET_POLLS = 10
"""Polls without news after which it is asked whether anybody still writes the run."""


def follow_run(path: str, poll_seconds: float = POLL_SECONDS) -> Iterator[Snapshot]:
    """The run in `path` whenever it has changed, until its search has ended (or was killed).

    Args:
        path: the run file.
        poll_seconds: how often to look.

    Raises:
        RunError: if the file cannot be read.
    """
    run, quiet = open_run(path), 0
    seen: list[int] | None = None
    shown: object = None
    while True:
        now = [_written_at(Path(f"{run.path}{end}")) for end in ("", "-wal")]
        ended = now == seen and quiet % QUIET_POLLS == QUIET_POLLS - 1 and not is_being_written(run.path)
        if now != seen or ended:
            seen, quiet, snapshot = now, 0, snapshot_of(run)
            news = (snapshot.state, snapshot.total, len(snapshot.finished_generations), len(snapshot.events))
            if news != shown:  # also asked at the end: two changes in one tick of the file's clock look like one
                shown = news
                yield snapshot
            if ended or (snapshot.state != "running" and not is_being_written(run.path)):
                return
        else:
            quiet += 1
        time.sleep(poll_seconds)


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
