"""Start, pause, step, stop; how far the search is, what each worker trains; live changes and failures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.executors import Progress
from workbench.formats import MISSING, duration, in_words, percent
from workbench.search import Search, Snapshot
from workbench.views.base.markup import alert, escape, progress_bar, quiet
from workbench.views.base.view import View, button, classed, panel, style_sheet
from workbench.views.run.data import changes

STATES = {
    "idle": "Ready. Start begins with the initial population.",
    "running": "Running. Other cells can run meanwhile; closing the page does not stop the search.",
    "pausing": "Pausing: the children in training finish first.",
    "paused": "Paused. Nothing moves until you resume or step.",
    "stopping": "Stopping: the children in training finish first.",
    "stopped": "Stopped. The run is saved; Resume continues where it ended.",
    "finished": "Finished. Click a point of the front to open a network.",
    "failed": "Failed. What was finished is in the run file.",
}

BUTTONS: tuple[tuple[str, str, str, str, Callable[[Search], object]], ...] = (
    ("start", "Start", "play", "Start or resume the search in its own thread", Search.start),
    ("pause", "Pause", "pause", "Start no further child; those in training finish", Search.pause),
    ("step", "Step child", "step-forward", "Make one child, then pause", Search.step),
    (
        "step-generation",
        "Step generation",
        "fast-forward",
        "Make the missing children of this generation, then pause",
        partial(Search.step, generation=True),
    ),
    ("stop", "Stop", "stop", "Stop the search; the run can be resumed", Search.stop),
)
"""Name, text, icon, tooltip and action."""

MAX_ENTRIES = 50
"""Entries of each list of the log, the latest first."""


class RunControl(View):
    """Buttons and progress of a search; for a stored run only how far it came.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: not used here; all views take one.
    """

    def _build(self) -> None:
        buttons = [self._button(*each) for each in BUTTONS]
        self.start, self.pause, self.step, self.step_generation, self.stop = buttons
        self.buttons = classed(ipw.HBox(buttons), "wb-buttons")
        self.state, self.progress, self.working, self.message = (ipw.HTML() for _ in range(4))
        self.add_class("wb-run-control")
        if self.source.search is None:
            self.buttons.layout.display = "none"
        head = classed(ipw.HBox([self.state, self.buttons]), "wb-head")
        self.children = (style_sheet(), head, self.message, self.progress, self.working)

    def _button(self, name: str, text: str, icon: str, tooltip: str, act: Callable[[Search], object]) -> ipw.Button:
        return button(text, f"wb-{name}", tooltip, lambda: self._call(act), icon)

    def _call(self, act: Callable[[Search], object]) -> None:
        search = self.source.search
        assert search is not None
        try:
            act(search)
        except WorkbenchError as error:
            self.message.value = alert(str(error))
        else:
            self.show(search.snapshot())

    def show(self, snapshot: Snapshot) -> None:
        """Show state, progress and workers."""
        state, live = snapshot.state, self.source.search is not None
        if snapshot.in_progress:
            state = {"paused": "pausing", "stopped": "stopping"}.get(state, state)
        words = STATES[state] if live else f"A stored run, read only; its search was last {snapshot.state}."
        chip = f'<span class="wb-chip wb-chip-{escape(state)}">{escape(state)}</span>'
        self.state.value = f'<div role="status" class="wb-state">{chip}<span>{escape(words)}</span></div>'
        can_go = snapshot.state in ("idle", "paused", "stopped") and state != "stopping"
        self.start.description = "Start" if snapshot.state == "idle" and not snapshot.total else "Resume"
        self.start.disabled = self.step.disabled = self.step_generation.disabled = not can_go
        self.pause.disabled = snapshot.state != "running"
        self.stop.disabled = snapshot.state not in ("running", "paused")
        failure = f"{snapshot.error} — fix the cause, then continue with Search.resume(path)."
        self.message.value = alert(failure) if snapshot.error else ""
        self.progress.value = _progress_html(snapshot, live)
        self.working.value = _working_html(snapshot) if live else ""


def _progress_html(snapshot: Snapshot, live: bool) -> str:
    facts = {
        "generation": f"{snapshot.generation} / {snapshot.generations}",
        "individuals": f"{snapshot.total:,} / {snapshot.total_expected:,}",
        "best validation accuracy": percent(snapshot.best_accuracy),
        "front": f"{len(snapshot.archive)}",
        "hypervolume": f"{snapshot.hypervolume:.4f}",
    }
    if live and snapshot.state in ("running", "paused"):
        rate = snapshot.children_per_minute
        facts["children / min"] = f"{rate:.1f}" if rate else MISSING
        facts["time left"] = duration(snapshot.remaining_seconds)
    elif snapshot.total:
        facts["took"] = duration(snapshot.elapsed_seconds)
    if snapshot.failed:
        facts["failed"] = str(snapshot.failed)
    cells = "".join(f"<div><b>{value}</b><small>{name}</small></div>" for name, value in facts.items())
    bar = progress_bar(snapshot.total, snapshot.total_expected, "individuals made")
    return f'{bar}<div class="wb-facts">{cells}</div>'


def _working_html(snapshot: Snapshot) -> str:
    if not snapshot.in_progress:
        return quiet("No child is in training.")
    known = {progress.child: _progress_cells(progress) for progress in snapshot.working}
    rows = "".join(
        f'<div role="listitem"><b>child {child}</b>{known.get(child, "<span>in training</span>")}</div>'
        for child in sorted(snapshot.in_progress)
    )
    return f'<div class="wb-workers" role="list" aria-label="children in training">{rows}</div>'


def _progress_cells(progress: Progress) -> str:
    made = in_words(progress.kind) or "mutating"
    made += "" if progress.parent is None else f" of {progress.parent}"
    made += f" · {progress.flops:,} FLOPs" if progress.flops else ""
    bar = progress_bar(progress.epoch, progress.epochs, "epochs")
    epochs = f"epoch {progress.epoch} / {progress.epochs}"
    return f"<span>{escape(made)}</span>{bar}<span>{epochs}</span><b>{percent(progress.val_accuracy)}</b>"


class LogView(View):
    """What a person changed while the search ran, and which children failed and why.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: not used here; all views take one.
    """

    interval = 0.5

    def _build(self) -> None:
        self.changes, self.failures = ipw.HTML(), ipw.HTML()
        parts = ipw.Box([panel("Live changes", self.changes), panel("Failures", self.failures)])
        self.add_class("wb-log")
        self._drawn: object = None
        self.children = (style_sheet(), classed(parts, "wb-log-grid"))

    def show(self, snapshot: Snapshot) -> None:
        """Show both lists."""
        key = len(snapshot.events), snapshot.failures
        if key == self._drawn:
            return
        self._drawn = key
        made = changes(self.source.run.config, snapshot.events, self.source.space)
        told = [f"<b>from child {one.from_child}</b> {'; '.join(map(escape, one.lines))}" for one in made]
        failed = [
            f"<b>child {one.id}</b>, generation {one.generation}: {escape(one.reason)}" for one in snapshot.failures
        ]
        self.changes.value = _list_html(told, "Nothing was changed so far.")
        self.failures.value = _list_html(failed, "No child failed.")


def _list_html(entries: list[str], empty: str) -> str:
    """Entries (HTML), the latest first."""
    if not entries:
        return quiet(empty)
    more = quiet(f"… and {len(entries) - MAX_ENTRIES} before") if len(entries) > MAX_ENTRIES else ""
    items = "".join(f"<li>{entry}</li>" for entry in entries[: -MAX_ENTRIES - 1 : -1])
    return f'<ol class="wb-list" tabindex="0" aria-label="entries, the latest first">{items}</ol>{more}'
