"""The tables of a run as files for others: CSV, Parquet, or scalars for TensorBoard."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.errors import ExportError
from workbench.store import Run


def write_csv(run: Run, path: str | os.PathLike[str]) -> int:
    """Write all individuals as CSV; returns how many.

    Raises:
        ExportError: if the file cannot be written.
    """
    individuals = run.individuals
    with _writing(path):
        individuals.to_csv(path, index=False)
    return len(individuals)


def write_parquet(run: Run, path: str | os.PathLike[str]) -> int:
    """Write all individuals as Parquet, seeds as text (they may be of any size); returns how many.

    Raises:
        ExportError: if pyarrow is missing, or the file cannot be written.
    """
    _need("pyarrow", "parquet")
    individuals = run.individuals
    individuals["seed"] = individuals["seed"].map(str)
    with _writing(path):
        individuals.to_parquet(path, engine="pyarrow", index=False)
    return len(individuals)


def write_tensorboard(run: Run, folder: str | os.PathLike[str]) -> Path:
    """Write a run's scalars as an event file for TensorBoard.

    Steps of `front/*` and `generation/*` are generations, those of `individual/*` ids (without those inserted by hand).
    The folder becomes one run in TensorBoard, so name it after the run.

    Raises:
        ExportError: if tensorboard is missing, or the folder cannot be written.
    """
    _need("tensorboard", "tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    with _writing(f"into {folder}"):
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


@contextlib.contextmanager
def _writing(place: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportError(f"cannot write {place}: {error.strerror or error}") from None


def _need(package: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ExportError(f"this needs {package}; install it with: pip install 'neuron-workbench[{extra}]'")
