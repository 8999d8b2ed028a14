"""The comparisons of docs/results.md: `python -m workbench.results --help`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from workbench.datasets import is_own, load_dataset, load_own
from workbench.errors import WorkbenchError
from workbench.results.study import STEPS, Study, carry_out, study_tables


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out what is missing, print all tables; returns the exit status."""
    arguments = _parser().parse_args(argv)
    names = arguments.data or (["digits", "mnist"] if arguments.quick else ["mnist", "cifar10"])
    folder = Path(arguments.folder or ("data/results/quick" if arguments.quick else "data/results"))
    try:
        for name in names:
            own = load_own(name) if is_own(name) else None
            name = name if own is None else own.name
            study = Study.quick(name, folder) if arguments.quick else Study(name, arguments.preset, folder=folder)
            study = replace(study, workers=arguments.workers)
            if arguments.seeds:
                study = replace(study, seeds=tuple(arguments.seeds))
            if not arguments.tables:
                data, say = own or load_dataset(name, arguments.root), partial(print, file=sys.stderr, flush=True)
                carry_out(study, data, tuple(arguments.step or STEPS), say)
            print(study_tables(study), end="\n\n", flush=True)
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workbench.results",
        description="Baselines, searches, random searches of equal budget, retrained fronts, a member trained "
        "for long; then the tables. What is finished is kept and not done again, so a long study may be stopped at "
        "any time.",
    )
    parser.add_argument("--quick", action="store_true", help="a small version that takes minutes")
    data = "data sets (mnist cifar10; quick: digits mnist), or your own: FILE.npz or MODULE:FUNCTION"
    parser.add_argument("--data", nargs="+", metavar="NAME", help=data)
    parser.add_argument("--preset", default="best", help="of the searches (best)")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="seeds (0 1 2)")
    parser.add_argument("--step", nargs="+", choices=STEPS, help="only these steps")
    parser.add_argument("--tables", action="store_true", help="only print the tables of what is there")
    parser.add_argument("--folder", metavar="FOLDER", help="of the results (data/results)")
    parser.add_argument("--root", metavar="FOLDER", help="where the data lie (else $WORKBENCH_DATA, else ./data)")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="networks trained at once (2)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
