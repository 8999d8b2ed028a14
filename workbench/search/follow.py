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
    run, seen, quiet = open_run(path), None, 0
    while True:
        now = [_written_at(Path(f"{run.path}{end}")) for end in ("", "-wal")]
        if now == seen:
            quiet += 1
            if quiet % QUIET_POLLS == 0 and not is_being_written(run.path):
                return
        else:
            seen, quiet, snapshot = now, 0, snapshot_of(run)
            yield snapshot
            if snapshot.state != "running" and not is_being_written(run.path):
                return
        time.sleep(poll_seconds)


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
