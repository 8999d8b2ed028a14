"""Start, pause, step, stop; how far the search is, what each worker trains; live changes and failures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.executors import Progress
from workbench.formats import MISSING, duration, in_words, percent
from workbench.search import Search, Snapshot
from workbench.search.beside import MORE_GENERATIONS
from workbench.store import Run
from workbench.views.base.markup import alert, escape, progress_bar, quiet
from workbench.views.base.source import Selection, Source
from workbench.views.base.view import View, button, classed, panel, style_sheet
from workbench.views.run.branch import Branch
from workbench.views.run.data import changes, of, told

MAX_ENTRIES = 50
"""Entries of each list of the log, the latest first."""

MOST_WORKERS = 2
"""Children in training that are told one by one; more are told in number."""


class RunControl(View):
    """Buttons and progress of a search, for a stored run only how far it came; as tall in every state.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: not used here; all views take one.

        opened: called with a search that was forked off, or begun anew; there are no such buttons if None.
        before: name of the run that was looked at before, to which `back` leads; none if empty.

    Attributes:
        start: starts, pauses and resumes.
        step, step_generation, stop, extend, fork, new: the other buttons.
        branch: what is asked before a fork or a new run; None without `opened`.
        back: leads back to the run that was looked at before.
    """

    def __init__(
        self,
        watched: Search | Run | Source,
        selection: Selection | None = None,
        opened: Callable[[Search | None], None] | None = None,
        before: str = "",
    ) -> None:
        self._opened, self._before = opened, before
        self._refused: tuple[str, str] | None = None  # state, and why a button did nothing in it
        super().__init__(watched, selection)

    def _build(self) -> None:
        one_generation = partial(Search.step, generation=True)
        self.start = self._button("start", "Start", "play", "", self._toggle)
        self.step = self._button("step", "Step", "step-forward", "Make one child, then pause (s)", Search.step)
        self.step_generation = self._button(
            "step-generation",
            "Step generation",
            "fast-forward",
            "Make the missing children of this generation, then pause (g)",
            one_generation,
        )
        self.stop = self._button("stop", "Stop", "stop", "Stop the search; the run can be resumed", Search.stop)
        self.extend = self._button(
            "extend",
            f"+ {MORE_GENERATIONS} generations",
            "",
            f"Make the run {MORE_GENERATIONS} generations longer; a finished one goes on",
            _go_on,
        )
        buttons = [self.start, self.step, self.step_generation, self.stop, self.extend, *self._branches()]
        self.buttons = classed(ipw.HBox(buttons), "wb-buttons")
        self.state, self.progress, self.words, self.message, self.working = (ipw.HTML() for _ in range(5))
        classed(self, "wb-run-control", "wb-panel")
        if self.source.search is None:
            self.buttons.layout.display = "none"
        asked = [] if self.branch is None else [self.branch]
        self.head = classed(ipw.HBox([self.state, self.buttons, *asked]), "wb-run-head")
        self.back = button(f"Back to {self._before}", "wb-back", "The run that was looked at before", self._go_back)
        self.back.icon = "arrow-left"
        self.back.layout.display = None if self._before else "none"
        line = classed(ipw.HBox([self.back, self.words, self.message, self.working]), "wb-run-line")
        self.children = (style_sheet(), self.head, self.progress, line)

    def _branches(self) -> list[ipw.Button]:
        """The buttons by which another search begins, if somebody shows it."""
        search, self.branch = self.source.search, None
        if search is None or self._opened is None:
            return []
        self.branch = branch = Branch(search, self._opened, lambda: self.show(search.snapshot()))
        fork, new = (lambda _: branch.ask_fork()), (lambda _: branch.ask_new())
        self.fork = self._button("fork", "Fork from here", "code-fork", "Branch off into a run of its own", fork)
        self.new = self._button("new", "New run", "plus", "Begin anew with the settings as they are now", new)
        return [self.fork, self.new]

    def _go_back(self) -> None:
        assert self._opened is not None
        self._opened(None)

    def _button(self, name: str, text: str, icon: str, tooltip: str, act: Callable[[Search], object]) -> ipw.Button:
        return button(text, f"wb-{name}", tooltip, lambda: self._call(act), icon)

    def _toggle(self, search: Search) -> None:
        if search.snapshot().state == "running":
            search.pause()
        else:
            search.start()

    def _call(self, act: Callable[[Search], object]) -> None:
        search = self.source.search
        assert search is not None
        try:
            act(search)
            self._refused = None
        except WorkbenchError as error:
            self._refused = search.snapshot().state, str(error)
        self.show(search.snapshot())

    def show(self, snapshot: Snapshot) -> None:
        """Show state, progress and workers."""
        state, live = snapshot.state, self.source.search is not None
        if snapshot.in_progress:
            state = {"paused": "pausing", "stopped": "stopping"}.get(state, state)
        self.state.value = f'<div role="status" class="wb-chip wb-chip-{escape(state)}">{escape(state)}</div>'
        self._show_buttons(snapshot, state)
        if self._refused is not None and self._refused[0] != snapshot.state:
            self._refused = None  # what was refused then may be possible now
        fault = None if self._refused is None else self._refused[1]
        if snapshot.error:
            fault = f"{snapshot.error} — fix the cause, then continue with Search.resume(path)."
        self._say(alert(fault) if fault else "", told(snapshot, state, live))
        if self.branch is not None:
            self.buttons.layout.display = "none" if self.branch.asks else None
            if self.branch.asks:
                self._say(self.branch.note)
        self.progress.value = _progress_html(snapshot, live)
        asks = self.branch is not None and self.branch.asks
        self.working.value = _working_html(snapshot) if live and not asks and not snapshot.error else ""

    def _show_buttons(self, snapshot: Snapshot, state: str) -> None:
        running = snapshot.state == "running"
        can_go = snapshot.state in ("idle", "paused", "stopped") and state != "stopping"
        begins = snapshot.state == "idle" and not snapshot.total
        self.start.description = "Pause" if running else "Start" if begins else "Resume"
        self.start.icon = "pause" if running else "play"
        self.start.tooltip = (
            "Start no further child; those in training finish (space)"
            if running
            else "Start or resume the search in its own thread (space)"
        )
        self.start.disabled = not (can_go or running)
        self.step.disabled = self.step_generation.disabled = not can_go
        self.stop.disabled = snapshot.state not in ("running", "paused")
        self.extend.disabled = snapshot.generations is None or snapshot.state == "failed"
        if self.branch is not None:
            self.fork.disabled = not snapshot.finished_generations

    def _say(self, message: str, words: str = "") -> None:
        """An error message (HTML) in place of the words, or none."""
        source = self.source
        of = f"<b>{escape(source.dataset)}</b> {escape(source.path.name)}"
        self.words.value = f'<div class="wb-words" title="{escape(words)}">{of} · {escape(words)}</div>' * (not message)
        self.message.value = message


def _go_on(search: Search) -> None:
    """Make the run longer; a finished one starts again."""
    was_finished = search.snapshot().state == "finished"
    search.extend(MORE_GENERATIONS)
    if was_finished:
        search.start()


def _progress_html(snapshot: Snapshot, live: bool) -> str:
    at_work = live and snapshot.state in ("running", "paused")
    rate = snapshot.children_per_minute
    ends = at_work and snapshot.total_expected is not None
    word, seconds = ("time left", snapshot.remaining_seconds) if ends else ("took", snapshot.elapsed_seconds)
    word = "time spent" if at_work and not ends else word
    facts = (  # those that a narrow page has no room for are left out from the end; each is as wide as it will ever be
        ("generation", *_counted(snapshot.generation, snapshot.generations)),
        ("individuals", *_counted(snapshot.total, snapshot.total_expected)),
        ("best validation accuracy", percent(snapshot.best_accuracy), 7),
        ("on the front", f"{len(snapshot.archive)}", 3),
        ("failed", f"{snapshot.failed}", 2),
        (word, duration(seconds), 8),
        ("hypervolume", f"{snapshot.hypervolume:.4f}", 6),
        ("children / min", f"{rate:.0f}" if rate else MISSING, 4),
    )
    cells = "".join(
        f'<div><small>{name}</small> <b style="min-width:{width}ch">{value}</b></div>' for name, value, width in facts
    )
    if snapshot.total_expected is None:
        bar = progress_bar(snapshot.finished, snapshot.expected, "individuals made of this generation")
    else:
        bar = progress_bar(snapshot.total, snapshot.total_expected, "individuals made")
    return f'<div class="wb-facts">{cells}</div>{bar}'


def _counted(value: int, whole: int | None) -> tuple[str, int]:
    """A count of a whole in words, and its width at most, in characters."""
    return of(value, whole), 6 if whole is None else 2 * len(f"{whole:,}") + 1


def _working_html(snapshot: Snapshot) -> str:
    if snapshot.compiling:
        return quiet(f"{snapshot.compiling.capitalize()} …")
    if not snapshot.in_progress:
        ready = "Getting ready …" if snapshot.state == "running" else "No child is in training."
        return quiet(ready)
    known = {progress.child: progress for progress in snapshot.working}
    children = sorted(snapshot.in_progress)
    rows = "".join(_child_html(child, known.get(child)) for child in children[:MOST_WORKERS])
    more = len(children) - MOST_WORKERS
    rows += f"<span>and {more} more</span>" if more > 0 else ""
    return f'<div class="wb-workers" role="list" aria-label="children in training">{rows}</div>'


def _child_html(child: int, progress: Progress | None) -> str:
    if progress is None:
        return f'<div role="listitem"><b>child {child}</b> in training</div>'
    made = in_words(progress.kind) or "mutating"
    told = made + ("" if progress.parent is None else f" of {progress.parent}")
    told += f" · {progress.flops:,} FLOPs" if progress.flops else ""
    epochs = f"epoch {progress.epoch} / {progress.epochs}"
    bar = progress_bar(progress.epoch, progress.epochs, epochs)
    return (
        f'<div role="listitem" title="{escape(told)} · {epochs}"><b>child {child}</b> <span>{escape(made)}</span> '
        f"{bar} <b>{percent(progress.val_accuracy)}</b></div>"
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
