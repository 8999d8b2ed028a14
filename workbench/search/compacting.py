"""A small copy of a finished run, to be given to others."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import RunError
from workbench.space import DropsWeights, SearchSpace
from workbench.spaces import make_space
from workbench.store import Run, create_run, open_run


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
    draft = to.with_name(f"{to.name}.compact")  # whole or not there at all
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
