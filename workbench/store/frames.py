"""Rows of a run as pandas tables; nothing here touches a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from workbench.objectives import LATENCY, TWO, Objective, undominated
from workbench.store.records import Event, GenerationRecord

if TYPE_CHECKING:
    import pandas as pd

# Columns of the table of individuals in order, each with its type; integers may be missing in failed ones.
INDIVIDUAL_TYPES = {
    "id": "int64",
    "parent": "Int64",
    "generation": "int64",
    "mutation": "object",
    "origin": "object",
    "val_accuracy": "float64",
    "initial_val_accuracy": "float64",
    "flops": "Int64",
    "flops_total": "Int64",
    "parameters": "Int64",
    "epochs": "Int64",
    "seed": "object",
    "wall_seconds": "float64",
    "status": "object",
    "failure": "object",
    "genome": "object",
    "finished_at": "object",
    "latency_us": "float64",
}


def individuals_frame(
    rows: Sequence[Sequence[Any]], alive: Collection[int], objectives: Sequence[Objective] = TWO
) -> pd.DataFrame:
    """The table of individuals from rows in the order of `INDIVIDUAL_TYPES`; latency is left out if no objective."""
    import pandas as pd

    columns = list(zip(*rows, strict=True)) or [()] * len(INDIVIDUAL_TYPES)
    typed = zip(INDIVIDUAL_TYPES.items(), columns, strict=True)
    frame = pd.DataFrame({name: pd.Series(list(values), dtype=kind) for (name, kind), values in typed})
    if LATENCY not in objectives:
        frame = frame.drop(columns=LATENCY.column)
    frame["finished_at"] = pd.to_datetime(frame["finished_at"], utc=True, format="ISO8601")
    frame["alive"] = frame["id"].isin(list(alive))
    frame["on_front"] = frame["id"].isin(front_frame(frame, objectives)["id"])
    return frame


def front_frame(individuals: pd.DataFrame, objectives: Sequence[Objective] = TWO) -> pd.DataFrame:
    """The Pareto front of the table of individuals, by rising FLOPs; of those equal in all objectives the lowest id."""
    usable = (individuals["status"] == "ok") & individuals["val_accuracy"].notna() & individuals["flops"].notna()
    frame = individuals[usable].astype({"flops": "int64", "flops_total": "int64", "parameters": "int64"})
    values = [frame[objective.column].tolist() for objective in objectives]
    front = frame.iloc[undominated(values, frame["id"].tolist(), objectives)]
    return front.sort_values("flops", kind="stable").reset_index(drop=True)


def generations_frame(records: Sequence[GenerationRecord], finished_at: Sequence[str]) -> pd.DataFrame:
    """The table of generations: the fields of `GenerationRecord`, and `finished_at`."""
    import pandas as pd

    integers = ("generation", "n_evaluated", "n_failed", "epochs")
    lists = ("population", "front")
    frame = pd.DataFrame(
        {
            name: pd.Series(
                [list(value) if name in lists else value for value in (getattr(r, name) for r in records)],
                dtype="int64" if name in integers else "object" if name in lists else "float64",
            )
            for name in GenerationRecord.__dataclass_fields__
        }
    )
    frame["finished_at"] = pd.to_datetime(pd.Series(list(finished_at), dtype="object"), utc=True, format="ISO8601")
    return frame


def events_frame(events: Sequence[Event]) -> pd.DataFrame:
    """The table of events: the fields of `Event`; `values` are dictionaries."""
    import pandas as pd

    kinds = {"sequence": "int64", "from_child": "int64", "generation": "Int64"}
    frame = pd.DataFrame(
        {
            name: pd.Series([getattr(event, name) for event in events], dtype=kinds.get(name, "object"))
            for name in Event.__dataclass_fields__
        }
    )
    frame["time"] = pd.to_datetime(frame["time"], utc=True, format="ISO8601")
    return frame
