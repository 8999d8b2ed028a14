"""Children that learn from their parent, or from the most accurate network so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from search.search_samples import finish, memory_of, step, tiny_data

from workbench.errors import ConfigError
from workbench.search import Search, SearchConfig, open_run, replay
from workbench.search.again import plan_again, train_again
from workbench.search.stored import RunHistory
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
from workbench.training import TrainConfig

DATA = tiny_data()
SPACE = NeuronSpace.for_data(DATA, InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.4)))
CONFIG = SearchConfig(
    population=3, children=3, generations=3, workers=1, train=TrainConfig(epochs=2, batch_size=16), seed=2
)
TEACHERS = pytest.mark.parametrize("teacher", ["parent", "best"])


def make(path, teacher: str, space=SPACE, **more) -> Search:
    return Search(DATA, replace(CONFIG, teacher=teacher, keep="all"), path, space, **more)


@pytest.fixture
def lessons(monkeypatch) -> list[tuple[int, str]]:
    """Seed of each child that had a teacher, and the teacher's hash."""
    seen, train = [], NeuronSpace.train

    def noted(self, genome, data, config, *, seed, teacher=None, **named):
        if teacher is not None:
            seen.append((seed, teacher.content_hash))
        return train(self, genome, data, config, seed=seed, teacher=teacher, **named)

    monkeypatch.setattr(NeuronSpace, "train", noted)
    return seen


@TEACHERS
def test_who_teaches_whom(tmp_path, teacher, lessons):
    finish(make(tmp_path / "run", teacher))
    run = open_run(tmp_path / "run")
    table, expected = run.individuals.set_index("id"), []
    for id in table.index[table["generation"] > 0]:
        by = table["parent"][id]
        if teacher == "best":
            before = table[table["generation"] < table["generation"][id]]
            by = before.sort_values(["val_accuracy", "flops"], ascending=[False, True]).index[0]
        expected.append((int(table["seed"][id]), run.genome(int(by)).content_hash))
    assert lessons == expected
    finish(make(tmp_path / "alone", "none"))
    assert list(open_run(tmp_path / "alone").individuals["val_accuracy"]) != list(table["val_accuracy"])


@TEACHERS
def test_resumed_replayed_and_trained_again_to_the_same_bits(tmp_path, teacher):
    finish(make(tmp_path / "whole", teacher))
    search = make(tmp_path / "cut", teacher)
    step(search, 8)
    search.close()
    finish(make(tmp_path / "cut", teacher, if_exists="resume"))
    whole = open_run(tmp_path / "whole")
    assert memory_of(tmp_path / "whole")["individuals"] == memory_of(tmp_path / "cut")["individuals"]
    assert replay(tmp_path / "whole", tmp_path / "again", DATA).is_same
    history = RunHistory(whole, SPACE)
    history.trained = frozenset()  # as if no weights had been kept
    last = max(history.individuals)
    plan = plan_again(history, last)
    assert all(set(history.needs(id)) <= set(plan.again) for id in plan.again)
    assert SPACE.encode(train_again(plan, DATA).genome) == whole.genome_bytes(last)


def test_those_that_are_trained_together_have_their_teachers(tmp_path):
    space = replace(SPACE, backend="csr")
    for together in (1, 3):
        finish(make(tmp_path / str(together), "parent", replace(space, together=together)))
    one, three = (open_run(tmp_path / name) for name in "13")
    assert list(three.individuals["status"]) == ["ok"] * 12
    np.testing.assert_allclose(one.genome(3).weights, three.genome(3).weights, atol=1e-4)


def test_a_space_without_teachers_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"'parent' expects a space whose train takes a teacher.*got 'mlp'"):
        make(tmp_path / "run", "parent", MlpSpace.for_data(DATA))


@TEACHERS
def test_a_fork_trains_teachers_again_too(tmp_path, teacher):
    finish(make(tmp_path / "whole", teacher))
    finish(Search(DATA, replace(CONFIG, teacher=teacher), tmp_path / "few", SPACE))
    forked = Search.fork(tmp_path / "few", 1, tmp_path / "fork", DATA, keep="all")
    finish(forked)
    whole, fork = open_run(tmp_path / "whole"), open_run(tmp_path / "fork")
    for id in whole.population():
        assert fork.genome_bytes(id) == whole.genome_bytes(id)
