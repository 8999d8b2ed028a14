"""Arguments of the command line; each command's work is in a module of its own."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence

from workbench import __version__
from workbench.errors import WorkbenchError

EXAMPLES = """\
examples:
  workbench search --data digits --preset quick --path run.sqlite
  workbench search --data mnist --preset quick --path mnist.sqlite --seed 1 --set rates.add_edges=0.5
  workbench resume mnist.sqlite
  workbench fork mnist.sqlite --generation 2 --set rates.add_edges=0.5 --path b.sqlite
  workbench replay mnist.sqlite
  workbench compact mnist.sqlite --path small.sqlite
  workbench show mnist.sqlite --test --picture front.html
  workbench export mnist.sqlite --id 12 --path net.onnx
  workbench report mnist.sqlite --output report.html
  workbench latency mnist.sqlite
  workbench data
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. User errors are printed without a traceback, with status 2."""
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except WorkbenchError as error:
        from workbench.cli.tables import printable

        print(f"workbench: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        from workbench.executors import CHILD_THREAD

        print("workbench: interrupted; everything finished before is stored", file=sys.stderr, flush=True)
        if any(thread.name.startswith(CHILD_THREAD) for thread in threading.enumerate()):
            os._exit(130)  # before the interpreter takes itself apart under children in compiled code
        return 130
    except BrokenPipeError:  # piped into head, say
        sys.stderr.close()
        return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="workbench",
        description="Search neural networks designed neuron by neuron.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"workbench {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_search(commands)
    _add_resume(commands)
    _add_fork(commands)
    _add_compact(commands)
    _add_replay(commands)
    _add_show(commands)
    _add_export(commands)
    _add_report(commands)
    _add_latency(commands)
    _add_data(commands)
    return parser


def _command(commands: argparse._SubParsersAction, name: str, help: str, example: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_search(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.search import run_search
    from workbench.cli.workers import add_worker_arguments

    example = "workbench search --data mnist --preset quick --path run.sqlite --seed 0 --generations 5"
    parser = _command(commands, "search", "start a search and watch its progress", example)
    parser.add_argument("--data", default="digits", metavar="NAME", help="digits (bundled), mnist or cifar10")
    parser.add_argument("--root", metavar="FOLDER", help="where the data lie (else $WORKBENCH_DATA, else ./data)")
    parser.add_argument("--preset", default="quick", help="quick (minutes), paper (published) or best")
    parser.add_argument("--path", default="run.sqlite", metavar="FILE", help="the run file (run.sqlite)")
    parser.add_argument(
        "--if-exists", default="error", choices=["error", "resume", "new"], help="what to do if it exists"
    )
    parser.add_argument("--space", default="neurons", help="neurons, or mlp (dense MLPs by width, a control)")
    parser.add_argument("--seed", type=int, help="root of every random choice (0)")
    parser.add_argument(
        "--latency", action="store_true", help="predicted latency as a third objective; measures this machine first"
    )
    for name in ("population", "children", "generations"):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{name}, over the preset's")
    add_worker_arguments(parser)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any setting: train.epochs=3, rates.add_edges=0.5, rates.new_edges=0.1,0.2, survival=nsga2, "
        "initial.local=1",
    )
    _add_output_arguments(parser)
    parser.set_defaults(command=run_search)


def _add_resume(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.search import run_resume
    from workbench.cli.workers import add_worker_arguments

    parser = _command(commands, "resume", "go on with a stopped run", "workbench resume run.sqlite --generations 60")
    parser.add_argument("path", metavar="RUN", help="the run file")
    parser.add_argument("--root", metavar="FOLDER", help="where the data lie (else $WORKBENCH_DATA, else ./data)")
    parser.add_argument("--generations", type=int, metavar="N", help="make the run longer")
    add_worker_arguments(parser)
    _add_output_arguments(parser)
    parser.set_defaults(command=run_resume)


def _add_show(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.show import run_show

    example = "workbench show run.sqlite --test --picture front.html"
    parser = _command(commands, "show", "print a run's front as a table, and draw it", example)
    parser.add_argument("path", metavar="RUN", help="the run file; a search may be writing it")
    parser.add_argument("--test", action="store_true", help="add selection and test accuracy (loads the data)")
    parser.add_argument("--root", metavar="FOLDER", help="where the data lie (else $WORKBENCH_DATA, else ./data)")
    parser.add_argument("--picture", metavar="FILE", help="draw the front: .html, or with kaleido .png, .svg, .pdf")
    parser.add_argument("--follow", action="store_true", help="show it live until its search has ended")
    parser.add_argument("--csv", metavar="FILE", help="write all individuals as a table")
    parser.add_argument("--parquet", metavar="FILE", help="the same as Parquet (needs pyarrow)")
    parser.add_argument("--tensorboard", metavar="FOLDER", help="write scalars for TensorBoard (needs tensorboard)")
    parser.set_defaults(command=run_show)


def _add_fork(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.fork import run_fork
    from workbench.cli.workers import add_worker_arguments

    example = "workbench fork run.sqlite --generation 12 --set rates.add_edges=0.5 --path b.sqlite"
    parser = _command(commands, "fork", "branch a past state of a run off, and search on with other settings", example)
    parser.add_argument("run", metavar="RUN", help="the run file; a search may be writing it")
    parser.add_argument(
        "--generation", type=int, required=True, metavar="N", help="the finished generation after which it branches off"
    )
    parser.add_argument("--path", required=True, metavar="FILE", help="the run file of the fork")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what is to differ: rates.add_edges=0.5, train.epochs=3, population=30, survival=nsga2",
    )
    parser.add_argument("--seed", type=int, help="root of the random choices that follow (else as before)")
    parser.add_argument("--generations", type=int, metavar="N", help="generations in all (else as before)")
    parser.add_argument("--yes", action="store_true", help="train again without asking where weights were dropped")
    parser.add_argument("--only-write", action="store_true", help="write the fork, and do not search on")
    parser.add_argument("--root", metavar="FOLDER", help="where the data lie (else $WORKBENCH_DATA, else ./data)")
    add_worker_arguments(parser)
    _add_output_arguments(parser)
    parser.set_defaults(command=run_fork)


def _add_compact(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.compact import run_compact

    example = "workbench compact run.sqlite --path small.sqlite"
    text = "copy a finished run, with the networks of the front only, to give it to others"
    parser = _command(commands, "compact", text, example)
    parser.add_argument("run", metavar="RUN", help="the run file")
    parser.add_argument("--path", required=True, metavar="FILE", help="the file of the copy")
    parser.set_defaults(command=run_compact)


def _add_replay(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.replay import run_replay
    from workbench.cli.workers import add_worker_arguments

    example = "workbench replay run.sqlite --path copy.sqlite"
    parser = _command(commands, "replay", "make a run again and say whether it is the same, bit for bit", example)
    parser.add_argument("run", metavar="RUN", help="the run file")
    parser.add_argument("--path", metavar="FILE", help="where to keep the copy (else it is not kept)")
    parser.add_argument("--root", metavar="FOLDER", help="where the data lie (else $WORKBENCH_DATA, else ./data)")
    add_worker_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress line")
    parser.set_defaults(command=run_replay)


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="no progress line and no table")
    parser.add_argument("--log", metavar="FILE", help="append what happens as lines of JSON")


def _add_export(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.export import run_export

    example = "workbench export run.sqlite --id 12 --path net.pt2"
    parser = _command(commands, "export", "write a network to a file that runs without the workbench", example)
    parser.add_argument("run", metavar="RUN", help="the run file")
    parser.add_argument("--id", type=int, help="which individual; the most accurate of the front if left out")
    parser.add_argument(
        "--path", default="net.pt2", metavar="FILE", help=".pt2 (torch.export), .onnx, or .npz (genome)"
    )
    parser.set_defaults(command=run_export)


def _add_report(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.report import run_report

    example = "workbench report run.sqlite --with other-seed.sqlite --output report.html"
    parser = _command(commands, "report", "write all about a run into one page that needs nothing else", example)
    parser.add_argument("run", metavar="RUN", help="the run file")
    parser.add_argument(
        "--with",
        dest="others",
        action="append",
        default=[],
        metavar="RUN",
        help="another run to lay beside it, such as another seed or a random search; may be given several times",
    )
    parser.add_argument("--output", default="report.html", metavar="FILE", help="the page (report.html)")
    parser.add_argument("--results", metavar="FOLDER", help="where baselines and retraining were stored (data/results)")
    parser.add_argument("--members", type=int, default=6, metavar="N", help="networks shown in pictures (6)")
    parser.add_argument("--no-test", action="store_true", help="leave the test set alone")
    parser.add_argument("--root", "--data-root", metavar="FOLDER", help="where the data lie")
    parser.set_defaults(command=run_report)


def _add_latency(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.latency import run_latency

    example = "workbench latency run.sqlite --members 4 --batch 1 --batch 128"
    parser = _command(commands, "latency", "time the front and hand-made networks on every backend", example)
    parser.add_argument("run", metavar="RUN", help="the run file")
    parser.add_argument("--members", type=int, default=4, metavar="N", help="members of the front (4)")
    parser.add_argument("--batch", type=int, action="append", metavar="N", help="images per answer (1 and 128)")
    parser.add_argument("--csv", metavar="FILE", help="write the measurements as a table")
    parser.add_argument("--root", "--data-root", metavar="FOLDER", help="where the data lie")
    parser.set_defaults(command=run_latency)


def _add_data(commands: argparse._SubParsersAction) -> None:
    from workbench.cli.data import run_data

    parser = _command(commands, "data", "say which data sets are found where", "workbench data --root /path/to/data")
    parser.add_argument("--root", metavar="FOLDER", help="where to look (else $WORKBENCH_DATA, else ./data)")
    parser.set_defaults(command=run_data)
