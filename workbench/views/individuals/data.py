"""All individuals of a run, a column each, read as they come; and what each was in any generation (no widget)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from workbench.individuals import is_by_hand
from workbench.store import GenerationRecord
from workbench.views.base.markup import figure_text
from workbench.views.base.words import individual_in_words, made_by, mutation_in_words, size_of

if TYPE_CHECKING:
    from workbench.search import Snapshot
    from workbench.store import Run
    from workbench.views.base.source import Source

INITIAL, BY_HAND = 0, 1
"""Numbers of what made an individual; those of the mutations follow."""

COLUMNS = np.dtype(
    [
        ("id", "i8"),
        ("parent", "i8"),  # -1 for an initial individual
        ("generation", "i4"),
        ("made", "i4"),  # `INITIAL`, `BY_HAND`, or 2 and up: a place in `Individuals.kinds`
        ("ok", "?"),  # whether it was trained and may be ranked
        ("val_accuracy", "f8"),  # NaN if it failed
        ("parent_accuracy", "f8"),  # NaN of an initial individual
        ("flops", "f8"),  # this and the others: NaN if unknown
        ("parameters", "f8"),
        ("latency_us", "f8"),
        ("size", "f8"),  # see `size_of`
        ("wall_seconds", "f8"),
        ("alive_until", "i4"),  # the last generation at whose end it was in the population, or -1
        ("front_from", "i4"),  # the first generation at whose end it was on the all-time front, or -1
        ("front_until", "i4"),
    ]
)

AGAIN = 256
"""Ids that are read again of a run that others write, whose children may finish in any order."""


class Follows(Protocol):
    """A run that can be followed."""

    def news(self, id: int, generation: int) -> tuple[list[dict[str, Any]], list[GenerationRecord]]:
        """See `Run.news`."""


class Individuals:
    """All individuals of a run, failed ones included, in the order in which they were read.

    Args:
        run: to follow.
        kinds: of mutation, in the order of the search space; others are added as they come.
        size_fact: what the column `size` counts; "" if the space does not say.

    Attributes:
        rows: of `COLUMNS`, [individuals].
        place: where an individual's row is, by id.
        mutations: what was done to each one's parent, in words, [individuals].
        generations: finished so far.
    """

    def __init__(self, run: Run | Follows, kinds: Iterable[str] = (), size_fact: str = "") -> None:
        self.kinds: list[str] = list(kinds)
        self.size_fact = size_fact
        self.place: dict[int, int] = {}
        self.mutations: list[str] = []
        self.generations = 0
        self._seen: Snapshot | None = None
        self._run, self._after, self._newest = run, -1, -1
        self._held = np.zeros(1024, COLUMNS)
        self._told: list[str] = []

    def __len__(self) -> int:
        return len(self.place)

    @property
    def rows(self) -> np.ndarray:
        """What is known of each, of `COLUMNS`; not a copy."""
        return self._held[: len(self)]

    def update(self, in_progress: Collection[int] | None = None) -> int:
        """Read what is new.

        Args:
            in_progress: ids of the children in training, if they are known: lower ids do not come any more.

        Returns:
            How many individuals came.

        Raises:
            WorkbenchError: if the file cannot be read.
        """
        newest, before = self._newest, len(self)
        individuals, records = self._run.news(self._after, self.generations - 1)
        for each in individuals:
            if each["id"] not in self.place:
                self._add(each)
        for record in records:
            self._end_generation(record)
        behind = newest - AGAIN if in_progress is None else min(in_progress, default=newest + 1) - 1
        self._after = max(self._after, behind)
        return len(self) - before

    def follow(self, source: Source, snapshot: Snapshot) -> None:
        """Read what came until a snapshot of a source, if it was not read yet."""
        if snapshot is not self._seen:
            self.update(snapshot.in_progress if source.search is not None else None)
            self._seen = snapshot

    def _add(self, of: Mapping[str, Any]) -> None:
        place = len(self.place)
        if place == len(self._held):
            self._held = np.concatenate([self._held, np.zeros_like(self._held)])
        kind, parent = of["mutation_kind"], self.place.get(of["parent"])
        if kind is not None and kind not in self.kinds:
            self.kinds.append(kind)
        made = BY_HAND if of["origin"] == "by hand" else INITIAL if kind is None else 2 + self.kinds.index(kind)
        known = {name: np.nan if of[name] is None else of[name] for name in ("flops", "parameters", "latency_us")}
        size = size_of(of["description"], self.size_fact)
        accuracy = of["val_accuracy"] if of["status"] == "ok" else np.nan
        self._held[place] = (
            of["id"],
            -1 if of["parent"] is None else of["parent"],
            of["generation"],
            made,
            of["status"] == "ok",
            accuracy,
            np.nan if parent is None else self._held[parent]["val_accuracy"],
            *known.values(),
            np.nan if size is None else size,
            of["wall_seconds"],
            *(-1, -1, -1),
        )
        self.place[of["id"]] = place
        self.mutations.append(mutation_in_words(of["mutation"]) if kind else self.made_words(made))
        self._told.append("")
        if not is_by_hand(of["id"]):
            self._newest = max(self._newest, of["id"])

    def _end_generation(self, record: GenerationRecord) -> None:
        alive, front = self.places(record.population), self.places(record.front)
        self._held["alive_until"][alive] = record.generation
        first = front[self._held["front_from"][front] < 0]
        self._held["front_from"][first] = record.generation
        self._held["front_until"][front] = record.generation
        self.generations = record.generation + 1

    def places(self, ids: Iterable[int]) -> np.ndarray:
        """Rows of those of the ids that are known."""
        return np.array([self.place[id] for id in ids if id in self.place], np.int64)

    def made_words(self, made: int) -> str:
        """What a number in the column `made` stands for."""
        return made_by(self.kinds[made - 2] if made >= 2 else None, "by hand" if made == BY_HAND else "")

    def told(self, places: Iterable[int]) -> list[str]:
        """What is said of each in a few short lines, as HTML that plotly knows."""
        for place in places:
            if not self._told[place]:
                row = self._held[place]
                self._told[place] = told_of(row, self.made_words(int(row["made"])), self.size_fact)
        return [self._told[place] for place in places]

    # ------------------------------------------------------------------ the past
    def groups_at(self, generation: int) -> dict[str, np.ndarray]:
        """Rows by what they were at the end of a generation: dead, alive, new (made in it), on the all-time front."""
        rows = self.rows
        born = rows["ok"] & (rows["generation"] <= generation)
        front = born & (rows["front_from"] >= 0) & (rows["front_from"] <= generation)
        front &= rows["front_until"] >= generation
        alive = born & ~front & (rows["alive_until"] >= generation)
        new = alive & (rows["generation"] == generation)
        masks = {"dead": born & ~front & ~alive, "alive": alive & ~new, "new": new, "all-time front": front}
        return {name: np.flatnonzero(mask) for name, mask in masks.items()}

    def groups_now(self, population: Iterable[int], current: Iterable[int], front: Iterable[int]) -> dict[str, Any]:
        """Rows by what they are now, given the ids alive, finished in this generation, and on the front."""
        left, groups = self.rows["ok"].copy(), {}
        for name, ids in (("all-time front", front), ("alive", population), ("new", current)):
            places = self.places(ids)
            groups[name] = places[left[places]]
            left[places] = False
        return {"dead": np.flatnonzero(left), **{name: groups[name] for name in ("alive", "new", "all-time front")}}


def told_of(row: Any, made: str, size_fact: str = "") -> str:
    """What hovering tells of a row of `COLUMNS`; `made` in words, `size_fact` is what `size` counts."""
    parent = int(row["parent"])
    names = ("val_accuracy", "parent_accuracy", "flops", "parameters", "size", "latency_us")
    facts: dict[str, Any] = {name: float(row[name]) for name in names}
    facts |= {"parent": None if parent < 0 else parent, "size_fact": size_fact}
    words = individual_in_words(int(row["id"]), generation=int(row["generation"]), made=made, **facts)
    lines = (words[:3], words[3:5], words[5:])
    return "<br>".join(figure_text(" · ".join(line)) for line in lines if line)


SHARED: WeakKeyDictionary[Source, Individuals] = WeakKeyDictionary()
"""Those of a source, for all of its views."""


def individuals_of(source: Source) -> Individuals:
    """Those of a source; each view lets them follow the snapshots that it is shown."""
    if source not in SHARED:
        SHARED[source] = Individuals(source.run, source.space.mutation_kinds, getattr(source.space, "size_fact", ""))
    return SHARED[source]
