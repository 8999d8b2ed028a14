"""What a person changed while a search ran, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from workbench.formats import in_words, setting_text
from workbench.store import Event


class Change(NamedTuple):
    """One live change.

    Attributes:
        from_child: id of the first child that it affects.
        generation: in which it came, or None.
        lines: what changed, one line each, such as "add edges 0.2 → 0.5".
    """

    from_child: int
    generation: int | None
    lines: tuple[str, ...]


def changes(
    config: Mapping[str, Any], events: Iterable[Event], pending: Mapping[str, Any] | None = None
) -> list[Change]:
    """Events in words: each compared with what held before it.

    Args:
        config: JSON-ready settings with which the run began.
        events: in order.
        pending: JSON-ready live settings that will be an event with the next child, if any.
    """
    held, found, events = flat(config), [], list(events)
    if pending:
        events.append(Event(len(events) + 1, "settings", 0, None, pending, ""))
    for event in events:
        values = flat(event.values)
        if event.kind == "settings":
            lines = [
                f"{in_words(name)} {setting_text(held.get(name))} → {setting_text(value)}"
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
    return changes(run.config, run.events.itertuples())


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name: `{"train": {"epochs": 3}}` is `{"train.epochs": 3}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[prefix + name] = value
    return found
