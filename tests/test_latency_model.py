"""The latency model: fitted, checked, stored as a setting, and the definition of a front in three objectives."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError
from workbench.initial import random_genome
from workbench.objectives import (
    ACCURACY,
    FLOPS,
    LATENCY,
    PARAMETERS,
    LatencyModel,
    Objective,
    objectives_of,
    undominated,
)
from workbench.search import SearchConfig, calibrate_latency
from workbench.settings import from_values, to_values
from workbench.spaces import NeuronSpace
from workbench.training.calibration import fit_latency, latency_samples, relative_errors, size_of

MODEL = LatencyModel(90.0, 1.5, 0.03, 0.004)


def sizes(rng: np.random.Generator) -> np.ndarray:
    return np.column_stack([rng.integers(1, 8, 40), rng.integers(10, 3000, 40), rng.integers(100, 60000, 40)])


def test_a_fit_recovers_known_coefficients():
    networks = sizes(np.random.default_rng(0))
    times = [MODEL.predict(*network) for network in networks.tolist()]
    found = fit_latency(networks, times)
    np.testing.assert_allclose(list(to_values(found).values()), list(to_values(MODEL).values()), rtol=1e-6)
    assert np.abs(relative_errors(found, networks, times)).max() < 1e-9


def test_a_fit_to_noisy_times_is_close_and_never_negative():
    rng = np.random.default_rng(1)
    networks = sizes(rng)
    times = np.array([MODEL.predict(*network) for network in networks.tolist()]) * rng.normal(1, 0.03, 40)
    found = fit_latency(networks, times)
    assert np.median(np.abs(relative_errors(found, networks, times))) < 0.04
    assert found.per_edge_us == pytest.approx(MODEL.per_edge_us, rel=0.1)
    falling = fit_latency(networks, 1000 - networks[:, 0])  # more layers, less time: no coefficient may say so
    assert min(to_values(falling).values()) == 0


def test_genomes_have_the_size_that_the_model_counts():
    genome = random_genome((1, 6, 6), 3, np.random.default_rng(0), hidden_layers=(2, 2))
    assert size_of(genome) == (3, genome.n_hidden + 3, genome.n_edges)
    expected = MODEL.predict(3, genome.n_hidden + 3, genome.n_edges)
    assert NeuronSpace((1, 6, 6), 3).latency_us(genome, MODEL) == expected


def test_this_machine_is_measured(monkeypatch):
    monkeypatch.setattr("workbench.training.calibration.ROUNDS", 1)
    monkeypatch.setattr("workbench.training.calibration.ROUND_SECONDS", 0.0)
    networks, times = latency_samples((1, 5, 5), 3, networks=6)
    assert networks.shape == (6, 3)
    assert (times > 0).all()
    assert (networks == latency_samples((1, 5, 5), 3, networks=6)[0]).all()
    model = calibrate_latency((1, 5, 5), 3)
    assert model.predict(2, 5, 20) > 0


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_coefficients_that_are_none(value):
    with pytest.raises(ConfigError, match=r"LatencyModel.per_edge_us expects a number from 0 to .*, got "):
        LatencyModel(per_edge_us=value)


def test_what_cannot_be_fitted_or_measured():
    with pytest.raises(ConfigError, match=r"expects times above 0 of at least 4 networks, got .*; measure more"):
        fit_latency([[1, 2, 3]] * 4, [1.0, 2.0, 0.0, 1.0])
    with pytest.raises(ConfigError, match="at least 4"):
        fit_latency([[1, 2, 3]] * 3, [1.0, 2.0, 3.0])
    with pytest.raises(ConfigError, match=r"pass data.shape and data.n_classes"):
        calibrate_latency((1, 0, 5), 3)


def test_it_is_a_setting_like_others():
    config = SearchConfig(latency=MODEL)
    assert from_values(SearchConfig, to_values(config)) == config
    assert from_values(SearchConfig, {"latency.per_edge_us": "0.5"}).latency == LatencyModel(per_edge_us=0.5)
    assert config.objectives == ("accuracy", "flops", "latency")
    without = {"latency": "none", "objectives": "accuracy,flops"}
    assert from_values(SearchConfig, without, config) == SearchConfig()
    with pytest.raises(ConfigError, match=r"objectives names latency, which expects a model .* leave latency out"):
        from_values(SearchConfig, {"latency": None}, config)
    for bad in ({"latency": 3}, {"latency": {"speed": 1}}, {"latency": {"overhead_us": "fast"}}):
        with pytest.raises(ConfigError, match=r"LatencyModel|latency"):
            from_values(SearchConfig, bad)
    with pytest.raises(ConfigError, match=r"SearchConfig\.latency expects settings of its own, or none, got 3"):
        SearchConfig(latency=3)  # type: ignore[arg-type]


FEW = st.integers(0, 4).map(float)


@pytest.mark.parametrize("objectives", [(FLOPS,), (PARAMETERS,), (FLOPS, LATENCY), (FLOPS, LATENCY, PARAMETERS)])
@given(data=st.data())
def test_a_front_is_what_nothing_dominates(objectives: tuple[Objective, ...], data):
    points = data.draw(st.lists(st.tuples(*[FEW] * (len(objectives) + 1)), max_size=30))  # accuracy, then costs

    def beaten(one: int, other: int) -> bool:
        (accuracy, *costs), (its, *others) = points[one], points[other]
        if points[one] == points[other]:
            return other < one
        return its >= accuracy and all(there <= here for here, there in zip(costs, others, strict=True))

    everyone = range(len(points))
    expected = {one for one in everyone if not any(beaten(one, other) for other in everyone)}
    columns = list(zip(*points, strict=True)) or [()] * (len(objectives) + 1)
    found = undominated(columns, list(everyone), (ACCURACY, *objectives))
    assert set(found) == expected
    assert [points[one][1] for one in found] == sorted(points[one][1] for one in found)


def test_a_front_of_many_is_found_quickly():
    points = np.random.default_rng(0).random((50_000, 4))
    points /= points.sum(axis=1, keepdims=True)  # none dominates another
    points[:, 0] *= -1
    started = time.perf_counter()
    found = undominated(points.T.tolist(), range(len(points)), (ACCURACY, FLOPS, LATENCY, PARAMETERS))
    assert len(found) == len(points)
    assert time.perf_counter() - started < 10, "comparing all pairs takes minutes"


def test_objectives_are_checked_and_ordered():
    assert objectives_of(["parameters", "accuracy"]) == (ACCURACY, PARAMETERS)
    assert SearchConfig(objectives=("flops", "accuracy")) == SearchConfig()
    for bad in ((), ("accuracy",), ("flops", "parameters"), ("accuracy", "accuracy", "flops"), ("accuracy", "size")):
        with pytest.raises(
            ConfigError, match=r"objectives expects? (accuracy and at least one|some) of .*flops, latency"
        ):
            SearchConfig(objectives=bad)
    with pytest.raises(ConfigError, match="objectives names latency, which expects a model"):
        SearchConfig(objectives=("accuracy", "latency"))
    assert (ACCURACY.text(0.5), LATENCY.text(12.34)) == ("50.00%", "12.34 µs")
