"""`workbench data`."""

from __future__ import annotations

import argparse


def run_data(arguments: argparse.Namespace) -> int:
    """Say what is found where."""
    import pandas as pd

    from workbench.cli.tables import print_table
    from workbench.datasets import find_datasets

    rows = [
        {
            "name": found.name,
            "status": found.status,
            "layout": found.layout or "",
            "where": "\n".join(str(path) for path in found.paths),
            "description": found.description,
        }
        for found in find_datasets(arguments.root)
    ]
    print_table(pd.DataFrame(rows), "Data sets")
    if any(row["status"] == "missing" for row in rows):
        print("A missing one is downloaded when it is first used; or put it into one of the folders above.")
    return 0
