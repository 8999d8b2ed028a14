"""The generations of a run as a strip: hypervolume, live changes, and a handle that goes back in time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from workbench.search import Snapshot
from workbench.views.run.data import Change

MAX_CHANGES = 200


class Timeline(anywidget.AnyWidget):
    """The hypervolume by generation; its handle chooses one, by mouse or keyboard.

    Attributes:
        value: the generation chosen, or −1 for now.
        shown: that which is drawn; a replay goes on once it is the chosen one.
        volumes: hypervolume at the end of each generation and, while one is in progress, now: bytes of float32.
        marks: of live changes: where (in generations), and what they changed.
    """

    _esm = Path(__file__).parent / "timeline.js"
    _css = Path(__file__).parent / "timeline.css"

    value = traitlets.Int(-1).tag(sync=True)
    shown = traitlets.Int(-1).tag(sync=True)
    volumes = traitlets.Bytes(b"").tag(sync=True)
    marks: Any = traitlets.List().tag(sync=True)

    def show(self, snapshot: Snapshot, made: Sequence[Change]) -> None:
        """Show how far a search is; `made`: its live changes."""
        totals = [one.total for one in snapshot.finished_generations]
        volumes = [one.hypervolume for one in snapshot.finished_generations]
        if snapshot.total and (not totals or totals[-1] < snapshot.total):
            totals.append(snapshot.total)
            volumes.append(snapshot.hypervolume)
        changed = [change.from_child for change in made] if totals else []
        at = np.interp(changed, totals or [0], range(len(totals) or 1))
        told = [f"from child {change.from_child}: " + "; ".join(change.lines[:8]) for change in made]
        with self.hold_sync():
            self.volumes = np.array(volumes, np.float32).tobytes()
            self.marks = [[round(float(x), 3), text] for x, text in zip(at, told, strict=False)][-MAX_CHANGES:]
