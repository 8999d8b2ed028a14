"""The spatial law: which neurons are near, and how new edges prefer near ones.

A pair (source, target) is drawn with weight

    exp(-dist / (base + per_layer · layer))      dist in pixels, layer = the layer of the edge's target

without replacement among the pairs not yet connected, and uniformly where the target is an output (it has no
position). Removal draws existing edges with the inverse weight.

There are two exact ways to draw without replacement, neither of which lists all pairs in Python or in memory:

* *Gumbel keys*: every free pair gets log-weight + Gumbel noise, and the k largest are taken, block by block.
* *Rejection*: pairs are drawn with replacement and repeats are discarded, which gives the same distribution.
  Proposals come from a coarse grid of cells: a pair of cells by an upper bound of its weight, then a pair of
  neurons in it, accepted with probability (its weight / the bound). Cost grows with the edges drawn, not the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.genome.topology import first_of_each, stable_order
from workbench.settings import check_settings, documented, setting

BLOCK_PAIRS = 1 << 19  # pairs that Gumbel drawing holds in memory at once (about 20 MB)
CACHED_PAIRS = 1 << 14  # pairs for which single-precision keys, noise and distances fit the fastest caches
FEW_PAIRS = 1 << 16  # below this many pairs drawing by Gumbel keys is faster
MOST_FLAGS = 1 << 26  # pairs up to which a table says, a byte each, which are taken already
GRID = 32  # cells per axis at most, for rejection sampling
MAX_PROPOSALS_PER_EDGE = 60  # when near pairs are used up and this many proposals fail, Gumbel keys draw the rest


@documented
@dataclass(frozen=True)
class SpatialLaw:
    """Constants of the spatial law: the distance over which the weight of an edge falls to 1/e."""

    base: float = setting(4.0, "that distance at layer 0", unit="pixels", above=0)
    per_layer: float = setting(1.5, "what each layer adds to it", unit="pixels", low=0)

    def __post_init__(self) -> None:
        check_settings(self)

    def scale(self, layer: np.ndarray | int) -> np.ndarray | float:
        """Decay length in pixels for edges whose target lies in `layer`."""
        return self.base + self.per_layer * layer

    def log_weight(self, distance: np.ndarray, layer: np.ndarray | int) -> np.ndarray:
        """Log of the drawing weight, same shape as `distance`; 0 where the distance is NaN (an output)."""
        return np.nan_to_num(-distance / self.scale(layer), nan=0.0)


def distances(source_positions: np.ndarray, target_positions: np.ndarray) -> np.ndarray:
    """Euclidean distance in pixels of positions [..., 2] (broadcast); NaN where an output takes part."""
    difference = source_positions - target_positions
    return np.sqrt(difference[..., 0] ** 2 + difference[..., 1] ** 2)


def draw_pairs(
    source_positions: np.ndarray,
    target_positions: np.ndarray,
    scale: float,
    count: int,
    taken: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of sources and targets of distinct unconnected pairs by the spatial law, in the order of drawing.

    Positions are [neurons, 2] in pixels; NaN (outputs) makes the draw uniform. `scale` is the decay length in pixels.
    Fewer than `count` are drawn if fewer are free; `taken` has the codes `source · targets + target` of the others.
    """
    n_pairs = len(source_positions) * len(target_positions)
    taken = np.asarray(taken, np.int64)
    count = min(count, n_pairs - len(taken))
    drawn = np.zeros(0, np.int64)
    if n_pairs > FEW_PAIRS and 0 < count < (n_pairs - len(taken)) // 4:
        drawn = _draw_by_rejection(source_positions, target_positions, scale, count, taken, rng)
    if len(drawn) < count:
        taken = np.sort(np.concatenate([taken, drawn]))
        rest = _draw_by_gumbel(source_positions, target_positions, scale, count - len(drawn), taken, rng)
        drawn = np.concatenate([drawn, rest])
    return _quotient_and_rest(drawn, len(target_positions))


def draw_target_each(
    source_positions: np.ndarray, target_positions: np.ndarray, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """One target for every source by the spatial law: int64 [sources], indices of targets."""
    n_targets = len(target_positions)
    if np.isnan(target_positions).any():
        return rng.integers(n_targets, size=len(source_positions))
    chosen = np.empty(len(source_positions), np.int64)
    sources, targets = source_positions.astype(np.float32), target_positions.T.astype(np.float32)
    rows = max(1, CACHED_PAIRS // n_targets)
    for start in range(0, len(sources), rows):
        block = sources[start : start + rows]
        keys, across = block[:, :1] - targets[0], block[:, 1:] - targets[1]  # [rows, targets]
        keys *= keys
        across *= across
        keys += across
        np.sqrt(keys, out=keys)
        keys /= np.float32(scale)  # distance / scale
        noise = rng.standard_exponential(keys.shape, np.float32)
        np.maximum(noise, np.finfo(np.float32).tiny, out=noise)
        keys += np.log(noise, out=noise)
        chosen[start : start + rows] = keys.argmin(axis=1)  # the largest of -distance / scale + Gumbel noise
    return chosen


def _quotient_and_rest(values: np.ndarray, divisor: int) -> tuple[np.ndarray, np.ndarray]:
    """As `np.divmod` of whole numbers from 0 up, in a third of its time."""
    quotient = values // divisor
    return quotient, values - quotient * divisor


def draw_without_replacement(log_weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of `count` items, drawn one after the other with the given log-weights (Gumbel top-k)."""
    keys = log_weights + rng.gumbel(size=len(log_weights))
    count = min(count, len(keys))
    best = np.argpartition(-keys, count - 1)[:count] if 0 < count < len(keys) else np.arange(len(keys))[:count]
    return best[np.argsort(-keys[best], kind="stable")]


def _draw_by_gumbel(
    sources: np.ndarray, targets: np.ndarray, scale: float, count: int, taken: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Codes of the `count` free pairs with the largest Gumbel keys; `taken` is sorted."""
    n_targets = len(targets)
    best_codes, best_keys = np.zeros(0, np.int64), np.zeros(0)
    uniform = np.isnan(targets).all()
    rows = max(1, BLOCK_PAIRS // n_targets)
    for start in range(0, len(sources), rows):
        block = sources[start : start + rows, None]
        keys = rng.gumbel(size=len(block) * n_targets)
        if not uniform:
            keys += np.nan_to_num(-distances(block, targets[None]) / scale, nan=0.0).ravel()
        first = start * n_targets
        low, high = np.searchsorted(taken, [first, first + len(keys)])
        keys[taken[low:high] - first] = -np.inf
        best_codes = np.concatenate([best_codes, np.arange(first, first + len(keys))])
        best_keys = np.concatenate([best_keys, keys])
        if len(best_keys) > count:
            keep = np.argpartition(-best_keys, count - 1)[:count]
            best_codes, best_keys = best_codes[keep], best_keys[keep]
    order = np.argsort(-best_keys, kind="stable")
    return best_codes[order]


def _draw_by_rejection(
    sources: np.ndarray, targets: np.ndarray, scale: float, count: int, taken: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Codes of up to `count` pairs, in the order of drawing; fewer if too many proposals fail."""
    sampler = _PairSampler(sources, targets, scale)
    drawn = np.zeros(0, np.int64)
    proposals_left = MAX_PROPOSALS_PER_EDGE * count
    success = 0.5
    kind: Literal["table", "sort"] = "table" if len(sources) * len(targets) <= MOST_FLAGS else "sort"
    while len(drawn) < count and proposals_left > 0:
        size = int(min(proposals_left, (count - len(drawn)) / success * 1.1 + 64))
        proposals_left -= size
        codes = sampler.propose(size, rng)
        merged = np.concatenate([drawn, codes[np.isin(codes, taken, invert=True, kind=kind)]])
        before, drawn = len(drawn), merged[first_of_each(merged)][:count]
        success = max((len(drawn) - before) / size, 0.02)
    return drawn


class _PairSampler:
    """Draws pairs with replacement by weight exp(-dist / scale): cells by an upper bound, then acceptance."""

    def __init__(self, sources: np.ndarray, targets: np.ndarray, scale: float) -> None:
        self.uniform = bool(np.isnan(targets).any() or np.isnan(sources).any())
        self.shape, self.scale = (len(sources), len(targets)), scale
        if self.uniform:
            return
        self.sources, self.targets = sources.T.copy(), targets.T.copy()  # [2, neurons]
        extent = float(max(np.ptp(sources, axis=0).max(), np.ptp(targets, axis=0).max(), 1.0))
        size = max(extent / GRID, scale / 2)
        self.source_cells, self.target_cells = _Cells(sources, size), _Cells(targets, size)
        gap = np.maximum(
            self.source_cells.low[:, None] - self.target_cells.high[None],
            self.target_cells.low[None] - self.source_cells.high[:, None],
        )
        gap = np.maximum(gap, 0.0)
        nearest = np.sqrt(gap[..., 0] ** 2 + gap[..., 1] ** 2)  # [source cells, target cells]
        bound = np.exp(-nearest / scale)
        bound *= self.source_cells.counts[:, None] * self.target_cells.counts[None]
        self.nearest, self.cumulative = nearest.ravel(), np.cumsum(bound.ravel())

    def propose(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Codes of the accepted among `size` proposals, in the order of drawing."""
        n_sources, n_targets = self.shape
        if self.uniform:
            return rng.integers(n_sources * n_targets, size=size)
        place = _places(self.cumulative, rng.random(size))
        source_cell, target_cell = _quotient_and_rest(place, len(self.target_cells.counts))
        sources = self.source_cells.pick(source_cell, rng)
        targets = self.target_cells.pick(target_cell, rng)
        down, right = (a[sources] - b[targets] for a, b in zip(self.sources, self.targets, strict=True))
        excess = np.sqrt(down**2 + right**2) - self.nearest[place]
        accepted = rng.random(size) < np.exp(-excess / self.scale)
        return sources[accepted] * n_targets + targets[accepted]


def _places(cumulative: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Index of the part of `cumulative` in which each of `random` (0 to 1, as a share of the whole) falls.

    A guide table (Chen and Asau 1974) says where to begin; what is not found a few places on is searched for.
    """
    size = 1 << (len(cumulative) - 1).bit_length()  # a power of 2, by which multiplying is exact
    guide = np.searchsorted(cumulative, np.arange(size) / size * cumulative[-1], side="right")
    wanted, place = random * cumulative[-1], guide[(random * size).astype(np.int64)]
    last = len(cumulative) - 1
    np.minimum(place, last, out=place)
    left = np.flatnonzero(cumulative[place] <= wanted)
    for _ in range(4):
        place[left] = np.minimum(place[left] + 1, last)
        left = left[cumulative[place[left]] <= wanted[left]]
    place[left] = np.minimum(np.searchsorted(cumulative, wanted[left], side="right"), last)
    return place


class _Cells:
    """Points grouped into square cells: member lists, counts and bounding boxes."""

    def __init__(self, positions: np.ndarray, size: float) -> None:
        grid = np.floor((positions - positions.min(axis=0)) / size).astype(np.int64)
        codes = grid[:, 0] * (grid[:, 1].max() + 1) + grid[:, 1]
        counts = np.bincount(codes)
        used = counts > 0
        which, self.counts = (np.cumsum(used) - 1)[codes], counts[used]
        self.members = stable_order(which)
        self.starts = np.cumsum(self.counts) - self.counts
        ordered = positions[self.members]
        self.low = np.minimum.reduceat(ordered, self.starts, axis=0)
        self.high = np.maximum.reduceat(ordered, self.starts, axis=0)

    def pick(self, cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A random member of each of `cells`."""
        within = (rng.random(len(cells)) * self.counts[cells]).astype(np.int64)
        return self.members[self.starts[cells] + within]
