"""What a search does, and what a person changed while it ran, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from workbench.formats import in_words, setting_text
from workbench.search import Snapshot
from workbench.search.config import FORK_EVENT, LENGTH_EVENT, labels_of
from workbench.space import SearchSpace
from workbench.store import Event

STATES = {
    "idle": "Ready. Start begins with the initial population.",
    "running": "Closing the page does not stop the search.",
    "pausing": "The children in training finish first.",
    "paused": "Nothing moves until you resume or step.",
    "stopping": "The children in training finish first.",
    "stopped": "The run is saved; Resume continues where it ended.",
    "finished": "It can go on: + 20 generations.",
    "failed": "What was finished is in the run file.",
}

STORED = {
    "interrupted": "its search was killed; what was finished is here",
    "failed": "its search failed; what was finished is here",
    "stopped": "its search was stopped, and can be resumed",
    "finished": "its search is finished",
    "running": "its search goes on, and shows here",
    "paused": "its search pauses",
}


def of(value: int, whole: int | None) -> str:
    """A count, and of how many, if that is known."""
    return f"{value:,}" if whole is None else f"{value:,} / {whole:,}"


def told(snapshot: Snapshot, state: str, live: bool) -> str:
    """What a search does, in a sentence; `state` is the snapshot's, or "pausing" or "stopping"."""
    if not live:
        return f"A stored run, read only: {STORED[snapshot.state]}."
    if state == "idle" and snapshot.total:
        end = "" if snapshot.generations is None else f" of {snapshot.generations}"
        return f"Resumed at generation {snapshot.generation}{end}, {snapshot.total:,} individuals. Resume goes on."
    return STATES[state]


class Change(NamedTuple):
    """One live change."""

    from_child: int  # id of the first child that it affects
    generation: int | None  # in which it came
    lines: tuple[str, ...]  # what changed, such as "add edges 0.2 → 0.5"


def changes(
    config: Mapping[str, Any], events: Iterable[Event], space: SearchSpace, pending: Mapping[str, Any] | None = None
) -> list[Change]:
    """Events in words: each compared with what held before it.

    Args:
        config: JSON-ready settings with which the run began.
        events: in order.
        space: what is searched: it names its settings.
        pending: JSON-ready live settings that will be an event with the next child, if any.
    """
    held, found, events, labels = flat(config), [], list(events), labels_of(space)
    if pending:
        events.append(Event(len(events) + 1, "settings", 0, None, pending, ""))
    for event in events:
        values = flat(event.values)
        if event.kind == "settings":
            lines = [
                f"{labels.get(name) or in_words(name)} {setting_text(held.get(name))} → {setting_text(value)}"
                for name, value in values.items()
                if held.get(name) != value
            ]
            held.update(values)
        elif event.kind == LENGTH_EVENT:
            lines = [f"generations {setting_text(values['before'])} → {setting_text(values['generations'])}"]
        elif event.kind == FORK_EVENT:
            differs = (f"{labels.get(name) or in_words(name)} {setting_text(value)}" for name, value in _changed(event))
            lines = ["; ".join(["forked", *differs])]
        else:
            words = (f"{in_words(name)} {setting_text(value)}" for name, value in values.items())
            lines = [f"{event.kind}: {', '.join(words)}"]
        found.append(Change(event.from_child, event.generation, tuple(lines)))
    return found


def _changed(event: Event) -> list[tuple[str, Any]]:
    """The settings that a fork changed, by dotted name."""
    before = flat(event.values["before"])
    return [(name, value) for name, value in flat(event.values["changes"]).items() if before.get(name) != value]


def run_changes(run: Any) -> list[Change]:
    """The live changes of a `Run`."""
    return changes(run.config, run.events.itertuples(), run.space)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name: `{"train": {"epochs": 3}}` is `{"train.epochs": 3}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found
