"""The tables of a run: its front with honest accuracies, and all individuals as CSV, Parquet or for TensorBoard."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ExportError, RunError
from workbench.objectives import ACCURACY, undominated
from workbench.outputs import output_file, writing
from workbench.spaces import make_space
from workbench.store import Run

if TYPE_CHECKING:
    import pandas as pd


def front_table(run: Run, data: Dataset | None = None, *, test: bool = True) -> pd.DataFrame:
    """The all-time front by rising FLOPs, with accuracies on the splits that evolution did not see.

    Args:
        run: the run.
        data: its data set; without it only what the run stored is shown.
        test: whether to test. Only members that no other matches on the *selection* split at no higher costs are
            tested, the others stay NaN: the test set is touched for those that the selection split chose.

    Returns:
        Columns id, generation, mutation, flops, flops_total, parameters, summary, val_accuracy, latency_us if it is an
        objective and, with data, selection_accuracy and test_accuracy.

    Raises:
        RunError: if the run was made with other data, or with other splits of them.
    """
    if data is not None and data.fingerprint != run.dataset["fingerprint"]:
        raise RunError(f"{run.path} was made with other data ({run.dataset['name']}); pass the same data set")
    front = run.front().reset_index(drop=True)
    facts = [run.facts(int(id)) for id in front["id"]]
    front["summary"] = [str(each.get("summary", each.get("layers", ""))) for each in facts]  # "layers": in older files
    shown = ["id", "generation", "mutation", "flops", "flops_total", "parameters", "summary", "val_accuracy"]
    front = front[[*shown, *(one.column for one in run.objectives if one.column not in shown)]]
    if data is None:
        return front
    space = make_space(run.space_name, run.space_config)
    genomes = [run.genome(int(id)) for id in front["id"]]
    front = front.assign(selection_accuracy=[space.evaluate(genome, data, "selection") for genome in genomes])
    tested = _chosen(run, front) if test else []
    accuracies = {place: space.evaluate(genomes[place], data, "test") for place in tested}
    return front.assign(test_accuracy=[accuracies.get(place, float("nan")) for place in range(len(genomes))])


def _chosen(run: Run, front: pd.DataFrame) -> list[int]:
    """Places of the members that no other dominates in the run's objectives, with accuracy on the selection split."""
    values = [
        front["selection_accuracy" if one == ACCURACY else one.column].astype(float).tolist() for one in run.objectives
    ]
    return sorted(undominated(values, front["id"].tolist(), run.objectives))


def chosen_members(run: Run, data: Dataset, most: int | None = None) -> pd.DataFrame:
    """Members of the front that no other matches on the selection split at no higher costs; nothing is tested.

    At most `most` of them, evenly spread over the logarithm of FLOPs, the smallest and the largest among them. Columns
    and errors are those of `front_table`, without `test_accuracy`.
    """
    table = front_table(run, data, test=False).drop(columns="test_accuracy")
    table = table.iloc[_chosen(run, table)].reset_index(drop=True)
    if most is None or len(table) <= most:
        return table
    place = np.log(table["flops"].to_numpy(float))
    wanted = np.linspace(place[0], place[-1], most) if most > 1 else place[-1:]
    nearest = np.unique(np.abs(place[:, None] - wanted).argmin(axis=0))
    return table.iloc[nearest].reset_index(drop=True)


# ---------------------------------------------------------------- files for others
def write_csv(run: Run, path: str | os.PathLike[str]) -> int:
    """Write all individuals as CSV; returns how many."""
    individuals = run.individuals
    with output_file(path) as part:
        individuals.to_csv(part, index=False)
    return len(individuals)


def write_parquet(run: Run, path: str | os.PathLike[str]) -> int:
    """Write all individuals as Parquet, seeds as text (they may be of any size); returns how many."""
    _need("pyarrow", "parquet")
    individuals = run.individuals
    individuals["seed"] = individuals["seed"].map(str)
    with output_file(path) as part:
        individuals.to_parquet(part, engine="pyarrow", index=False)
    return len(individuals)


def write_tensorboard(run: Run, folder: str | os.PathLike[str]) -> Path:
    """Write a run's scalars as an event file for TensorBoard.

    Steps of `front/*` and `generation/*` are generations, those of `individual/*` ids (without those inserted by hand).
    The folder becomes one run in TensorBoard, so name it after the run.
    """
    _need("tensorboard", "tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    with writing(f"into {folder}"):
        writer: Any = SummaryWriter(os.fspath(folder))
    with writer:
        generations: Any = run.generations
        for row in generations.itertuples(index=False):
            time = row.finished_at.timestamp()
            scalars = {
                "front/hypervolume": row.hypervolume,
                "front/best_val_accuracy": row.best_accuracy,
                "front/size": len(row.front),
                "generation/failed": row.n_failed,
                "generation/epochs": row.epochs,
                "generation/wall_seconds": row.wall_seconds,
            }
            for name, value in scalars.items():
                writer.add_scalar(name, value, row.generation, walltime=time)
        table: Any = run.individuals
        for row in table[(table["status"] == "ok") & (table["origin"] != "by hand")].itertuples(index=False):
            time = row.finished_at.timestamp()
            for name in ("val_accuracy", "flops", "wall_seconds"):
                writer.add_scalar(f"individual/{name}", float(getattr(row, name)), row.id, walltime=time)
    return Path(folder)


def _need(package: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ExportError(f"this needs {package}; install it with: pip install 'neuron-workbench[{extra}]'")
