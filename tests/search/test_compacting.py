"""A small copy of a finished run: all that is known of it, and the networks of the front."""

from __future__ import annotations

import numpy as np
import pytest
from search_samples import SMALL, finish, step, tiny_data

from workbench.errors import RunError
from workbench.search import Search, compact_run, fork_run, plan_fork
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.store import open_run

DATA = tiny_data()
SPACE = NeuronSpace.for_data(DATA, InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.4)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("compact") / "run.sqlite"
    finish(Search(DATA, SMALL, path, SPACE)).close()
    return path


def test_all_records_stay(finished, tmp_path):
    run, copy = open_run(finished), open_run(compact_run(finished, tmp_path / "small.sqlite"))
    apart = ["genome"]
    assert run.individuals.drop(columns=apart).equals(copy.individuals.drop(columns=apart))
    assert run.generations.equals(copy.generations)
    assert run.events.equals(copy.events)
    assert (copy.created_at, copy.state, copy.config) == (run.created_at, "finished", run.config)
    assert copy.path.stat().st_size < finished.stat().st_size


def test_networks_of_the_front_stay_as_they_are_and_topologies_of_its_ancestors(finished, tmp_path):
    run, copy = open_run(finished), open_run(compact_run(finished, tmp_path / "small.sqlite"))
    front = set(run.front()["id"])
    ancestors = {int(id) for member in front for id in run.lineage(member)["id"]}
    for id, form in run.individuals[["id", "genome"]].itertuples(index=False):
        blob = copy.genome_bytes(id)
        if id in front:
            assert blob == run.genome_bytes(id)
        elif id not in ancestors:
            assert blob is None
        elif form:
            one, other = run.genome(id), copy.genome(id)
            assert sorted(zip(one.sources, one.targets, strict=True)) == sorted(
                zip(other.sources, other.targets, strict=True)
            )
            assert np.isnan(other.weights).all()


def test_the_copy_goes_on_as_a_fork(finished, tmp_path):
    """Weights that are gone are made again; a plain resume says so, and nothing about individuals to come."""
    path = compact_run(finished, tmp_path / "small.sqlite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.search.state.warn_of_difference", pytest.fail)
        with pytest.raises(RunError, match=r"small copy of a finished run.* workbench fork"):
            Search.resume(path, DATA)
    last = int(open_run(path).generations["generation"].max())
    fork_run(plan_fork(path, last, {"generations": last + 1}), tmp_path / "fork.sqlite", DATA)
    search = finish(Search.resume(tmp_path / "fork.sqlite", DATA))
    search.close()
    assert open_run(search.path).individuals["genome"].notna().any()
    assert int(open_run(search.path).generations["generation"].max()) == last + 1


def test_a_run_that_goes_on_is_refused(tmp_path):
    search = Search(DATA, SMALL, tmp_path / "run.sqlite", SPACE)
    step(search, 2)
    with pytest.raises(RunError, match="finish it first"):
        compact_run(search.path, tmp_path / "small.sqlite")
    search.close()
    assert not (tmp_path / "small.sqlite").exists()


def test_an_existing_file_is_left_alone(finished, tmp_path):
    (tmp_path / "small.sqlite").write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        compact_run(finished, tmp_path / "small.sqlite")
    assert (tmp_path / "small.sqlite").read_text() == "mine"
