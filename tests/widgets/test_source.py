"""Where views find the data set of a stored run, and the networks whose weights were kept."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from search.search_samples import finish, tiny_data

import workbench as wb
from workbench.datasets import Dataset
from workbench.errors import ConfigError, DataError, RunError, WeightsError
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.again import TrainAgain
from workbench.views.base.source import Source
from workbench.widgets import InspectView, Sandbox, Selection

DATA = tiny_data()
INITIAL = InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.5), edges_per_neuron=(2, 4))
CONFIG = SearchConfig(population=4, children=4, generations=2, workers=1, train=TrainConfig(epochs=1, batch_size=32))


def run_of(path, data):
    return finish(Search(data, CONFIG, path, NeuronSpace.for_data(data, INITIAL, backend="csr"))).results


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_of(tmp_path_factory.mktemp("source") / "run.sqlite", DATA)


def test_images_made_from_arrays_are_given(run):
    source = Source(run)
    assert source.data is None
    with pytest.raises(DataError, match=r"searched 'custom', made from arrays; pass the same as data=\.\.\."):
        source.needed_data()
    given = Source(run, DATA)
    assert given.needed_data() is given.data is DATA
    assert given.missing_data == ""
    with pytest.raises(RunError, match="made with other data"):
        Source(run, tiny_data().subset(20))
    dashboard = wb.widgets.Dashboard(run, data=DATA)
    assert dashboard.source.data is DATA
    dashboard.close()


def test_a_known_data_set_is_looked_for_without_a_download_also_above_the_run(run, monkeypatch):
    looked = []

    def load(name, root, *, download):
        assert not download
        looked.append(root)
        if root == run.path.resolve().parents[1]:
            return DATA
        raise DataError("not there")

    monkeypatch.setattr("workbench.views.base.source.load_dataset", load)
    monkeypatch.setattr("workbench.views.base.source.dataset_names", lambda: ("custom",))
    assert Source(run).data is DATA
    assert looked == [None, *run.path.resolve().parents[:2]]  # None: $WORKBENCH_DATA or "data"
    monkeypatch.setattr("workbench.views.base.source.load_dataset", lambda *_, **__: tiny_data().subset(20))
    assert "'custom' that was found is not the one of the run" in Source(run).missing_data


def test_a_known_data_set_that_is_nowhere(run, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    source = Source(run)
    source.dataset = "mnist"
    assert "'mnist' of the run was not found: set $WORKBENCH_DATA" in source.missing_data


def test_a_network_without_weights_is_refused_by_name(run):
    table, source = run.individuals.set_index("id")["genome"], Source(run)
    (dropped, *_), (kept, *_) = (table.index[table == form] for form in ("topology", "trained"))
    assert source.trained_genome(int(kept)).has_weights
    assert not source.network(int(dropped)).has_weights
    with pytest.raises(WeightsError, match=f"the weights of individual {dropped} were not kept"):
        source.trained_genome(int(dropped))


@pytest.fixture
def dropped(run) -> int:
    """The last individual without weights."""
    table = run.individuals
    return int(table["id"][table["genome"] == "topology"].max())


def test_training_again_brings_every_view_its_predictions(run, dropped):
    selection = Selection(individual=dropped)
    view, again = InspectView(run, selection, DATA), TrainAgain(Source(run, DATA), selection)
    view.what.value = "confusion"
    assert view.plot.shown is None
    assert f"weights of {dropped} were not kept" in view.again.note.value
    assert view.again.train.disabled  # until it is known what it takes
    view.again.wait()
    assert "must be trained again, " in view.again.note.value
    assert not view.again.train.disabled
    view.again.train.click()
    view.again.wait()
    assert "Trained again to the same" in view.again.note.value
    view.predictions.wait()
    assert view.plot.shown is not None
    assert view.source.trained_genome(dropped).has_weights
    assert again.layout.display is None  # it follows another source, which knows nothing of it
    selection.individual = int(run.front()["id"].iloc[0])
    assert view.again.layout.display == "none"
    for each in (view, again):
        each.close()


def test_it_can_be_stopped_and_goes_on_where_it_was(run):
    source, selection = Source(run, DATA), Selection()
    chains = {id: len(source.plan_again(id).again) for id in run.individuals["id"].tolist()}
    selection.individual, most = max(chains.items(), key=lambda each: each[1])
    assert most > 1
    view = TrainAgain(source, selection)
    view.wait()
    view.train.click()
    view.halt.click()
    view.wait()
    assert "were not kept" in view.note.value
    assert len(source.plan_again(selection.individual).again) < most
    view.train.click()
    view.wait()
    assert "Trained again" in view.note.value
    view.close()


def test_without_the_data_it_says_why_not(run, dropped):
    view = TrainAgain(Source(run), Selection(individual=dropped))
    view.wait()
    assert view.train.disabled
    assert "pass the same as data=" in view.note.value
    view.close()


def test_widgets_that_could_not_be_made_leave_nothing_behind(run, capfd):
    """The browser's side of a widget is closed when it is forgotten, which needs no more than what it has."""
    other = Dataset.from_arrays(np.zeros((9, 2, 2)), np.arange(9) % 3, np.zeros((3, 2, 2)), np.arange(3), name="other")
    with pytest.raises(RunError, match="made with other data"):
        InspectView(run, data=other)
    with pytest.raises(ConfigError, match="got MlpGenome alone"):
        Sandbox(DATA, MlpSpace((1, 2, 2), 3).sample(0, np.random.default_rng(0)))
    gc.collect()
    assert "Exception ignored" not in capfd.readouterr().err
