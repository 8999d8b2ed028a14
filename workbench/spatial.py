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

import numpy as np

from workbench.genome.topology import first_of_each, stable_order
from workbench.settings import check_settings, documented, setting

BLOCK_PAIRS = 1 << 19  # pairs that Gumbel drawing holds in memory at once (about 20 MB)
CACHED_PAIRS = 1 << 14  # pairs for which single-precision keys, noise and distances fit the fastest caches
FEW_PAIRS = 1 << 16  # below this many pairs drawing by Gumbel keys is faster
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
    taken = np.sort(np.asarray(taken, np.int64))
    count = min(count, n_pairs - len(taken))
    drawn = np.zeros(0, np.int64)
    if n_pairs > FEW_PAIRS and 0 < count < (n_pairs - len(taken)) // 4:
        drawn = _draw_by_rejection(source_positions, target_positions, scale, count, taken, rng)
    if len(drawn) < count:
        taken = np.sort(np.concatenate([taken, drawn]))
        rest = _draw_by_gumbel(source_positions, target_positions, scale, count - len(drawn), taken, rng)
        drawn = np.concatenate([drawn, rest])
    return np.divmod(drawn, len(target_positions))


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
    rows = max(1, BLOCK_PAIRS // n_targets)
    for start in range(0, len(sources), rows):
        block = sources[start : start + rows, None]
        keys = np.nan_to_num(-distances(block, targets[None]) / scale, nan=0.0).ravel()
        keys += rng.gumbel(size=len(keys))
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
    """Codes of up to `count` pairs, in the order of drawing; fewer if too many proposals fail. `taken` is sorted."""
    sampler = _PairSampler(sources, targets, scale)
    drawn = np.zeros(0, np.int64)
    proposals_left = MAX_PROPOSALS_PER_EDGE * count
    success = 0.5
    while len(drawn) < count and proposals_left > 0:
        size = int(min(proposals_left, (count - len(drawn)) / success * 1.1 + 64))
        proposals_left -= size
        codes = sampler.propose(size, rng)
        codes = codes[~_contains(taken, codes)]
        merged = np.concatenate([drawn, codes])
        before, drawn = len(drawn), merged[first_of_each(merged)][:count]
        success = max((len(drawn) - before) / size, 0.02)
    return drawn


def _contains(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Whether each of `values` is in the sorted array `ordered`."""
    if len(ordered) == 0:
        return np.zeros(len(values), bool)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return ordered[place] == values


class _PairSampler:
    """Draws pairs with replacement by weight exp(-dist / scale): cells by an upper bound, then acceptance."""

    def __init__(self, sources: np.ndarray, targets: np.ndarray, scale: float) -> None:
        self.uniform = bool(np.isnan(targets).any() or np.isnan(sources).any())
        self.sources, self.targets, self.scale = sources, targets, scale
        if self.uniform:
            return
        extent = float(max(np.ptp(sources, axis=0).max(), np.ptp(targets, axis=0).max(), 1.0))
        size = max(extent / GRID, scale / 2)
        self.source_cells, self.target_cells = _Cells(sources, size), _Cells(targets, size)
        gap = np.maximum(
            self.source_cells.low[:, None] - self.target_cells.high[None],
            self.target_cells.low[None] - self.source_cells.high[:, None],
        )
        gap = np.maximum(gap, 0.0)
        self.nearest = np.sqrt(gap[..., 0] ** 2 + gap[..., 1] ** 2)  # [source cells, target cells]
        bound = np.exp(-self.nearest / scale)
        bound *= self.source_cells.counts[:, None] * self.target_cells.counts[None]
        self.cumulative = np.cumsum(bound.ravel())

    def propose(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Codes of the accepted among `size` proposals, in the order of drawing."""
        n_targets = len(self.targets)
        if self.uniform:
            return rng.integers(len(self.sources) * n_targets, size=size)
        place = np.searchsorted(self.cumulative, rng.random(size) * self.cumulative[-1], side="right")
        place = np.minimum(place, len(self.cumulative) - 1)
        source_cell, target_cell = np.divmod(place, len(self.target_cells.counts))
        sources = self.source_cells.pick(source_cell, rng)
        targets = self.target_cells.pick(target_cell, rng)
        excess = distances(self.sources[sources], self.targets[targets]) - self.nearest[source_cell, target_cell]
        accepted = rng.random(size) < np.exp(-excess / self.scale)
        return sources[accepted] * n_targets + targets[accepted]


class _Cells:
    """Points grouped into square cells: member lists, counts and bounding boxes."""

    def __init__(self, positions: np.ndarray, size: float) -> None:
        grid = np.floor((positions - positions.min(axis=0)) / size).astype(np.int64)
        _, which, self.counts = np.unique(grid[:, 0] * (1 << 20) + grid[:, 1], return_inverse=True, return_counts=True)
        self.members = stable_order(which)
        self.starts = np.cumsum(self.counts) - self.counts
        ordered = positions[self.members]
        self.low = np.minimum.reduceat(ordered, self.starts, axis=0)
        self.high = np.maximum.reduceat(ordered, self.starts, axis=0)

    def pick(self, cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A random member of each of `cells`."""
        within = (rng.random(len(cells)) * self.counts[cells]).astype(np.int64)
        return self.members[self.starts[cells] + within]
