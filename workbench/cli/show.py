"""`workbench show`."""

from __future__ import annotations

import argparse


def run_show(arguments: argparse.Namespace) -> int:
    """Print the front of a run, and write what was asked for."""
    from workbench.cli.tables import print_table
    from workbench.datasets import load_dataset
    from workbench.search.exports import write_csv, write_parquet, write_tensorboard
    from workbench.search.report import front_table
    from workbench.store import open_run

    run = open_run(arguments.path)
    if arguments.follow:
        from workbench.cli.follow import follow

        follow(arguments.path)
    individuals = run.individuals
    counts = individuals["status"].value_counts()
    print(
        f"{arguments.path}: {run.dataset['name']}, space {run.space_name}, seed {run.seed}, {run.state}; "
        f"{len(run.generations)} generations ranked, {counts.get('ok', 0)} individuals trained, "
        f"{counts.get('failed', 0)} failed"
    )
    if len(run.front()) == 0:
        print("No individual has finished yet.")
        return 0
    data = load_dataset(run.dataset["name"], arguments.root) if arguments.test else None
    print_table(front_table(run, data, test=arguments.test), "The all-time front")
    for path, write in ((arguments.csv, write_csv), (arguments.parquet, write_parquet)):
        if path:
            print(f"{write(run, path)} individuals: {path}")
    if arguments.tensorboard:
        print(f"Scalars for TensorBoard: {write_tensorboard(run, arguments.tensorboard)}")
    if arguments.picture:
        from workbench.plots import front_figure, save_picture

        print(f"Picture: {save_picture(front_figure(run), arguments.picture)}")
    return 0
