"""`workbench latency`."""

from __future__ import annotations

import argparse


def run_latency(arguments: argparse.Namespace) -> int:
    """Time the front of a run and the hand-made networks of its data set."""
    from workbench.baselines import SUITES, baseline
    from workbench.cli.tables import print_table
    from workbench.datasets import load_dataset
    from workbench.errors import ExportError, RunError
    from workbench.results.latency import (
        BATCHES,
        latency_table,
        measure_latency,
        subjects_of_baseline,
        subjects_of_genome,
    )
    from workbench.search.report import chosen_members
    from workbench.store import open_run

    run = open_run(arguments.run)
    if run.space_name != "neurons":
        raise RunError(f"latency expects a run of the space 'neurons', {arguments.run} is of {run.space_name!r}")
    if len(run.front()) == 0:
        raise RunError(f"{arguments.run} has no trained individual yet")
    data = load_dataset(run.dataset["name"], arguments.root)
    members = [int(id) for id in chosen_members(run, data, arguments.members)["id"]]
    subjects = [subject for id in members for subject in subjects_of_genome(f"individual {id}", run.genome(id), data)]
    suite = [baseline(name) for name in SUITES.get(data.name, ())]
    subjects += [subject for one in suite if not one.sparsities for subject in subjects_of_baseline(one, data)]
    measured = measure_latency(subjects, tuple(arguments.batch or BATCHES))
    print_table(latency_table(measured).round(3), f"{data.name}: median milliseconds for ×N images, one thread")
    if arguments.csv:
        try:
            measured.to_csv(arguments.csv, index=False)
        except OSError as error:
            raise ExportError(f"cannot write {arguments.csv}: {error.strerror or error}") from None
    return 0
