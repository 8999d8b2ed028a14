"""`workbench report`."""

from __future__ import annotations

import argparse
from pathlib import Path


def run_report(arguments: argparse.Namespace) -> int:
    """Write the page."""
    from workbench.datasets import load_dataset
    from workbench.results.report import ReportSources, write_report
    from workbench.store import open_run

    run = open_run(arguments.run)
    sources = ReportSources(
        run=run,
        data=load_dataset(run.dataset["name"], arguments.root),
        others=tuple(open_run(path) for path in arguments.others),
        results=Path(arguments.results or "data/results"),
    )
    path = write_report(sources, arguments.output, members=arguments.members, test=not arguments.no_test)
    print(f"Report: {path}")
    return 0
