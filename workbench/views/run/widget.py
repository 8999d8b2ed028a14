"""Start, pause, step, stop; how far the search is, and what each worker trains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.executors import Progress
from workbench.formats import duration
from workbench.search import Snapshot
from workbench.views.base.markup import escape
from workbench.views.base.view import View, style_sheet

STATES = {
    "idle": "Ready. Start begins with the initial population.",
    "running": "Running. Other cells can run meanwhile; closing the page does not stop the search.",
    "pausing": "Pausing: the children in training finish first.",
    "paused": "Paused. Nothing moves until you resume or step.",
    "stopping": "Stopping: the children in training finish first.",
    "stopped": "Stopped. The run is saved; resume goes on where it ended.",
    "finished": "Finished. Click a point of the front to open a network.",
    "failed": "Failed. What was finished is in the run file.",
}


class RunControl(View):
    """Buttons and progress of a search; for a stored run only how far it came.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: not used here; all views take one.
    """

    def _build(self) -> None:
        self.start = self._button("Start", "play", "wb-start", "Start, or go on, in a thread of its own", self._start)
        self.pause = self._button(
            "Pause", "pause", "wb-pause", "Start no further child; those in training finish", self._call("pause")
        )
        self.step = self._button("Step child", "step-forward", "wb-step", "Make one child, then pause", self._step)
        self.step_generation = self._button(
            "Step generation",
            "fast-forward",
            "wb-step-generation",
            "Make the children that are missing of this generation, then pause",
            self._step_generation,
        )
        self.stop = self._button(
            "Stop", "stop", "wb-stop", "End the search's thread; the run can be resumed", self._call("stop")
        )
        self.buttons = ipw.HBox([self.start, self.pause, self.step, self.step_generation, self.stop])
        self.buttons.add_class("wb-buttons")
        self.state, self.progress, self.working, self.message = (ipw.HTML() for _ in range(4))
        self.add_class("wb-run-control")
        if self.source.search is None:
            self.buttons.layout.display = "none"
        head = ipw.HBox([self.state, self.buttons])
        head.add_class("wb-head")
        self.children = (style_sheet(), head, self.message, self.progress, self.working)

    def _button(self, text: str, icon: str, name: str, tooltip: str, action: Callable[[], None]) -> ipw.Button:
        button = ipw.Button(description=text, icon=icon, tooltip=tooltip)
        button.add_class(name)
        button.on_click(lambda _: self._act(action))
        return button

    def _act(self, action: Callable[[], None]) -> None:
        """Do what a button says, show at once what came of it."""
        try:
            action()
        except WorkbenchError as error:
            self.message.value = _alert(str(error))
            return
        assert self.source.search is not None
        self.show(self.source.search.snapshot())

    def _call(self, name: str) -> Callable[[], None]:
        return lambda: getattr(self.source.search, name)()

    def _start(self) -> None:
        self._searching.start()

    def _step(self) -> None:
        self._searching.step()

    def _step_generation(self) -> None:
        self._searching.step(generation=True)

    @property
    def _searching(self) -> Any:
        return self.source.search

    def show(self, snapshot: Snapshot) -> None:
        """Show state, progress and workers."""
        state = _state(snapshot)
        live = self.source.search is not None
        words = STATES[state] if live else f"A stored run, read only; its search was last {snapshot.state}."
        chip = f'<span class="wb-chip wb-chip-{escape(state)}">{escape(state)}</span>'
        self.state.value = f'<div role="status" class="wb-state">{chip}<span>{escape(words)}</span></div>'
        can_go = snapshot.state in ("idle", "paused", "stopped")
        self.start.description = "Start" if snapshot.state == "idle" and not snapshot.total else "Resume"
        self.start.disabled = not can_go or state == "stopping"
        self.pause.disabled = snapshot.state != "running"
        self.step.disabled = self.step_generation.disabled = not can_go or state == "stopping"
        self.stop.disabled = snapshot.state not in ("running", "paused")
        self.message.value = _alert(_failure_text(snapshot)) if snapshot.error else ""
        self.progress.value = _progress_html(snapshot, live)
        self.working.value = _working_html(snapshot) if live else ""


def _state(snapshot: Snapshot) -> str:
    """The state, with what is still going on."""
    if snapshot.in_progress and snapshot.state in ("paused", "stopped"):
        return {"paused": "pausing", "stopped": "stopping"}[snapshot.state]
    return snapshot.state


def _alert(text: str) -> str:
    return f'<div role="alert" class="wb-alert">{escape(text)}</div>'


def _failure_text(snapshot: Snapshot) -> str:
    return f"{snapshot.error} — mend the cause, then go on with Search.resume(path)."


def _progress_html(snapshot: Snapshot, live: bool) -> str:
    best = "–" if math.isnan(snapshot.best_accuracy) else f"{snapshot.best_accuracy:.2%}"
    facts = [
        ("generation", f"{snapshot.generation} / {snapshot.generations}"),
        ("individuals", f"{snapshot.total:,} / {snapshot.total_expected:,}"),
        ("best validation accuracy", best),
        ("front", f"{len(snapshot.archive)}"),
        ("hypervolume", f"{snapshot.hypervolume:.4f}"),
    ]
    if live and snapshot.state in ("running", "paused"):
        rate = f"{snapshot.children_per_minute:.1f}" if snapshot.children_per_minute else "–"
        facts += [("children / min", rate), ("time left", duration(snapshot.remaining_seconds))]
    elif snapshot.total:
        facts += [("took", duration(snapshot.elapsed_seconds))]
    if snapshot.failed:
        facts.append(("failed", str(snapshot.failed)))
    cells = "".join(f"<div><b>{value}</b><small>{name}</small></div>" for name, value in facts)
    return f'{_bar(snapshot.total, snapshot.total_expected, "individuals made")}<div class="wb-facts">{cells}</div>'


def _bar(value: int, most: int, label: str) -> str:
    share = min(1.0, value / max(1, most))
    return (
        f'<div class="wb-bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="{most}" '
        f'aria-valuenow="{value}"><i style="width:{share:.1%}"></i></div>'
    )


def _working_html(snapshot: Snapshot) -> str:
    if not snapshot.in_progress:
        return '<p class="wb-quiet">No child is in training.</p>'
    known = {progress.child: progress for progress in snapshot.working}
    rows = [_worker_row(child, known.get(child)) for child in sorted(snapshot.in_progress)]
    return f'<div class="wb-workers" role="list" aria-label="children in training">{"".join(rows)}</div>'


def _worker_row(child: int, progress: Progress | None) -> str:
    if progress is None:
        return f'<div role="listitem"><b>child {child}</b><span>in training</span></div>'
    origin = progress.kind.replace("_", " ") or "mutating"
    parts = [origin if progress.parent is None else f"{origin} of {progress.parent}"]
    if progress.flops:
        parts.append(f"{progress.flops:,} FLOPs")
    accuracy = "–" if math.isnan(progress.val_accuracy) else f"{progress.val_accuracy:.2%}"
    bar = _bar(progress.epoch, progress.epochs, "epochs")
    return (
        f'<div role="listitem"><b>child {child}</b><span>{escape(" · ".join(parts))}</span>{bar}'
        f"<span>epoch {progress.epoch} / {progress.epochs}</span><b>{accuracy}</b></div>"
    )
