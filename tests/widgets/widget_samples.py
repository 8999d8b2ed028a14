"""Searches to look at, and what widgets send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from search.search_samples import SMALL, NumberSpace, tiny_data

from workbench.individuals import Cost, Individual, TrainResult
from workbench.search import Search


def number_search(path: Path, space: NumberSpace | None = None, **changes: Any) -> Search:
    """A search without networks."""
    from dataclasses import replace

    return Search(tiny_data(), replace(SMALL, **changes), path, space or NumberSpace())


def individual(id: int, accuracy: float = 0.5, flops: int = 1000, **changes: Any) -> Individual:
    """One that needs no run."""
    values: dict[str, Any] = {
        "id": id,
        "parent": max(0, id - 3) if id else None,
        "generation": id // 8,
        "origin": "mutation",
        "mutation": {"kind": "grow"},
        "seed": id,
        "status": "ok",
        "failure": None,
        "cost": Cost(flops, flops, flops // 2),
        "result": TrainResult(None, accuracy, 0.1, ({},)),
        "wall_seconds": 0.1,
    }
    return Individual(**{**values, **changes})


@dataclass
class Post:
    """What was sent to the page.

    Attributes:
        sizes: bytes of each message.
        states: traits of each message that is an update.
    """

    sizes: list[int] = field(default_factory=list)
    states: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def watched_post() -> Iterator[Post]:
    """Notes every message of every widget."""
    from ipywidgets import Widget

    post = Post()
    with pytest.MonkeyPatch.context() as patch:

        def note(self: Any, message: Any, buffers: Any = None) -> None:
            if message.get("method") == "update":
                post.states.append(message["state"])
            post.sizes.append(
                len(json.dumps(message, default=str)) + sum(len(memoryview(each)) for each in buffers or ())
            )

        patch.setattr(Widget, "_send", note)
        yield post
