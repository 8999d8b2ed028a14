"""The progress line of a search in a terminal or a notebook."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

from workbench.formats import duration, percent
from workbench.search.snapshot import Snapshot

POLL_SECONDS = 0.2


def watch(
    join: Callable[[float], bool], snapshot: Callable[[], Snapshot], stop: Callable[[], None], *, show: bool = True
) -> None:
    """Block until a search's thread ends, showing its progress; Ctrl-C stops it after the children in training.

    In a terminal or notebook one line is redrawn; elsewhere (a log file) one line is printed per generation.

    Args:
        join: waits for the thread, up to some seconds; returns whether it has ended.
        snapshot: gives the search as it looks now.
        stop: stops it.
        show: whether to show progress.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    line = Live(console=console, auto_refresh=False) if show and (console.is_terminal or console.is_jupyter) else None
    with line or nullcontext():
        shown = -1
        while True:
            try:
                ended, now = join(POLL_SECONDS), snapshot()
                if line is not None:
                    line.update(Text(progress_line(now)), refresh=True)
                elif show and (now.generation != shown or ended):
                    shown = now.generation
                    console.print(progress_line(now), highlight=False, soft_wrap=True)
                if ended:
                    return
            except KeyboardInterrupt:
                if snapshot().state == "stopped":
                    raise
                stop()
                console.print("Stopping: waiting for the children in training. Press Ctrl-C again to abandon them.")
                time.sleep(POLL_SECONDS)


def progress_line(snapshot: Snapshot) -> str:
    """One line: generation, best accuracy, hypervolume, children per minute, time left."""
    parts = [
        f"{snapshot.state} · generation {snapshot.generation}/{snapshot.generations}",
        f"{snapshot.total}/{snapshot.total_expected} individuals",
        f"best {percent(snapshot.best_accuracy)} val",
        f"front {len(snapshot.archive)}, hypervolume {snapshot.hypervolume:.4f}",
    ]
    if snapshot.children_per_minute:  # unknown of a run that is only read
        parts.append(f"{snapshot.children_per_minute:.1f} children/min")
    if snapshot.failed:
        parts.append(f"{snapshot.failed} failed")
    if snapshot.state in ("running", "paused"):
        parts.append("time left " + duration(snapshot.remaining_seconds))
    else:
        parts.append("took " + duration(snapshot.elapsed_seconds))
    return " · ".join(parts)
