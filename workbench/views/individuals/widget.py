"""The table of all individuals, linked with the other views."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import numpy as np
import traitlets

from workbench.formats import in_words
from workbench.objectives import LATENCY
from workbench.search import Snapshot
from workbench.views.base.view import View, style_sheet
from workbench.views.individuals.data import Individuals, individuals_of

STATUSES = ("failed", "dead", "alive", "new", "all-time front")


class Column(NamedTuple):
    """A column of the table."""

    name: str
    label: str
    format: str  # as the script of the table writes values: "whole", "count", "percent", "points", "seconds", …
    width: int  # least, in pixels
    hint: str = ""  # example of a filter
    filter: str = "A number, > 4, < 4 or 2..4; 5k is 5,000"


COLUMNS = (
    Column("id", "id", "whole", 58, "2..40"),
    Column("generation", "generation", "whole", 86, "> 20"),
    Column("parent", "parent", "whole", 58, "812"),
    Column("mutation", "mutation", "text", 150, "", "A part of the text"),  # the hint is a mutation of the space
    Column("val_accuracy", "accuracy", "percent", 76, "> 98", "In percent: > 98 or 97..98"),
    Column("change", "points", "points", 64, "> 0", "Accuracy against the parent's, in points: > 0 or −1..1"),
    Column("flops", "FLOPs", "count", 78, "< 50k"),
    Column("parameters", "parameters", "count", 90, "5k..20k"),
    Column("latency_us", f"{LATENCY.unit}, predicted", "count", 96, "< 8", "Predicted latency in microseconds"),
    Column("size", "", "whole", 104, "> 2"),  # labelled by what it counts
    Column("wall_seconds", "seconds", "seconds", 70, "> 10", "From proposal to result, in seconds"),
    Column("status", "status", "status", 106, "front", f"One of {', '.join(STATUSES)}"),
)


def columns_of(known: Individuals, has_latency: bool) -> tuple[Column, ...]:
    """The columns that a run has values for, in the words of its space."""
    own: dict[str, dict[str, Any]] = {
        "size": {"label": known.size_fact},
        "mutation": {"hint": in_words(next(iter(known.kinds), ""))},
    }
    missing = {name for name, given in (("size", known.size_fact), (LATENCY.column, has_latency)) if not given}
    return tuple(one._replace(**own.get(one.name, {})) for one in COLUMNS if one.name not in missing)


class Table(anywidget.AnyWidget):
    """The table on the page; rows are sent when it asks for them, and as they come.

    Attributes:
        selected: id of the row that is highlighted, or None.
        status: of each row, a place in `STATUSES`, as a byte.
    """

    _esm = Path(__file__).parent / "table.js"
    _css = Path(__file__).parent / "table.css"

    columns: Any = traitlets.List().tag(sync=True)
    statuses: Any = traitlets.List(list(STATUSES)).tag(sync=True)
    status = traitlets.Bytes(b"").tag(sync=True)
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(self, known: Individuals, columns: tuple[Column, ...]) -> None:
        super().__init__(columns=[column._asdict() for column in columns])
        self._known, self._columns = known, columns
        self._sent = 0
        self.on_msg(lambda _, message, buffers: self._hear(message))

    def send_new(self) -> None:
        """Send the rows that came since the last time."""
        if self._sent < len(self._known):
            self._send_rows(self._sent)
            self._sent = len(self._known)

    def _hear(self, message: Any) -> None:
        if message.get("kind") == "rows" and isinstance(message.get("from"), int):
            self._send_rows(max(0, message["from"]))

    def _send_rows(self, start: int) -> None:
        rows = self._known.rows[start:]
        numbers = {name: rows[name].astype(float) for name in rows.dtype.names or ()}
        numbers["change"] = rows["val_accuracy"] - rows["parent_accuracy"]
        buffers = [
            numbers[column.name].tobytes() for column in self._columns if column.format not in ("text", "status")
        ]
        self.send({"kind": "rows", "from": start, "texts": {"mutation": self._known.mutations[start:]}}, buffers)


class IndividualsTable(View):
    """All individuals of a run, to be sorted and filtered; a click on a row selects that individual everywhere.

    Arrow keys walk along the rows. New rows come in without changing order, filters or what is in sight.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
    """

    interval = 1.0

    def _build(self) -> None:
        self.known = individuals_of(self.source)
        self.table = Table(self.known, columns_of(self.known, LATENCY in self.source.run.objectives))
        self.table.observe(self._choose, "selected")
        self._on_selection(lambda _: self._mark())
        self._mark()
        self.children = (style_sheet(), self.table)

    def _choose(self, change: Any) -> None:
        self.selection.individual = change.new

    def _mark(self) -> None:
        self.table.selected = self.selection.individual

    def wake(self, awake: bool) -> None:
        """Follow the run closely, or rest while its tab is not in front."""
        self.subscription.hidden = not awake

    def show(self, snapshot: Snapshot) -> None:
        """Send new rows, and the status of all."""
        self.known.follow(self.source, snapshot)
        groups = (snapshot.population, snapshot.current, snapshot.archive)
        found = self.known.groups_now(*([one.id for one in each] for each in groups))
        status = np.zeros(len(self.known), np.uint8)
        for name, places in found.items():
            status[places] = STATUSES.index(name)
        self.table.send_new()
        self.table.status = status.tobytes()
