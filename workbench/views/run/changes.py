"""What a person changed while a search ran, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol


class EventLike(Protocol):
    """A stored event."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def from_child(self) -> int: ...  # noqa: D102
    @property
    def generation(self) -> int | None: ...  # noqa: D102
    @property
    def values(self) -> Mapping[str, Any]: ...  # noqa: D102


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


def changes(config: Mapping[str, Any], events: Iterable[EventLike]) -> list[Change]:
    """Events in words: each compared with what held before it.

    Args:
        config: JSON-ready settings with which the run began.
        events: in order.
    """
    held = flat(config)
    found = []
    for event in events:
        values = flat(event.values)
        if event.kind == "settings":
            lines = [
                f"{in_words(name)} {as_text(held.get(name))} → {as_text(value)}"
                for name, value in values.items()
                if held.get(name) != value
            ]
            held.update(values)
        else:
            lines = [
                f"{event.kind}: " + ", ".join(f"{in_words(name)} {as_text(value)}" for name, value in values.items())
            ]
        found.append(Change(event.from_child, event.generation, tuple(lines)))
    return found


def run_changes(run: Any) -> list[Change]:
    """The live changes of a `Run`."""
    return changes(run.config, run.events.itertuples())


def in_words(name: str) -> str:
    """A setting's name for people: `rates.add_edges` is "add edges"."""
    return name.rpartition(".")[2].replace("_", " ")


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name: `{"train": {"epochs": 3}}` is `{"train.epochs": 3}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[prefix + name] = value
    return found


def as_text(value: Any) -> str:
    """A setting's value for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return "–".join(as_text(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
