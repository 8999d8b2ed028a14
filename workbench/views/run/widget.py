"""Start, pause, step, stop; how far the search is, what each worker trains; live changes and failures."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.executors import Progress
from workbench.formats import MISSING, duration, percent
from workbench.search import Snapshot
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

MAX_ENTRIES = 50
"""Entries of each list of the log, the latest first."""


class RunControl(View):
    """Buttons and progress of a search; for a stored run only how far it came.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: not used here; all views take one.
    """

    def _build(self) -> None:
        self.start = self._button("Start", "wb-start", "Start or resume the search in its own thread", "play", "start")
        self.pause = self._button(
            "Pause", "wb-pause", "Start no further child; those in training finish", "pause", "pause"
        )
        self.step = self._button("Step child", "wb-step", "Make one child, then pause", "step-forward", "step")
        self.step_generation = self._button(
            "Step generation",
            "wb-step-generation",
            "Make the missing children of this generation, then pause",
            "fast-forward",
            "step",
            generation=True,
        )
        self.stop = self._button("Stop", "wb-stop", "Stop the search; the run can be resumed", "stop", "stop")
        buttons = [self.start, self.pause, self.step, self.step_generation, self.stop]
        self.buttons = classed(ipw.HBox(buttons), "wb-buttons")
        self.state, self.progress, self.working, self.message = (ipw.HTML() for _ in range(4))
        self.add_class("wb-run-control")
        if self.source.search is None:
            self.buttons.layout.display = "none"
        head = classed(ipw.HBox([self.state, self.buttons]), "wb-head")
        self.children = (style_sheet(), head, self.message, self.progress, self.working)

    def _button(self, text: str, name: str, tooltip: str, icon: str, method: str, **arguments: Any) -> ipw.Button:
        """A button that calls a method of the search."""
        return button(text, name, tooltip, lambda: self._call(method, arguments), icon)

    def _call(self, method: str, arguments: dict[str, Any]) -> None:
        search = self.source.search
        assert search is not None
        try:
            getattr(search, method)(**arguments)
        except WorkbenchError as error:
            self.message.value = alert(str(error))
        else:
            self.show(search.snapshot())

    def show(self, snapshot: Snapshot) -> None:
        """Show state, progress and workers."""
        state, live = _state(snapshot), self.source.search is not None
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


def _state(snapshot: Snapshot) -> str:
    """The state, with what is still going on."""
    if snapshot.in_progress and snapshot.state in ("paused", "stopped"):
        return {"paused": "pausing", "stopped": "stopping"}[snapshot.state]
    return snapshot.state


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
    known = {progress.child: progress for progress in snapshot.working}
    rows = "".join(_worker_row(child, known.get(child)) for child in sorted(snapshot.in_progress))
    return f'<div class="wb-workers" role="list" aria-label="children in training">{rows}</div>'


def _worker_row(child: int, progress: Progress | None) -> str:
    if progress is None:
        return f'<div role="listitem"><b>child {child}</b><span>in training</span></div>'
    origin = progress.kind.replace("_", " ") or "mutating"
    parts = [origin if progress.parent is None else f"{origin} of {progress.parent}"]
    if progress.flops:
        parts.append(f"{progress.flops:,} FLOPs")
    bar = progress_bar(progress.epoch, progress.epochs, "epochs")
    return (
        f'<div role="listitem"><b>child {child}</b><span>{escape(" · ".join(parts))}</span>{bar}'
        f"<span>epoch {progress.epoch} / {progress.epochs}</span><b>{percent(progress.val_accuracy)}</b></div>"
    )


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
        made = [
            f"<b>from child {change.from_child}</b> {'; '.join(map(escape, change.lines))}"
            for change in changes(self.source.run.config, snapshot.events)
        ]
        failed = [
            f"<b>child {failure.id}</b>, generation {failure.generation}: {escape(failure.reason)}"
            for failure in snapshot.failures
        ]
        self.changes.value = _list_html(made, "Nothing was changed so far.")
        self.failures.value = _list_html(failed, "No child failed.")


def _list_html(entries: list[str], empty: str) -> str:
    """Entries (HTML), the latest first."""
    if not entries:
        return quiet(empty)
    more = quiet(f"… and {len(entries) - MAX_ENTRIES} before") if len(entries) > MAX_ENTRIES else ""
    items = "".join(f"<li>{entry}</li>" for entry in entries[: -MAX_ENTRIES - 1 : -1])
    return f'<ol class="wb-list" tabindex="0" aria-label="entries, the latest first">{items}</ol>{more}'
