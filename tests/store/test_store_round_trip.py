"""What was written comes back, exactly."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import DESCRIPTION, StubSpace, failed, generation, individual

from workbench.errors import RunError
from workbench.individuals import Cost, Individual, TrainResult
from workbench.store import Run, RunWriter, create_run, open_run, rows


def same(a: object, b: object) -> bool:
    """Equality in which NaN equals NaN and 1 does not equal 1.0."""
    return repr(a) == repr(b)


def test_description(run: Run) -> None:
    assert run.description == DESCRIPTION
    assert run.space_name == "stub"
    assert run.space_config == {"scale": 0.1, "shape": [1, 8, 8]}
    assert run.config == {"population": 4, "rates": {"add_edges": 1 / 3}}
    assert run.dataset == {"name": "digits", "fingerprint": "abc", "root": None}
    assert run.seed == 2**127 + 1
    assert run.versions == {"python": "3.11", "numpy": "2.0"}
    assert run.origin == {"path": "other.sqlite", "generation": 3}
    assert run.created_at.endswith("+00:00")


def test_state(writer: RunWriter, run: Run) -> None:
    assert run.state == "running"
    writer.set_state("paused")
    assert run.state == "paused"
    with pytest.raises(RunError, match=r"expected one of running, .* got 'asleep'"):
        writer.set_state("asleep")


def test_empty_run(run: Run) -> None:
    assert len(run.individuals) == len(run.generations) == len(run.events) == len(run.front()) == 0
    assert run.population() == []
    assert run.load().individuals == ()
    assert list(run.individuals.dtypes.astype(str)[["id", "parent", "val_accuracy", "alive"]]) == [
        "int64",
        "Int64",
        "float64",
        "bool",
    ]
    with pytest.raises(RunError, match="no individual 0; it holds no individuals yet"):
        run.individual(0)
    with pytest.raises(RunError, match="no individual 0"):
        run.lineage(0)


def test_individual(writer: RunWriter, run: Run, made: list[tuple[str, dict[str, object]]]) -> None:
    child = individual(1)
    writer.add_individual(child, b"\x00\x01\xff", {"neurons": 3})
    assert child.result is not None
    assert run.individual(1) == replace(child, result=replace(child.result, genome=(0, 1, 255)))
    assert made == [{"scale": 0.1, "shape": [1, 8, 8]}]
    assert run.genome(1) == (0, 1, 255)
    assert run.genome_bytes(1) == b"\x00\x01\xff"
    assert run.mutation(1) == {"kind": "add_edges", "sizes": [1, 2], "share": 0.1 + 0.2}
    assert run.history(1) == [{"epoch": 1, "loss": 1 / 3}, {"epoch": 2, "loss": 1e-300}]
    assert run.facts(1) == {"neurons": 3}
    assert len(made) == 1, "one space serves all genomes"


FLOATS = st.floats(allow_nan=True, allow_infinity=True)
FRACTIONS = st.floats(0, 1) | st.just(math.nan)
TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
RESULTS = st.builds(
    TrainResult,
    genome=st.none(),
    val_accuracy=FRACTIONS,
    initial_val_accuracy=FRACTIONS,
    history=st.lists(st.dictionaries(st.text(), FLOATS, max_size=3), max_size=3).map(tuple),
    failure=TEXT,
)
SIZES = st.integers(0, 2**53)


def whole(one: Individual) -> Individual:
    """Only one with a cost and a result is ok."""
    complete = one.cost is not None and one.result is not None and not math.isnan(one.result.val_accuracy)
    return one if complete else replace(one, status="failed")


INDIVIDUALS = st.builds(
    Individual,
    id=SIZES,
    parent=st.none() | SIZES,
    generation=st.integers(0, 10**6),
    origin=st.sampled_from(["initial", "mutation", "by hand"]),
    mutation=st.dictionaries(st.text(), FLOATS | st.text() | st.lists(st.integers()), max_size=3),
    seed=st.integers(-(2**200), 2**200),
    status=st.sampled_from(["ok", "failed"]),
    failure=TEXT,
    cost=st.none() | st.builds(Cost, SIZES, SIZES, SIZES, st.none() | st.floats(0, 1e6)),
    result=st.none() | RESULTS,
    wall_seconds=st.floats(0, 1e9) | st.just(math.nan),
).map(whole)


@given(INDIVIDUALS)
def test_any_individual_as_a_row(one: Individual) -> None:
    assert same(rows.individual_from(rows.INDIVIDUALS.checked(rows.individual_row(one))), one)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(INDIVIDUALS, min_size=1, max_size=5, unique_by=lambda one: one.id))
def test_any_individuals_in_a_file(tmp_path: Path, individuals: list[Individual]) -> None:
    with create_run(tmp_path / "any.sqlite", DESCRIPTION, if_exists="new") as writer:
        for one in individuals:
            writer.add_individual(one, None, {})
    run = open_run(writer.path)
    ordered = sorted(individuals, key=lambda one: one.id)
    assert same(run.load().individuals, tuple(ordered))
    frame = run.individuals
    assert list(frame["seed"]) == [one.seed for one in ordered]
    assert same(list(frame["val_accuracy"]), [one.val_accuracy for one in ordered])


def test_table(writer: RunWriter, run: Run) -> None:
    writer.add_individual(individual(0, 0.9, 2000), b"a")
    writer.add_individual(failed(3), None)
    writer.add_individual(individual(2, 0.5, 1000), b"b")
    writer.finish_generation(generation(0, (2,)))
    writer.add_individual(individual(1, 0.6, 3000), b"c")
    frame = run.individuals
    assert list(frame.columns) == [
        *("id", "parent", "generation", "mutation", "origin", "val_accuracy", "initial_val_accuracy"),
        *("flops", "flops_total", "parameters", "epochs", "seed", "wall_seconds", "status", "failure"),
        *("genome", "finished_at", "alive", "on_front"),
    ]
    assert list(frame.index) == list(frame["id"]) == [0, 1, 2, 3]
    assert frame["parent"].astype(object).where(frame["parent"].notna(), None).tolist() == [None, 0, None, 2]
    assert frame["mutation"].tolist() == [None, "add_edges", None, "add_edges"]
    assert frame["status"].tolist() == ["ok", "ok", "ok", "failed"]
    assert frame["failure"].tolist() == [None, None, None, "nothing left"]
    assert frame["genome"].tolist() == ["trained", "trained", "trained", None]
    assert frame["seed"].tolist() == [2**63 + id for id in range(4)]
    assert frame["alive"].tolist() == [False, False, True, False]
    assert frame["on_front"].tolist() == [True, False, True, False]
    assert frame["flops"].tolist()[:3] == [2000, 3000, 1000]
    assert frame["flops"].isna().tolist() == [False, False, False, True]
    assert frame["finished_at"].dt.tz is not None


def test_failed_individuals(writer: RunWriter, run: Run, made: object) -> None:
    partial = TrainResult(None, math.nan, 0.1, ({"loss": math.nan}, {"loss": math.inf}), "loss is NaN")
    diverged = individual(0, status="failed", failure="loss is NaN", result=partial)
    writer.add_individual(diverged, None)
    writer.add_individual(failed(1, failure="no such file: \udcff"), None)
    assert same(run.individual(0), diverged)
    assert run.individual(1).failure == "no such file: \\udcff"
    assert run.individual(1).result is None
    assert len(run.front()) == 0
    with pytest.raises(RunError, match="expected a genome of individual 1, got none"):
        run.genome(1)


def test_numbers_of_numpy(writer: RunWriter, run: Run) -> None:
    result = TrainResult(None, np.float32(0.1), np.float64(0.2), ({"loss": np.float32(0.3)},))
    odd = individual(0, seed=np.uint64(2**64 - 1), result=result, mutation={"kind": "x", "n": np.arange(2)})
    writer.add_individual(odd, None, {"neurons": np.int32(4)})
    assert run.individual(0).seed == 2**64 - 1
    assert run.individual(0).val_accuracy == float(np.float32(0.1))
    assert run.history(0) == [{"loss": float(np.float32(0.3))}]
    assert run.mutation(0) == {"kind": "x", "n": [0, 1]}
    assert run.facts(0) == {"neurons": 4}


def test_what_json_cannot_hold_is_refused(writer: RunWriter, run: Run) -> None:
    with pytest.raises(RunError, match="mutation record of individual 0 cannot be stored"):
        writer.add_individual(individual(0, mutation={"kind": object()}), b"")
    assert len(run.individuals) == 0


def test_generations(writer: RunWriter, run: Run) -> None:
    for id in (0, 1, 2, 5):
        writer.add_individual(individual(id), None)
    records = [generation(0, (2, 0, 1), (1,)), replace(generation(1, (5,), (5, 1)), hypervolume=math.nan)]
    for record in records:
        writer.finish_generation(record)
    frame = run.generations
    assert frame["population"].tolist() == [[2, 0, 1], [5]]
    assert frame["front"].tolist() == [[1], [5, 1]]
    assert frame["hypervolume"].isna().tolist() == [False, True]
    assert frame["hypervolume"][0] == 0.1 + 0.2
    assert frame["epochs"].tolist() == [20, 20]
    assert frame["finished_at"].is_monotonic_increasing
    assert same(list(run.load().generations), records)
    assert run.population() == [5]
    assert run.population(0) == [2, 0, 1]
    with pytest.raises(RunError, match=r"finished generation \(0 to 1\), got 7"):
        run.population(7)


def test_events_keep_their_order(writer: RunWriter, run: Run) -> None:
    numbers = [
        writer.add_event("rates", 9, 2, {"add_edges": 1 / 3}),
        writer.add_event("settings", 4, None, {"tournament": 5}),
        writer.add_event("by hand", 9, 2, {}),
    ]
    assert numbers == [1, 2, 3]
    frame = run.events
    assert list(frame.columns) == ["sequence", "kind", "from_child", "generation", "values", "time"]
    assert frame["sequence"].tolist() == numbers
    assert frame["kind"].tolist() == ["rates", "settings", "by hand"]
    assert frame["from_child"].tolist() == [9, 4, 9]
    assert frame["generation"].isna().tolist() == [False, True, False]
    assert frame["values"].tolist() == [{"add_edges": 1 / 3}, {"tournament": 5}, {}]
    assert [event.values for event in run.load().events] == frame["values"].tolist()


def test_unknown_individual(writer: RunWriter, run: Run) -> None:
    for id in (0, 1, 2):
        writer.add_individual(individual(id), None)
    for ask in (
        run.individual,
        run.mutation,
        run.history,
        run.facts,
        run.genome,
        run.genome_bytes,
        run.lineage,
    ):
        with pytest.raises(RunError, match="no individual 3; it holds 3 individuals with ids from 0 to 2"):
            ask(3)


def test_lineage(writer: RunWriter, run: Run) -> None:
    for id, parent in [(0, None), (1, 0), (2, 0), (3, 1), (4, 3), (8, 7)]:
        writer.add_individual(individual(id, parent=parent), None)
    assert run.lineage(4)["id"].tolist() == [0, 1, 3, 4]
    assert run.lineage(4).index.tolist() == [0, 1, 2, 3]
    assert run.lineage(0)["id"].tolist() == [0]
    assert run.lineage(8)["id"].tolist() == [8], "the parent stayed in the run this one is a fork of"


def test_topologies_take_the_place_of_genomes_that_died_out(writer: RunWriter, run: Run, made: object) -> None:
    for id in range(4):
        writer.add_individual(individual(id), bytes([id]) * 100_000)
    writer.finish_generation(generation(0, (1,)), {2: b"\x07"})
    assert run.genome(2) == (7,)
    assert run.genome(1) == (1,) * 100_000
    assert run.individuals["genome"].tolist() == ["trained", "trained", "topology", "trained"]


def test_topologies_make_the_file_smaller(path: Path) -> None:
    sizes = []
    with create_run(path, DESCRIPTION) as writer:
        for id in range(4):
            writer.add_individual(individual(id), bytes(100_000))
    sizes.append(path.stat().st_size)
    with create_run(path, DESCRIPTION, if_exists="resume") as writer:
        writer.finish_generation(generation(0, (3,)), dict.fromkeys(range(3), b"topology"))
    sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0] - 290_000


def test_a_space_is_given_or_known_by_name(writer: RunWriter) -> None:
    writer.add_individual(individual(0), b"\x01")
    assert open_run(writer.path, StubSpace()).genome(0) == (1,)  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"its search space 'stub' is not known here; expected one of: .* space=\.\.\."):
        open_run(writer.path).genome(0)


def test_load_for_a_resume(writer: RunWriter, run: Run) -> None:
    for id, accuracy in enumerate([0.1, 0.9, 0.2, 0.3, 0.9, 0.4, 0.5, 0.6]):
        writer.add_individual(
            individual(id, accuracy, 100 if id == 1 else 1000, generation=min(id // 2, 2)), bytes([id])
        )
    assert set(run.load().genomes) == set(range(8)), "nothing is ranked yet"
    writer.finish_generation(generation(0, (0, 1)))
    writer.finish_generation(generation(1, (2,), (3,)), {2: b"topology"})
    memory = run.load(decode=tuple)
    assert memory.genomes == {id: bytes([id]) for id in (1, 3, 4, 5, 6, 7)}
    assert [one.id for one in memory.individuals] == list(range(8))
    assert [one.genome for one in memory.individuals] == [(id,) if id in memory.genomes else None for id in range(8)]
    assert all(one.genome is None for one in run.load().individuals)


def test_reading_while_writing(writer: RunWriter, run: Run) -> None:
    """A reader in another thread only ever sees whole individuals, and never fewer than before."""
    problems: list[str] = []
    done = threading.Event()

    def watch() -> None:
        seen = 0
        while not done.is_set():
            memory = run.load()
            if len(memory.individuals) < seen or len(memory.genomes) != len(memory.individuals):
                problems.append(f"{seen} then {len(memory.individuals)}, {len(memory.genomes)} genomes")
            seen = len(memory.individuals)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for id in range(60):
            writer.add_individual(individual(id), bytes(5000))
            assert len(run.individuals) == id + 1
    finally:
        done.set()
        watcher.join()
    assert problems == []


def test_writing_from_many_threads(writer: RunWriter, run: Run) -> None:
    def write(first: int) -> None:
        for id in range(first, 40, 4):
            writer.add_individual(individual(id), b"x")

    threads = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run.individuals["id"].tolist() == list(range(40))


def test_import_is_quick() -> None:
    code = "import sys, workbench.store; print({'pandas', 'torch', 'workbench.spaces'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DESCRIPTION.seed = 1  # type: ignore[misc]
