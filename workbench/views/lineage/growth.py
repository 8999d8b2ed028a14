"""The networks of a lineage, each against the one before it: made ahead, and drawn one by one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from workbench.datasets import Dataset
from workbench.space import Draws, Lists, SearchSpace, is_text_first
from workbench.store import Run
from workbench.views.base.source import Selection
from workbench.views.listing.data import sections_of
from workbench.views.listing.widget import ListingView
from workbench.views.modules.data import picture_difference
from workbench.views.modules.widget import ModulesView
from workbench.views.network.widget import DagView, dag_scene

MOST_FRAMES = 6
"""Frames that are kept: one of 100,000 edges takes some megabytes."""


@dataclass(frozen=True, eq=False)
class GrowthFrame:
    """One network, and what of it is new."""

    network: Any  # a genome of neurons, a picture of modules, or lines of text
    before: Any  # None for the first
    counts: dict[str, int]  # of what changed, as in `GenomeDifference` and the like; empty for the first
    scene: dict[str, Any]  # for the canvas, if it is made ahead


class Growth:
    """Makes frames in a thread, so that the next one is ready when it is asked for.

    Args:
        run: from which networks are read.
        ids: of individuals whose networks are kept, from the first ancestor on.
        make: (genome, the one before it or None) -> frame.
    """

    def __init__(self, run: Run, ids: Sequence[int], make: Callable[[Any, Any], GrowthFrame]) -> None:
        self._run, self._ids, self._make_frame = run, tuple(ids), make
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
        return self._make_frame(genome, before)

    def close(self) -> None:
        """Make no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class NeuronsGrowth(DagView):
    """Draws frames whose scenes are made already."""

    def __init__(self, selection: Selection, data: Dataset | None) -> None:
        self._made: dict[str, Any] = {}
        names = () if data is None else data.class_names
        super().__init__(selection=selection, class_names=names, height=0)
        self.bundled = False  # what a step changed shows edge by edge

    def frame_of(self, genome: Any, before: Any) -> GrowthFrame:
        """A network against the one before it; can be made in any thread."""
        scene = dag_scene(genome, before)
        return GrowthFrame(genome, before, dict(scene.get("changes", {})), scene)

    def show_frame(self, frame: GrowthFrame) -> None:
        """Show it; `drawn` says when the page has drawn it."""
        self._made = frame.scene
        self.show_change(frame.before, frame.network)

    def _scene_of(self, genome: Any) -> dict[str, Any]:
        return self._made | {"class_names": self._class_names()}


class ModulesGrowth(ModulesView):
    """Draws frames of pictures."""

    def __init__(self, selection: Selection, space: Draws) -> None:
        self._space = space
        super().__init__(selection=selection, height=0)

    def frame_of(self, genome: Any, before: Any) -> GrowthFrame:
        """A network against the one before it; can be made in any thread."""
        picture = self._space.picture(genome)
        earlier = None if before is None else self._space.picture(before)
        counts = {} if earlier is None else picture_difference(earlier, picture).counts
        return GrowthFrame(picture, earlier, counts, {})

    def show_frame(self, frame: GrowthFrame) -> None:
        """Show it; `drawn` says when the page has drawn it."""
        self.show_change(frame.before, frame.network)


class ListingGrowth(ListingView):
    """Draws frames of text; what a step changed is scrolled into view."""

    def __init__(self, selection: Selection, space: Lists) -> None:
        self._space = space
        super().__init__(selection=selection, height=0)

    def frame_of(self, genome: Any, before: Any) -> GrowthFrame:
        """A network against the one before it; can be made in any thread."""
        lines = self._space.listing(genome)
        earlier = None if before is None else self._space.listing(before)
        counts = {} if earlier is None else dict(sections_of(earlier, lines).counts)
        return GrowthFrame(lines, earlier, counts, {})

    def show_frame(self, frame: GrowthFrame) -> None:
        """Show it; `drawn` says when the page has drawn it."""
        self.show_change(frame.before, frame.network)


def growth_view(
    space: SearchSpace, selection: Selection, data: Dataset | None
) -> NeuronsGrowth | ModulesGrowth | ListingGrowth | None:
    """What draws the networks of a space; None if the space does not draw them."""
    from workbench.spaces import NeuronSpace

    if space.name == NeuronSpace.name:
        return NeuronsGrowth(selection, data)
    if isinstance(space, Lists) and is_text_first(space):
        return ListingGrowth(selection, space)
    return ModulesGrowth(selection, space) if isinstance(space, Draws) else None
