"""What a fork copies, weights that are dropped with a ranking, and events of the same instant as an individual."""

from __future__ import annotations

import pytest
from store_samples import DESCRIPTION, generation, individual

from workbench.errors import RunError
from workbench.individuals import BY_HAND
from workbench.store import create_run, is_being_written, open_run


@pytest.fixture
def filled(writer):
    """Two generations, an event in each, and a child that is not ranked yet."""
    for id in (0, 2, 4):
        writer.add_individual(individual(id), bytes([id]), {"edges": id})
    writer.add_event("settings", 4, 0, {"tournament": 2})
    writer.finish_generation(generation(0, (0, 2, 4), (0,)))
    writer.add_individual(individual(1), b"\x01")
    writer.add_event("generations", 3, 1, {"generations": 9})
    writer.add_event("settings", 3, 1, {"tournament": 5})
    writer.finish_generation(generation(1, (2, 4, 1), (1,)), {0: b"bare"})
    writer.add_individual(individual(3, generation=2), b"\x03")
    return open_run(writer.path)


def test_the_past_is_copied_with_its_times(filled, tmp_path):
    with create_run(tmp_path / "fork", DESCRIPTION) as fork:
        fork.copy_past(filled.path, 1, {4: ("topology", b"four")}, ("generations",))
    run = open_run(tmp_path / "fork")
    table, before = run.individuals, filled.individuals
    assert table["id"].tolist() == [0, 1, 2, 4]
    assert table["finished_at"].tolist() == before["finished_at"][before["id"] != 3].tolist()
    assert table["genome"].tolist() == ["topology", "trained", "trained", "topology"]
    assert [run.genome_bytes(id) for id in table["id"]] == [b"bare", b"\x01", b"\x02", b"four"]
    assert run.facts(4) == {"edges": 4}
    assert run.generations.equals(filled.generations)
    assert run.events.equals(filled.events[filled.events["kind"] != "generations"].reset_index(drop=True))
    with create_run(tmp_path / "early", DESCRIPTION) as fork:
        fork.copy_past(filled.path, 0, {})
        assert fork.add_event("fork", 3, 1, {}) == 2
    run = open_run(tmp_path / "early")
    assert run.individuals["id"].tolist() == [0, 2, 4]
    assert run.events["kind"].tolist() == ["settings", "fork"]


def test_all_or_nothing_is_copied(filled, tmp_path):
    with create_run(tmp_path / "fork", DESCRIPTION) as fork:
        fork.add_individual(individual(4), None)
        with pytest.raises(RunError, match="a record of that number is in it already"):
            fork.copy_past(filled.path, 1, {})
    assert open_run(tmp_path / "fork").individuals["id"].tolist() == [4]


def test_weights_go_with_the_ranking_or_not_at_all(filled, writer):
    assert filled.individuals["genome"].tolist() == ["topology", "trained", "trained", "trained", "trained"]
    assert filled.genome_bytes(0) == b"bare"
    with pytest.raises(RunError):
        writer.finish_generation(generation(1, (1,)), {2: b"bare"})  # that one is ranked already
    assert filled.genome_bytes(2) == b"\x02"


def test_an_individual_and_its_event_are_of_one_instant(writer, run):
    made = individual(BY_HAND, origin="by hand", parent=None, generation=1, mutation={"kind": "by hand"})
    assert writer.add_individual(made, b"x", event=("by hand", 7, {"id": BY_HAND})) == 1
    (event,) = run.events.to_dict("records")
    assert (event["kind"], event["from_child"], event["generation"], event["values"]) == (
        "by hand",
        7,
        1,
        {"id": BY_HAND},
    )
    with pytest.raises(RunError):
        writer.add_individual(made, b"x", event=("by hand", 7, {}))
    with pytest.raises(RunError):
        writer.add_individual(individual(5), b"x", event=("by hand", 7, {"id": object()}))
    assert (len(run.events), len(run.individuals)) == (1, 1)
    assert writer.add_individual(individual(7), None) is None


def test_whether_a_run_is_being_written(tmp_path):
    with create_run(tmp_path / "run", DESCRIPTION):
        assert is_being_written(tmp_path / "run")
    assert not is_being_written(tmp_path / "run")
    (tmp_path / "run.lock").write_text("process 1, long gone")  # left behind by a kill
    assert not is_being_written(tmp_path / "run")
    assert not (tmp_path / "run.lock").exists()
