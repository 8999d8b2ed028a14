"""Colours and overlays of the front, hypervolume with live changes, the spatial law."""

from __future__ import annotations

import numpy as np
import pytest
from search.search_samples import NumberSpace, finish, step
from widgets.widget_samples import number_search

from workbench.errors import ConfigError
from workbench.plots import (
    BASELINES,
    baselines_for,
    front_figure,
    hypervolume_figure,
    hypervolume_info,
    run_changes,
    spatial_law_figure,
    spatial_law_info,
)
from workbench.spatial import SpatialLaw


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.spaces.make_space", lambda name, config: NumberSpace())
    search = number_search(tmp_path / "run.sqlite")
    step(search, 9)
    search.update(rates={"grow": 0.75, "size": (0.2, 0.25)}, train={"epochs": 3})
    finish(search)
    return search.results


@pytest.mark.parametrize("color", ["generation", "age", "mutation"])
def test_colours_tell(run, color):
    figure = front_figure(run, color=color)
    assert figure.layout.coloraxis.colorbar.title.text == color
    front = figure.data[-1]
    table = run.front()
    expected = {
        "generation": table["generation"].tolist(),
        "age": (5 - table["generation"]).tolist(),
        "mutation": [{"grow": 2, "shrink": 3}.get(kind, 0) for kind in table["mutation"]],
    }[color]
    assert list(front.marker.color) == expected


def test_an_unknown_colour(run):
    with pytest.raises(ConfigError, match="status, generation, age, mutation, size, got 'taste'"):
        front_figure(run, color="taste")


def test_overlays(run):
    figure = front_figure(run, baselines=BASELINES, others={"<b>again</b>": run})
    names = [trace.name for trace in figure.data]
    assert names[-2:] == ["&lt;b&gt;again&lt;/b&gt;", "hand-made"]
    assert list(figure.data[-2].x) == run.front()["flops"].tolist()
    assert len(figure.data[-1].x) == len(BASELINES)
    assert baselines_for("digits") == ()
    assert {one.dataset for one in baselines_for("mnist")} == {"mnist"}


def test_hypervolume_and_live_changes(run):
    info = hypervolume_info(run)
    assert list(info.individuals) == [6, 10, 14, 18, 22, 26]
    assert list(info.hypervolume) == run.generations["hypervolume"].tolist()
    curve, marks = hypervolume_figure(run).data
    assert list(curve.y) == list(info.hypervolume)
    assert list(marks.x) == [9]
    assert info.hypervolume[0] <= marks.y[0] <= info.hypervolume[1]
    (change,) = run_changes(run)
    assert set(change.lines) == {"grow 0.5 → 0.75", "size 0.1–0.3 → 0.2–0.25", "epochs per child 2 → 3"}


def test_the_spatial_law():
    first, third = spatial_law_figure(SpatialLaw(4, 1.5), layers=(1, 3), reach=16).data
    assert (first.y[0], third.y[0], first.x[-1]) == (1, 1, 16)
    np.testing.assert_allclose(first.y[-1], np.exp(-16 / 5.5))
    np.testing.assert_allclose(third.y[-1], np.exp(-16 / 8.5))
    figure = spatial_law_figure(SpatialLaw(4, 1.5))
    assert [trace.name for trace in figure.data] == ["1", "2", "3", "4", "5"]
    info = spatial_law_info(SpatialLaw(4, 1.5))
    assert info.formula == "exp(−dist / (4 + 1.5 · layer))"
    assert figure.layout.xaxis.title.text.endswith(info.formula)
    assert info.weight.shape == (5, 65)
