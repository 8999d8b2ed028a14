"""The comparisons of docs/results.md: `python -m workbench.results --help`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.datasets import Dataset, is_own, load_dataset, load_own
from workbench.errors import WorkbenchError
from workbench.results.spaces import SpacesStudy, carry_out_spaces, comparable_spaces
from workbench.results.spaces_tables import spaces_tables
from workbench.results.study import STEPS, Study, carry_out, study_tables

DATA = {
    ("front", False): ("mnist", "cifar10"),
    ("front", True): ("digits", "mnist"),
    ("spaces", False): ("digits", "mnist", "cifar10"),
    ("spaces", True): ("digits",),
}
"""Data sets by study, and whether it is a quick one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out what is missing, print all tables; returns the exit status."""
    arguments = _parser().parse_args(argv)
    work = _spaces if arguments.study == "spaces" else _front
    try:
        for name in arguments.data or DATA[arguments.study, arguments.quick]:
            own = load_own(name) if is_own(name) else None
            print(work(arguments, name if own is None else own.name, own), end="\n\n", flush=True)
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _front(arguments: argparse.Namespace, name: str, own: Dataset | None) -> str:
    """The tables of one data set, after what is missing."""
    folder = _folder(arguments)
    study = Study.quick(name, folder) if arguments.quick else Study(name, arguments.preset, folder=folder)
    study = replace(study, workers=arguments.workers, longer_epochs=arguments.longer_epochs)
    if arguments.seeds:
        study = replace(study, seeds=tuple(arguments.seeds))
    if arguments.baselines:
        study = replace(study, baselines=tuple(arguments.baselines))
    if not arguments.tables:
        carry_out(study, own or load_dataset(name, arguments.root), tuple(arguments.step or STEPS), _say)
    return study_tables(study)


def _spaces(arguments: argparse.Namespace, name: str, own: Dataset | None) -> str:
    """As `_front`, of the study of spaces."""
    study = SpacesStudy(
        name,
        tuple(arguments.spaces or comparable_spaces()),
        tuple(arguments.seeds or ((0,) if arguments.quick else ())),
        10.0 if arguments.quick and arguments.seconds is None else arguments.seconds,
        _folder(arguments),
        arguments.workers,
    )
    if not arguments.tables:
        carry_out_spaces(study, own or load_dataset(name, arguments.root), _say)
    return spaces_tables(study.results_path)


def _folder(arguments: argparse.Namespace) -> Path:
    return Path(arguments.folder or ("data/results/quick" if arguments.quick else "data/results"))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workbench.results",
        description="Baselines, searches, random searches of equal budget, retrained fronts, a member trained "
        "for long, well-made baselines trained as long; or, with --study spaces, evolution and random search in each "
        "search space, all with the same processor seconds; then the tables. What is finished is kept and not done "
        "again, so a long study may be stopped at any time.",
    )
    study = "fronts against hand-made networks, or search spaces side by side (front)"
    parser.add_argument("--study", choices=("front", "spaces"), default="front", help=study)
    parser.add_argument("--quick", action="store_true", help="a small version that takes minutes")
    data = (
        "data sets (mnist cifar10; quick: digits mnist; spaces: digits, too), or your own: FILE.npz or MODULE:FUNCTION"
    )
    parser.add_argument("--data", nargs="+", metavar="NAME", help=data)
    parser.add_argument("--preset", default="best", help="of the searches (best)")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="seeds (0 1 2; spaces on cifar10: 0)")
    parser.add_argument("--baselines", nargs="+", metavar="NAME", help="only these hand-made networks")
    longer = "of the step longer (as many as the longest of our lineages)"
    parser.add_argument("--longer-epochs", type=int, metavar="N", help=longer)
    spaces = f"of the study of spaces: which ones ({' '.join(comparable_spaces())})"
    parser.add_argument("--spaces", nargs="+", metavar="NAME", help=spaces)
    parser.add_argument(
        "--seconds", type=float, metavar="N", help="of the study of spaces: processor seconds of each run"
    )
    parser.add_argument("--step", nargs="+", choices=STEPS, help="only these steps")
    parser.add_argument("--tables", action="store_true", help="only print the tables of what is there")
    parser.add_argument("--folder", metavar="FOLDER", help="of the results (data/results)")
    parser.add_argument("--root", metavar="FOLDER", help="where the data lie (else $WORKBENCH_DATA, else ./data)")
    parser.add_argument(
        "--workers", type=int, default=min(2, os.cpu_count() or 1), help="networks trained, or runs, at once (2)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
