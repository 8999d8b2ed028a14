"""Watching a search from the main thread until it ends, and following a run in a file; Ctrl-C and SIGTERM."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from workbench.errors import ConfigError
from workbench.formats import duration, percent
from workbench.search.snapshot import Snapshot, snapshot_of
from workbench.store import is_being_written, open_run

JOIN_SECONDS = 0.2
POLL_SECONDS = 0.5
SPEAK_SECONDS = 30.0

WAITING = "Stopping: waiting for the children in training. Press Ctrl-C again to abandon them."
ABANDONING = "Stopping: the children in training are abandoned."


@contextmanager
def noted_interrupts() -> Iterator[list[int]]:
    """Within, Ctrl-C and SIGTERM are noted in the list, and interrupt nothing; only the third does.

    An exception would come wherever the main thread is, with a lock in its hand or half a line on the screen. Signals
    that are ignored stay so; only the main thread gets any.
    """
    noted: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, _: object) -> None:
        noted.append(number)
        if len(noted) > 2:
            raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) not in (None, signal.SIG_IGN):
                before[number] = signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_to_the_end(search: Any, *, show: bool = True, minutes: float | None = None) -> None:
    """Start a `Search` and block until its thread ends, or (then it is stopped) for so many minutes; show its progress.

    Ctrl-C, or SIGTERM, stops it after the children in training; a second one abandons these, and is raised once the
    thread has ended. In a terminal or notebook one line is redrawn; elsewhere (a log file) one line is printed per
    generation, and at least every `SPEAK_SECONDS`.

    Raises:
        ConfigError: if `minutes` is not above 0.
    """
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"minutes expects a number above 0, got {minutes}")
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    line = Live(console=console, auto_refresh=False) if show and (console.is_terminal or console.is_jupyter) else None
    with noted_interrupts() as noted, line or nullcontext():
        search.start()
        shown, ended, heeded, began, spoke = -1, False, 0, time.monotonic(), 0.0
        over = math.inf if minutes is None else began + 60 * minutes
        while not ended:
            ended, now = search.join(JOIN_SECONDS), search.snapshot()
            if line is not None:
                line.update(Text(progress_line(now)), refresh=True)
            elif show and (now.generation != shown or ended or time.monotonic() > spoke + SPEAK_SECONDS):
                shown, spoke = now.generation, time.monotonic()
                console.print(progress_line(now), highlight=False, soft_wrap=True)
            if time.monotonic() > over and not ended:
                over = math.inf
                search.stop()
                if show:
                    console.print(
                        f"{minutes:g} minutes are over: waiting for the children in training.", soft_wrap=True
                    )
            if len(noted) > heeded and not ended:
                heeded = len(noted)
                search.stop(now=heeded > 1)
                console.print(WAITING if heeded == 1 else ABANDONING, soft_wrap=True)
    if heeded > 1:
        raise KeyboardInterrupt


def progress_line(snapshot: Snapshot) -> str:
    """One line: generation, best accuracy, hypervolume, children per minute, time left; or what all wait for."""
    if snapshot.compiling:
        return f"{snapshot.state} · {snapshot.compiling}"
    end, expected = snapshot.generations, snapshot.total_expected
    parts = [
        f"{snapshot.state} · generation {snapshot.generation}" + (f"/{end}" if end is not None else ""),
        f"{snapshot.total}" + (f"/{expected}" if expected is not None else "") + " individuals",
        f"best {percent(snapshot.best_accuracy)} val",
        f"front {len(snapshot.archive)}, hypervolume {snapshot.hypervolume:.4f}",
    ]
    if snapshot.children_per_minute:  # unknown of a run that is only read
        parts.append(f"{snapshot.children_per_minute:.1f} children/min")
    if snapshot.failed:
        parts.append(f"{snapshot.failed} failed")
    if snapshot.state not in ("running", "paused"):
        parts.append("took " + duration(snapshot.elapsed_seconds))
    elif expected is not None:
        parts.append("time left " + duration(snapshot.remaining_seconds))
    return " · ".join(parts)


def follow_run(path: str, poll_seconds: float = POLL_SECONDS) -> Iterator[Snapshot]:
    """The run in `path` whenever it has changed, until its search has ended (or was killed)."""
    run = open_run(path)
    seen: object = None
    shown: object = None
    while True:
        now = version_of(run.path)
        if now != seen:
            seen, snapshot = now, snapshot_of(run)
            news = (snapshot.state, snapshot.total, len(snapshot.finished_generations), len(snapshot.events))
            if news != shown:
                shown = news
                yield snapshot
            if snapshot.state not in ("running", "paused") and not is_being_written(run.path):
                return
        time.sleep(poll_seconds)


def version_of(run: Path) -> tuple[int, ...]:
    """Changes whenever a run file or its log is written to, or its writer comes or goes; cheap to ask for."""
    times = [0, 0]
    for place, path in enumerate((str(run), f"{run}-wal")):
        with suppress(OSError):
            times[place] = os.stat(path).st_mtime_ns
    return *times, is_being_written(run)
