"""What is said of an individual wherever it is met: hovering over its point, above its network, in the table (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from workbench.formats import in_words, percent, points
from workbench.objectives import LATENCY

COUNTED = ("added", "removed", "pruned", "shared", "possible", "saved", "requested")
"""How names of counts in a mutation's record end."""


def individual_in_words(
    id: int,
    *,
    generation: int,
    made: str,
    parent: int | None = None,
    val_accuracy: float | None = None,
    parent_accuracy: float | None = None,
    flops: float | None = None,
    parameters: float | None = None,
    size: float | None = None,
    size_fact: str = "",
    latency_us: float | None = None,
) -> tuple[str, ...]:
    """The facts of one individual in the order in which they are told; unknown ones (None or NaN) are left out.

    Args:
        id: in the run.
        generation: in which it was made.
        made: by what, see `made_by`.
        parent: id of its parent.
        val_accuracy: fraction of the validation images that are right.
        parent_accuracy: the same of its parent; the difference is told in points.
        flops: per image.
        parameters: trainable numbers.
        size: see `size_of`.
        size_fact: what it counts.
        latency_us: predicted microseconds of one answer.

    Returns:
        Such as "individual 812", "generation 97", "add edges of 790", "96.13% (+0.42 points)", "12,345 FLOPs",
        "5,678 parameters", "3 hidden layers". Join them with " · ".
    """
    told = [f"individual {id}", f"generation {generation}", made if parent is None else f"{made} of {parent}"]
    if _known(val_accuracy):
        gained = val_accuracy - parent_accuracy if _known(parent_accuracy) else None
        told.append(percent(val_accuracy) + ("" if gained is None else f" ({points(gained)})"))
    for value, unit in ((flops, "FLOPs"), (parameters, "parameters"), (size, size_fact)):
        if _known(value):
            told.append(f"{value:,.0f} {unit[:-1] if value == 1 else unit}")
    if _known(latency_us):
        told.append(f"{LATENCY.text(latency_us)} {LATENCY.label}")
    return tuple(told)


def made_by(kind: str | None, origin: str = "") -> str:
    """What made an individual: the kind of its mutation in words, "initial" or "by hand"."""
    return "by hand" if origin == "by hand" else in_words(kind) if kind else "initial"


def size_of(facts: Mapping[str, Any], size_fact: str) -> int | None:
    """The count by which a space tells how large a network is, from what its `describe` says; None if it does not say.

    `size_fact` is the name of that fact, such as "hidden layers"; "" if the space has none.
    """
    count = facts.get(size_fact)
    if isinstance(count, int):
        return count
    sizes = facts.get("layers")  # in older files of networks of neurons, as in "784-30-10"
    return max(0, sizes.count("-") - 1) if size_fact and isinstance(sizes, str) and sizes else None


def mutation_in_words(record: Mapping[str, Any]) -> str:
    """A mutation's record as a sentence: "add edges: 120 edges added, 3 edges pruned"."""
    kind = in_words(str(record.get("kind", "")))
    parts = []
    for name, value in record.items():
        if name in ("kind", "edges_requested", "redraws", "impossible") or isinstance(value, Mapping) or not value:
            continue
        words = in_words(name)
        counts = isinstance(value, int) and not isinstance(value, bool) and words.endswith(COUNTED)
        parts.append(words if value is True else f"{value:,} {words}" if counts else f"{words} {value_text(value)}")
    return kind + (f": {', '.join(parts)}" if parts else "")


def value_text(value: Any) -> str:
    """A fact about a network, such as a count, a share or a list of them."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and not math.isnan(value)
