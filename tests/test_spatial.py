from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from workbench import spatial
from workbench.errors import ConfigError
from workbench.spatial import SpatialLaw, draw_pairs, draw_target_each, draw_without_replacement


def test_the_law_is_the_published_one():
    law = SpatialLaw()
    assert law.scale(0) == 4
    assert law.scale(2) == 7
    np.testing.assert_allclose(np.exp(law.log_weight(np.array([0.0, 3.0]), 2)), [1, np.exp(-3 / 7)])
    assert law.log_weight(np.array([np.nan]), 1) == 0


@pytest.mark.parametrize("constants", [(0, 1), (-1, 1), (1, -1), (np.nan, 1), (np.inf, 0)])
def test_bad_constants(constants):
    with pytest.raises(ConfigError, match=r"SpatialLaw\.(base|per_layer) expects a number (above|from) 0"):
        SpatialLaw(*constants)


def grid(height: int, width: int) -> np.ndarray:
    return np.stack(np.divmod(np.arange(height * width), width), axis=1).astype(float)


def methods(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Force one of the two ways to draw, with blocks small enough that there are many."""
    if name == "gumbel":
        monkeypatch.setattr(spatial, "FEW_PAIRS", 1 << 60)
        monkeypatch.setattr(spatial, "BLOCK_PAIRS", 64)
    else:
        monkeypatch.setattr(spatial, "FEW_PAIRS", 0)


@pytest.mark.parametrize("method", ["gumbel", "rejection"])
def test_single_draws_follow_the_law(monkeypatch, method):
    methods(monkeypatch, method)
    rng = np.random.default_rng(5)
    sources, targets = grid(3, 4), rng.uniform(0, 3, size=(5, 2))
    taken = np.array([0, 7, 33])
    weight = np.exp(-spatial.distances(sources[:, None], targets[None]) / 1.3).ravel()
    weight[taken] = 0
    n = 6000
    seen = np.zeros(len(weight))
    for _ in range(n):
        source, target = draw_pairs(sources, targets, 1.3, 1, taken, rng)
        seen[source * 5 + target] += 1
    expected = n * weight / weight.sum()
    inside = expected > 0
    chi2 = ((seen[inside] - expected[inside]) ** 2 / expected[inside]).sum()
    assert seen[~inside].sum() == 0
    assert chi2 < inside.sum() + 4 * np.sqrt(2 * inside.sum())  # mean + 4 standard deviations


@pytest.mark.parametrize("method", ["gumbel", "rejection"])
def test_drawing_several_is_drawing_one_after_the_other(monkeypatch, method):
    methods(monkeypatch, method)
    rng = np.random.default_rng(6)
    sources, targets = grid(2, 4), np.array([[0.0, 1.0], [1.0, 2.5]])
    weight = np.exp(-spatial.distances(sources[:, None], targets[None]) / 0.8).ravel()
    weight /= weight.sum()
    n = 6000
    seen = np.zeros((16, 16))
    for _ in range(n):
        source, target = draw_pairs(sources, targets, 0.8, 2, np.zeros(0, int), rng)
        first, second = source * 2 + target
        seen[first, second] += 1
    expected = n * weight[:, None] * weight[None] / (1 - weight[:, None])
    np.fill_diagonal(expected, 0)
    often = expected > 5
    chi2 = ((seen[often] - expected[often]) ** 2 / expected[often]).sum()
    assert np.diag(seen).sum() == 0
    assert chi2 < often.sum() + 4 * np.sqrt(2 * often.sum())


def test_large_layers_follow_the_law():
    rng = np.random.default_rng(7)
    sources, targets = np.tile(grid(32, 32), (3, 1)), rng.uniform(0, 31, size=(800, 2))
    source, target = draw_pairs(sources, targets, 5.5, 20_000, np.zeros(0, int), rng)
    length = spatial.distances(sources[source], targets[target])
    all_lengths = spatial.distances(sources[:, None], targets[None]).ravel()
    weight = np.exp(-all_lengths / 5.5)
    edges = np.linspace(0, 30, 16)
    expected = np.histogram(all_lengths, edges, weights=weight)[0] / weight.sum() * len(length)
    seen = np.histogram(length, edges)[0]
    # 20,000 of 2.5 million pairs: drawing without replacement is drawing with it but for half a percent
    assert (np.abs(seen - expected) < 4 * np.sqrt(expected) + 0.01 * expected).all()


def test_a_saturated_neighbourhood_still_fills():
    rng = np.random.default_rng(8)
    sources, targets = grid(20, 20), grid(20, 20)
    code = np.arange(400 * 400)
    near = spatial.distances(sources[code // 400], targets[code % 400]) < 6
    taken = code[near]
    source, target = draw_pairs(sources, targets, 0.5, 3000, taken, rng)
    codes = source * 400 + target
    assert len(np.unique(codes)) == 3000
    assert not np.isin(codes, taken).any()
    assert spatial.distances(sources[source], targets[target]).mean() < 8  # the nearest of what is free


@given(seeds(), st.integers(1, 30), st.integers(1, 30), st.integers(0, 1000), st.floats(0, 1), st.booleans())
def test_pairs_are_distinct_free_and_as_many_as_asked(seed, n_sources, n_targets, count, part_taken, uniform):
    rng = np.random.default_rng(seed)
    sources, targets = rng.uniform(0, 9, size=(n_sources, 2)), rng.uniform(0, 9, size=(n_targets, 2))
    if uniform:
        targets[:] = np.nan
    taken = np.flatnonzero(rng.random(n_sources * n_targets) < part_taken)
    for few in (0, 1 << 60):
        before, spatial.FEW_PAIRS = spatial.FEW_PAIRS, few
        try:
            source, target = draw_pairs(sources, targets, 2.0, count, rng.permutation(taken), rng)
        finally:
            spatial.FEW_PAIRS = before
        codes = source * n_targets + target
        assert len(codes) == min(count, n_sources * n_targets - len(taken))
        assert len(np.unique(codes)) == len(codes)
        assert not np.isin(codes, taken).any()


def test_outputs_are_drawn_uniformly():
    rng = np.random.default_rng(9)
    sources, targets = grid(10, 10), np.full((10, 2), np.nan)
    counts = np.zeros(1000)
    for _ in range(300):
        source, target = draw_pairs(sources, targets, 1.0, 100, np.zeros(0, int), rng)
        counts[source * 10 + target] += 1
    assert counts.mean() == 30
    assert counts.std() < 7  # binomial: 5.2
    chosen = draw_target_each(np.zeros((5000, 2)), targets, 1.0, rng)
    assert np.bincount(chosen).std() < 60


def test_one_target_each_follows_the_law():
    rng = np.random.default_rng(10)
    targets = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    chosen = draw_target_each(np.zeros((20_000, 2)), targets, 1.5, rng)
    weight = np.exp(-np.array([0, 1, 3]) / 1.5)
    np.testing.assert_allclose(np.bincount(chosen) / 20_000, weight / weight.sum(), atol=0.015)


def test_memory_is_bounded():
    rng = np.random.default_rng(11)
    sources, targets = np.tile(grid(32, 32), (3, 1)), rng.uniform(0, 31, size=(4000, 2))
    for limit, few in itertools.product([200e6], [0, 1 << 60]):
        before, spatial.FEW_PAIRS = spatial.FEW_PAIRS, few
        tracemalloc.start()
        try:
            draw_pairs(sources, targets, 5.5, 20_000, np.zeros(0, int), rng)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            spatial.FEW_PAIRS = before
        assert peak < limit  # 12.3 million pairs would need a gigabyte


def test_draw_without_replacement_edges(rng):
    assert len(draw_without_replacement(np.zeros(5), 0, rng)) == 0
    assert sorted(draw_without_replacement(np.zeros(5), 9, rng)) == [0, 1, 2, 3, 4]
    heavy = [draw_without_replacement(np.array([0.0, 3.0, 0.0]), 1, rng)[0] for _ in range(200)]
    assert np.mean(np.array(heavy) == 1) > 0.8
