"""What a person changed while a search ran, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from workbench.formats import in_words, setting_text
from workbench.search.config import labels_of
from workbench.space import SearchSpace
from workbench.store import Event


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
        else:
            told = (f"{in_words(name)} {setting_text(value)}" for name, value in values.items())
            lines = [f"{event.kind}: {', '.join(told)}"]
        found.append(Change(event.from_child, event.generation, tuple(lines)))
    return found


def run_changes(run: Any) -> list[Change]:
    """The live changes of a `Run`."""
    return changes(run.config, run.events.itertuples(), run.space)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name: `{"train": {"epochs": 3}}` is `{"train.epochs": 3}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found
