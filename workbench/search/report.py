"""The front of a run with honest accuracies: chosen on the selection split, then tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.spaces import make_space
from workbench.store import Run

if TYPE_CHECKING:
    import pandas as pd


def front_table(run: Run, data: Dataset | None = None, *, test: bool = True) -> pd.DataFrame:
    """The all-time front by rising FLOPs, with accuracies on the splits that evolution did not see.

    Args:
        run: the run.
        data: its data set; without it only what the run stored is shown.
        test: whether to test. Only members that no smaller one matches on the *selection* split are tested, the others
            stay NaN: the test set is touched for those that the selection split chose, and for no other.

    Returns:
        Columns id, generation, mutation, flops, flops_total, parameters, layers, val_accuracy, in a run with a latency
        model latency_us (predicted) and, with data, selection_accuracy and test_accuracy.

    Raises:
        RunError: if the run was made with other data, or with other splits of them.
    """
    if data is not None and data.fingerprint != run.dataset["fingerprint"]:
        raise RunError(f"{run.path} was made with other data ({run.dataset['name']}); pass the same data set")
    front = run.front().reset_index(drop=True)
    front["layers"] = [run.facts(int(id)).get("layers", "") for id in front["id"]]
    shown = ["id", "generation", "mutation", "flops", "flops_total", "parameters", "layers", "val_accuracy"]
    front = front[[*shown, *(name for name in ("latency_us",) if name in front)]]
    if data is None:
        return front
    space = make_space(run.space_name, run.space_config)
    best = float("-inf")
    selection, tested = [], []
    for id in front["id"]:
        genome = run.genome(int(id))
        chosen = space.evaluate(genome, data, "selection")
        selection.append(chosen)
        tested.append(space.evaluate(genome, data, "test") if test and chosen > best else float("nan"))
        best = max(best, chosen)
    return front.assign(selection_accuracy=selection, test_accuracy=tested)


def chosen_members(run: Run, data: Dataset, most: int | None = None) -> pd.DataFrame:
    """Members of the front that no smaller one matches on the selection split, by rising FLOPs; nothing is tested.

    Args:
        run: the run.
        data: its data set.
        most: of them, evenly spread over the logarithm of FLOPs, the smallest and the largest among them; all if None.

    Returns:
        As `front_table`, without `test_accuracy`.

    Raises:
        RunError: if the run was made with other data.
    """
    table = front_table(run, data, test=False).drop(columns="test_accuracy")
    before = table["selection_accuracy"].cummax().shift(fill_value=float("-inf"))
    table = table[table["selection_accuracy"] > before].reset_index(drop=True)
    if most is None or len(table) <= most:
        return table
    place = np.log(table["flops"].to_numpy(float))
    wanted = np.linspace(place[0], place[-1], most) if most > 1 else place[-1:]
    nearest = np.unique(np.abs(place[:, None] - wanted).argmin(axis=0))
    return table.iloc[nearest].reset_index(drop=True)
