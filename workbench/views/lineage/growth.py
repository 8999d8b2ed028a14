"""The networks of a lineage, each against the one before it: made ahead, and drawn one by one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.store import Run
from workbench.views.base.source import Selection
from workbench.views.network.widget import DagView, dag_scene

MOST_FRAMES = 6
"""Frames that are kept: one of 100,000 edges takes some megabytes."""


@dataclass(frozen=True, eq=False)
class GrowthFrame:
    """One network, and what of it is new."""

    genome: Genome
    before: Genome | None  # None for the first
    scene: dict[str, Any]  # for the canvas

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of neurons and edges by what became of them, see `GenomeDifference.counts`; empty for the first."""
        return dict(self.scene.get("changes", {}))


class Growth:
    """Makes frames in a thread, so that the next one is ready when it is asked for.

    Args:
        run: from which networks are read.
        ids: of individuals whose networks are kept, from the first ancestor on.
    """

    def __init__(self, run: Run, ids: Sequence[int]) -> None:
        self._run, self._ids = run, tuple(ids)
        self._thread = ThreadPoolExecutor(1, "lineage")
        self._frames: OrderedDict[int, Future[GrowthFrame]] = OrderedDict()

    def prepare(self, place: int) -> Future[GrowthFrame]:
        """Have a frame made unless it is there."""
        if place not in self._frames:
            self._frames[place] = self._thread.submit(self._make, place)
        self._frames.move_to_end(place)
        while len(self._frames) > MOST_FRAMES:
            self._frames.popitem(last=False)[1].cancel()
        return self._frames[place]

    def frame(self, place: int) -> GrowthFrame:
        """A frame; waits until it is made. Raises `WorkbenchError` if a network cannot be read."""
        return self.prepare(place).result()

    def _make(self, place: int) -> GrowthFrame:
        genome = self._run.genome(self._ids[place])
        before = self._run.genome(self._ids[place - 1]) if place else None
        return GrowthFrame(genome, before, dag_scene(genome, before))

    def close(self) -> None:
        """Make no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class GrowthView(DagView):
    """Draws frames whose scenes are made already."""

    def __init__(self, selection: Selection, data: Dataset | None) -> None:
        self._made: dict[str, Any] = {}
        names = () if data is None else data.class_names
        super().__init__(selection=selection, class_names=names, height=0)
        self.bundled = False  # what a step changed shows edge by edge

    def show_frame(self, frame: GrowthFrame) -> None:
        """Show it; `drawn` says when the page has drawn it."""
        self._made = frame.scene
        self.show_change(frame.before, frame.genome)

    def _scene_of(self, genome: Genome) -> dict[str, Any]:
        return self._made | {"class_names": self._class_names()}
