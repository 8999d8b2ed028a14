"""What a person changed while the search ran, and which children failed and why."""

from __future__ import annotations

import ipywidgets as ipw

from workbench.search import Snapshot
from workbench.search.history import FailureSummary
from workbench.views.base.markup import escape
from workbench.views.base.view import View, panel, style_sheet
from workbench.views.run.changes import Change, changes

SHOWN = 50
"""Entries of each list, the latest first."""


class LogView(View):
    """Live changes and failures.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: not used here; all views take one.
    """

    interval = 0.5

    def _build(self) -> None:
        self.changes, self.failures = ipw.HTML(), ipw.HTML()
        parts = ipw.Box([panel("Live changes", self.changes), panel("Failures", self.failures)])
        parts.add_class("wb-log-grid")
        self.add_class("wb-log")
        self._drawn: object = None
        self.children = (style_sheet(), parts)

    def show(self, snapshot: Snapshot) -> None:
        """Show both lists."""
        key = len(snapshot.events), snapshot.failures
        if key == self._drawn:
            return
        self._drawn = key
        found = changes(self.source.run.config, snapshot.events)
        self.changes.value = _list([_change(change) for change in found[::-1]], "Nothing was changed so far.")
        self.failures.value = _list([_failure(failure) for failure in snapshot.failures[::-1]], "No child failed.")


def _change(change: Change) -> str:
    when = f"from child {change.from_child}"
    return f"<b>{when}</b> " + "; ".join(escape(line) for line in change.lines)


def _failure(failure: FailureSummary) -> str:
    return f"<b>child {failure.id}</b>, generation {failure.generation}: {escape(failure.reason)}"


def _list(entries: list[str], empty: str) -> str:
    if not entries:
        return f'<p class="wb-quiet">{empty}</p>'
    more = f'<p class="wb-quiet">… and {len(entries) - SHOWN} before</p>' if len(entries) > SHOWN else ""
    items = "".join(f"<li>{entry}</li>" for entry in entries[:SHOWN])
    return f'<ol class="wb-list" tabindex="0" aria-label="entries, the latest first">{items}</ol>{more}'
