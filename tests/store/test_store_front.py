"""The front against the definition."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import DESCRIPTION, individual

from workbench.store import RunWriter, create_run, open_run
from workbench.store.rows import TABLE, front_frame, individuals_frame

ACCURACIES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
POINTS = st.lists(
    st.tuples(ACCURACIES, st.integers(1, 6), st.sampled_from(["ok", "failed"]))
    | st.tuples(st.just(math.nan), st.integers(1, 6), st.just("failed")),
    max_size=25,
)


def brute_force(points: list[tuple[float, int, str]]) -> list[int]:
    """Ids that no other individual dominates or, being equal, precedes; by FLOPs."""
    usable = {id: (a, f) for id, (a, f, status) in enumerate(points) if status == "ok" and not math.isnan(a)}

    def beaten(id: int, other: int) -> bool:
        (a, f), (other_a, other_f) = usable[id], usable[other]
        if (a, f) == (other_a, other_f):
            return other < id
        return other_a >= a and other_f <= f

    front = [id for id in usable if not any(beaten(id, other) for other in usable)]
    return sorted(front, key=lambda id: usable[id][1])


@given(POINTS)
def test_front_is_what_nothing_dominates(points: list[tuple[float, int, str]]) -> None:
    table = [
        (
            id,
            None,
            0,
            None,
            "initial",
            a,
            a,
            f,
            f,
            1,
            1,
            "0",
            0.0,
            status,
            None,
            None,
            "2025-01-01T00:00:00+00:00",
            None,
        )
        for id, (a, f, status) in reversed(list(enumerate(points)))
    ]
    frame = individuals_frame([dict(zip(TABLE.columns, row, strict=True)) for row in table], ())
    front = front_frame(frame)
    assert front["id"].tolist() == brute_force(points)
    assert front["flops"].dtype == "int64"
    assert set(frame["id"][frame["on_front"]]) == set(front["id"])


@settings(max_examples=5, deadline=None)
@given(POINTS)
def test_front_of_a_file(points: list[tuple[float, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with create_run(Path(folder) / "run.sqlite", DESCRIPTION) as writer:
            for id, (accuracy, flops, status) in enumerate(points):
                writer.add_individual(individual(id, accuracy, flops, status=status), None)
        assert open_run(writer.path).front()["id"].tolist() == brute_force(points)


def test_an_individual_without_cost_is_not_on_it(writer: RunWriter) -> None:
    writer.add_individual(individual(0, cost=None, status="failed"), None)
    assert len(open_run(writer.path).front()) == 0
