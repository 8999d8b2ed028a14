"""The commands that look at runs and data: `compact`, `show`, `export`, `report`, `compare`, `latency` and `data`."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import Any, cast

import numpy as np

from workbench.baselines import baseline, suite
from workbench.cli.command import IMAGES, OWN_DATA, ROOT, RUN, InputFile, OutputFile, command, data_for, flag, option
from workbench.cli.tables import follow, print_table
from workbench.datasets import FORMS, SPLITS, find_datasets, load_dataset
from workbench.errors import RunError
from workbench.outputs import output_file
from workbench.search import compact_run, open_run, preset
from workbench.search.report import chosen_members, front_table, write_csv, write_parquet, write_tensorboard
from workbench.space import Exports, SearchSpace, Times, lacks, write_network
from workbench.spaces import make_space
from workbench.store import Run

DATA_ROOT = option("--root", "--data-root", metavar="FOLDER", help="where the data lie")


@command(
    "run.sqlite --path small.sqlite", RUN, option("--path", required=True, metavar="FILE", help="the file of the copy")
)
def compact(arguments: argparse.Namespace) -> int:
    """Write a small copy of a finished run, with the networks of the front only, to give to others."""
    path = compact_run(arguments.run, arguments.path)
    before, after = (os.path.getsize(file) / 1e6 for file in (arguments.run, path))
    print(f"{path}: {after:.1f} MB of {before:.1f} MB; all individuals, and the networks of the front")
    return 0


@command(
    "run.sqlite --test --picture front.html",
    RUN,
    flag("--test", "add selection and test accuracy (loads the data)"),
    OWN_DATA,
    ROOT,
    option(
        "--picture", type=OutputFile, metavar="FILE", help="draw the front: .html, or with kaleido .png, .svg, .pdf"
    ),
    flag("--follow", "show it live until its search has ended"),
    option("--csv", type=OutputFile, metavar="FILE", help="write all individuals as a table"),
    option("--parquet", type=OutputFile, metavar="FILE", help="the same as Parquet (needs pyarrow)"),
    option("--tensorboard", metavar="FOLDER", help="write scalars for TensorBoard (needs tensorboard)"),
)
def show(arguments: argparse.Namespace) -> int:
    """Print a run's front as a table, and draw it."""
    run = open_run(arguments.run)
    if arguments.follow:
        follow(arguments.run)
    counts = run.individuals["status"].value_counts()
    print(
        f"{arguments.run}: {run.dataset['name']}, space {run.space_name}, seed {run.seed}, {run.state}; "
        f"{len(run.generations)} generations ranked, {counts.get('ok', 0)} individuals trained, "
        f"{counts.get('failed', 0)} failed"
    )
    if len(run.front()) == 0:
        print("No individual has finished yet.")
        return 0
    data = data_for(run, arguments) if arguments.test else None
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


@command(
    "run.sqlite --id 12 --path net.pt2",
    RUN,
    option("--id", type=int, help="which individual; the most accurate of the front if left out"),
    option(
        "--path",
        type=OutputFile,
        metavar="FILE",
        help="what the run's space writes: .pt2 (torch.export), .onnx, .py (a program, in NumPy) or .npz (genome); "
        "if left out, net with the first ending that it has",
    ),
    flag("--raw", "the network takes raw images, such as uint8, and centres and scales them itself (needs the data)"),
    OWN_DATA,
    ROOT,
)
def export(arguments: argparse.Namespace) -> int:
    """Write a network to a file that runs without the workbench."""
    from workbench.views.base.source import Source

    run, space = _run_and_space(arguments.run, Exports)
    front = run.front()
    individual = int(front["id"].iloc[int(front["val_accuracy"].argmax())]) if arguments.id is None else arguments.id
    genome = run.genome(individual)
    given = arguments.raw or arguments.data is not None
    data = data_for(run, arguments) if given else Source(run).data
    name = arguments.path or f"net{cast(Exports, space).formats[0]}"
    path = write_network(space, genome, name, data, raw=arguments.raw)
    print(f"Individual {individual}, {space.describe(genome).get('summary', space.name)}: {path}")
    if data is None and path.suffix != ".npz":
        print("Without mean, deviation and class names: the data set was not found; --root or --data says where it is")
    return 0


@command(
    "run.sqlite --with other-seed.sqlite --output report.html",
    RUN,
    option(
        "--with",
        dest="others",
        action="append",
        default=[],
        type=InputFile,
        metavar="RUN",
        help="another run to compare with, such as another seed or a random search; may be given several times",
    ),
    option("--output", type=OutputFile, default="report.html", metavar="FILE", help="the page (report.html)"),
    option("--results", metavar="FOLDER", help="where baselines and retraining were stored (data/results)"),
    option("--members", type=int, default=6, metavar="N", help="networks shown in pictures (6)"),
    flag("--no-test", "leave the test set alone"),
    OWN_DATA,
    DATA_ROOT,
)
def report(arguments: argparse.Namespace) -> int:
    """Write a report of a run as one self-contained page."""
    from workbench.results import report

    path = report.report(
        arguments.run,
        arguments.output,
        data_for(open_run(arguments.run), arguments),
        others=arguments.others,
        results=arguments.results or "data/results",
        members=arguments.members,
        test=not arguments.no_test,
    )
    print(f"Report: {path}")
    return 0


@command(
    "a.sqlite b.sqlite --picture compared.html",
    option("runs", nargs="+", type=InputFile, metavar="RUN", help="run files of one data set, of whatever spaces"),
    option("--picture", type=OutputFile, metavar="FILE", help="draw it: .html, or with kaleido .png, .svg, .pdf"),
)
def compare(arguments: argparse.Namespace) -> int:
    """Compare runs, at equal training and at equal time.

    Runs that differ only in seed or length form a group.
    """
    from workbench.plots import comparison, comparison_figure, rank_table, reached_table, save_picture

    stems = [Path(path).stem for path in arguments.runs]
    names = [stem if stems.count(stem) == 1 else str(path) for stem, path in zip(stems, arguments.runs, strict=True)]
    found = comparison(dict(zip(names, map(open_run, arguments.runs), strict=True)))
    print_table(reached_table(found), "The most accurate network of each run, where all have spent the same")
    if len(found.groups) > 1:
        print_table(rank_table(found), "Rank tests of the hypervolumes there")
    if arguments.picture:
        print(f"Picture: {save_picture(comparison_figure(found), arguments.picture)}")
    return 0


@command(
    "run.sqlite --members 4 --batch 1 --batch 128",
    RUN,
    option("--members", type=int, default=4, metavar="N", help="members of the front (4)"),
    option("--batch", type=int, action="append", metavar="N", help="images per answer (1 and 128)"),
    option("--csv", type=OutputFile, metavar="FILE", help="write the measurements as a table"),
    OWN_DATA,
    DATA_ROOT,
)
def latency(arguments: argparse.Namespace) -> int:
    """Time the front and hand-made networks on every backend."""
    from workbench.results import latency

    run, space = _run_and_space(arguments.run, Times)
    data = data_for(run, arguments)
    members = map(int, chosen_members(run, data, arguments.members)["id"])
    subjects = [latency.subject_of_genome(f"individual {id}", run.genome(id), space) for id in members]
    for each in map(baseline, suite(data.name, data.shape)):
        if not each.sparsities:
            subjects.append(latency.subject_of_baseline(each, data))
    measured = latency.measure_latency(subjects, tuple(arguments.batch or latency.BATCHES))
    table = latency.latency_table(measured).round(3)
    print_table(table, f"{data.name}: median milliseconds for ×N images, one thread")
    if arguments.csv:
        with output_file(arguments.csv) as part:
            measured.to_csv(part, index=False)
    return 0


@command(
    "photos --size 28",
    option("name", nargs="?", metavar="DATA", help="what to prepare, as search takes it; all data sets if left out"),
    *IMAGES,
    ROOT,
)
def data(arguments: argparse.Namespace) -> int:
    """List the data sets and where they are found, or prepare one: download it, or decode your own images.

    Of one, its classes, splits and the settings that are derived from it are shown.
    """
    import pandas as pd

    if arguments.name is not None:
        return _prepare(arguments)
    found = find_datasets(arguments.root)
    rows = [(one.name, one.status, one.layout or "", "\n".join(map(str, one.paths)), one.description) for one in found]
    table = pd.DataFrame(rows, columns=["name", "status", "layout", "where", "description"])
    print_table(table.loc[:, (table != "").any()], "Data sets")
    if any(one.status == "missing" for one in found):
        print("A missing data set is downloaded when it is first used, or can be put into the folder above.")
    print(f"Your own: --data takes {'; '.join(FORMS)}.")
    return 0


def _prepare(arguments: argparse.Namespace) -> int:
    import pandas as pd

    made = load_dataset(arguments.name, arguments.root, size=arguments.size, colour=arguments.colour)
    counts = {split: np.bincount(made.labels(split), minlength=made.n_classes) for split in SPLITS}
    print(repr(made).strip("<>"))
    print_table(pd.DataFrame({"class": made.class_names, **counts}), "Images of each class")
    print(preset("quick", made).about)
    print(f"Search with: workbench search --data {shlex.quote(arguments.name)}{_images_as_given(arguments)}")
    return 0


def _images_as_given(arguments: argparse.Namespace) -> str:
    size = "" if arguments.size is None else f" --size {'x'.join(map(str, arguments.size))}"
    return size + ("" if arguments.colour is None else f" --colour {arguments.colour}")


def _run_and_space(path: str, protocol: type[Any]) -> tuple[Run, SearchSpace]:
    """A run that has a front, and its space, which offers a protocol; else `RunError`."""
    run = open_run(path)
    space = make_space(run.space_name, run.space_config)
    if missing := lacks(space, protocol):
        raise RunError(f"{path}: {missing}")
    if len(run.front()) == 0:
        raise RunError(f"{path} has no trained individual yet")
    return run, space
