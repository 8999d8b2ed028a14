"""A run as files for others: its tables as CSV, Parquet or for TensorBoard, and a small copy of the run itself."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from workbench.errors import ExportError, RunError
from workbench.space import DropsWeights, SearchSpace
from workbench.spaces import make_space
from workbench.store import Run, create_run, open_run


def write_csv(run: Run, path: str | os.PathLike[str]) -> int:
    """Write all individuals as CSV; returns how many.

    Raises:
        ExportError: if the file cannot be written.
    """
    individuals = run.individuals
    try:
        individuals.to_csv(path, index=False)
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from None
    return len(individuals)


def write_parquet(run: Run, path: str | os.PathLike[str]) -> int:
    """Write all individuals as Parquet, seeds as text (they may be of any size); returns how many.

    Raises:
        ExportError: if pyarrow is missing, or the file cannot be written.
    """
    _need("pyarrow", "parquet")
    individuals = run.individuals
    individuals["seed"] = individuals["seed"].map(str)
    try:
        individuals.to_parquet(path, engine="pyarrow", index=False)
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from None
    return len(individuals)


def write_tensorboard(run: Run, folder: str | os.PathLike[str]) -> Path:
    """Write a run's scalars as an event file for TensorBoard.

    Steps of `front/*` and `generation/*` are generations, those of `individual/*` ids (without those inserted by hand).

    Args:
        run: the run.
        folder: becomes one run in TensorBoard; name it after the run.

    Raises:
        ExportError: if tensorboard is missing, or the folder cannot be written.
    """
    _need("tensorboard", "tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    try:
        writer: Any = SummaryWriter(os.fspath(folder))
    except OSError as error:
        raise ExportError(f"cannot write into {folder}: {error.strerror or error}") from None
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


def compact_run(path: str | os.PathLike[str], to: str | os.PathLike[str], space: SearchSpace | None = None) -> Path:
    """Copy a finished run with all its individuals, but only with the networks that others will look at.

    Of the all-time front the trained networks are kept, of its ancestors the topologies, of the others no network. All
    records stay: mutations, accuracies, learning curves, generations, live changes; so the copy is the same run.

    Args:
        path: the run file.
        to: the new file.
        space: of the run, if it is none of `workbench.spaces`.

    Returns:
        The new file.

    Raises:
        RunError: if the run has not finished, or the new file exists or cannot be written.
    """
    run, to = open_run(path), Path(to).expanduser()
    if run.state != "finished":
        raise RunError(
            f"run file {path}: a run that is {run.state} would lack what it needs to go on; finish it first with: "
            f"workbench resume {path}"
        )
    if to.exists():
        raise RunError(f"run file {to}: it exists already; give the copy another file")
    genomes = _genomes(run, space or make_space(run.space_name, run.space_config))
    draft = to.with_name(f"{to.name}.compact")  # the copy appears whole or not at all
    draft.unlink(missing_ok=True)
    with create_run(draft, run.description) as writer:
        writer.copy_past(path, int(run.generations["generation"].max()), genomes)
        writer.copy_about(path)
    draft.rename(to)
    return to


def _genomes(run: Run, space: SearchSpace) -> dict[int, tuple[str, bytes] | None]:
    """What to keep in place of each stored genome; those of the front stay as they are."""
    front = [int(id) for id in run.front()["id"]]
    ancestors = {int(id) for member in front for id in run.lineage(member)["id"]}
    kept: dict[int, tuple[str, bytes] | None] = {}
    for id in map(int, run.individuals["id"]):
        blob = None if id in front else run.genome_bytes(id)
        if blob is not None and id not in ancestors:
            kept[id] = None
        elif blob is not None and isinstance(space, DropsWeights):
            kept[id] = ("topology", space.encode(space.without_weights(space.decode(blob))))
    return kept
