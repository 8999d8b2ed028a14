"""Where views find the data set of a stored run, and the networks whose weights were kept."""

from __future__ import annotations

import pytest
from search.search_samples import finish, tiny_data

import workbench as wb
from workbench.errors import DataError, RunError, WeightsError
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.source import Source

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
    assert not source.neuron_genome(int(dropped)).has_weights
    with pytest.raises(WeightsError, match=f"the weights of individual {dropped} were not kept"):
        source.trained_genome(int(dropped))
