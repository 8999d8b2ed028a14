"""`workbench export`."""

from __future__ import annotations

import argparse


def run_export(arguments: argparse.Namespace) -> int:
    """Write one network of a run to a file."""
    from workbench.compiler.export import export_network
    from workbench.errors import ExportError
    from workbench.store import open_run

    run = open_run(arguments.run)
    if run.space_name != "neurons":
        raise ExportError(f"export expects a run of the space 'neurons', {arguments.run} is of {run.space_name!r}")
    front = run.front()
    if arguments.id is None and len(front) == 0:
        raise ExportError(f"{arguments.run} has no trained individual yet")
    individual = int(front["id"].iloc[int(front["val_accuracy"].argmax())]) if arguments.id is None else arguments.id
    genome = run.genome(individual)
    path = export_network(genome, arguments.path)
    print(f"Individual {individual}, {genome!r}: {path}")
    return 0
