"""What people see of networks that are not made of single neurons, in each space that has others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from search.search_samples import finish, step

from workbench.datasets import Dataset
from workbench.search import Search, SearchConfig
from workbench.spaces import EinSpace, HnasSpace, MlpSpace, ProgramSpace
from workbench.training import TrainConfig
from workbench.widgets import FrontView, IndividualsTable, InspectView, Selection, Steering, TwoNetworksView

RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 2
IMAGES = RNG.integers(0, 150, (60, 12, 12)) + 100 * LABELS[:, None, None]
DATA = Dataset.from_arrays(IMAGES[:40], LABELS[:40], IMAGES[40:], LABELS[40:], validation=14, selection=10)
CONFIG = SearchConfig(population=3, children=2, generations=2, workers=1, train=TrainConfig(epochs=1, batch_size=32))
MADE = {
    "mlp": (MlpSpace.for_data(DATA), "hidden layers"),
    "hnas": (HnasSpace.for_data(DATA, channels=2), "cells"),
    "einspace": (EinSpace.for_data(DATA, budget=30, max_flops=1e6), "tree nodes"),
    "programs": (ProgramSpace.for_data(DATA, features=16), "live instructions"),
}


@pytest.fixture(scope="module", params=MADE)
def search(request, tmp_path_factory):
    space = MADE[request.param][0]
    space.train(space.sample(0, np.random.default_rng(0)), DATA, CONFIG.train, seed=0, stream=(0,))  # may compile first
    search = Search(DATA, CONFIG, tmp_path_factory.mktemp(request.param) / "run.sqlite", space)
    step(search, 5)
    yield search
    search.close()


def test_inspect(search):
    view = InspectView(search)
    assert view.plot.shown is not None  # training curves
    assert view.what.options == ("training", "confusion", "mistakes")
    assert "no single neurons" in view.missing.value
    view.what.value = "confusion"
    view.predictions.wait()
    found = view.predictions.of(view.individual, "validation")
    assert found.accuracy == pytest.approx(search.results.individual(view.individual).val_accuracy)
    assert f"{found.accuracy:.2%} right" in view.message.value
    view.what.value = "mistakes"
    if len(found.wrong()):
        assert f"image {found.wrong()[0]} of the validation split" in view.message.value
        assert {trace.type for trace in view.plot.shown.data} == {"image", "bar"}
    else:
        assert "no such mistake" in view.message.value
    assert view.side.layout.display == "none"
    view.close()


def test_export(search):
    view = InspectView(search)
    buttons = view.exports.children[1:]
    assert [f".{each.description}" for each in buttons] == list(search.space.formats)
    next(each for each in buttons if each.description == "npz").click()
    path = search.path.with_name(f"run-{view.individual}.npz")
    genome, again = search.results.genome(view.individual), search.space.decode(path.read_bytes())
    assert search.space.describe(again) == search.space.describe(genome)
    images, _ = DATA.arrays("validation")
    np.testing.assert_array_equal(search.space.logits(again, images), search.space.logits(genome, images))
    view.close()


def test_two_networks(search):
    first, second = (one.id for one in search.snapshot().population[:2])
    view = TwoNetworksView(search, Selection(pinned=first, individual=second))
    assert view.what.options == ("numbers", "errors")
    assert f"<th>{MADE[search.space.name][1]}</th>" in view.table.value
    view.what.value = "errors"
    view.wait()
    assert "McNemar" in view.message.value
    view.close()


def test_what_the_space_counts_and_does_not_obey(search):
    counted = MADE[search.space.name][1]
    front, table, steering = (view(search) for view in (FrontView, IndividualsTable, Steering))
    assert (counted, "size") in front.x.options
    assert counted in [column["label"] for column in table.table.columns]
    assert np.isfinite(table.known.rows["size"]).all()
    told = table.known.told([0])[0]
    assert counted.removesuffix("s") in told
    assert not {f"train.{name}" for name in steering.controls} & set(search.space.ignores)
    assert "Spatial law" not in steering.panels
    for view in (front, table, steering):
        view.close()


@pytest.mark.parametrize("name", MADE)
def test_weights_that_were_not_kept_come_back(name, tmp_path):
    config = replace(CONFIG, population=2, generations=3)
    run = finish(Search(DATA, config, tmp_path / "run.sqlite", MADE[name][0])).results
    table = run.individuals
    dropped = int(table["id"][table["genome"] == "topology"].iloc[-1])
    view = InspectView(run, Selection(individual=dropped), DATA)
    view.what.value = "confusion"
    assert view.plot.shown is None
    assert f"weights of {dropped} were not kept" in view.again.note.value
    view.again.wait()
    view.again.train.click()
    view.again.wait()
    view.predictions.wait()
    assert "Trained again to the same" in view.again.note.value
    assert view.plot.shown is not None
    view.close()
