"""The command line: all commands, and what becomes of their errors."""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workbench import __version__
from workbench.cli import lab, runs, search
from workbench.cli.command import check_files
from workbench.cli.tables import discard, printable
from workbench.errors import WorkbenchError
from workbench.executors import CHILD_THREAD

COMMANDS = (
    *(search.search, search.resume, search.fork, search.replay),
    *(lab.lab, runs.compact, runs.show, runs.export, runs.report, runs.compare, runs.latency, runs.data),
)

UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""Errors of an output that nobody takes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. User errors are printed without a traceback, with status 2."""
    try:
        return _run(argv)
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:  # nobody takes it
                discard(stream)


def _run(argv: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows "?"
    arguments = build_parser().parse_args(argv)
    try:
        with _interrupted_by_sigterm():
            check_files(arguments)
            status = arguments.command(arguments)
            sys.stdout.flush()
            return status
    except WorkbenchError as error:
        print(f"workbench: {printable(_in_options(str(error), arguments))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("workbench: interrupted; everything finished before is stored", file=sys.stderr, flush=True)
        if any(thread.name.startswith(CHILD_THREAD) for thread in threading.enumerate()):
            os._exit(130)  # the interpreter must not shut down while children run in compiled code
        return 130
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        discard(sys.stdout)
        if isinstance(error, BrokenPipeError):  # piped into head, say
            return 0
        print(f"workbench: the output cannot be written: {error.strerror}", file=sys.stderr)
        return 1


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Within, SIGTERM is what Ctrl-C is: files are closed and locks released."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _in_options(message: str, arguments: argparse.Namespace) -> str:
    """A message for Python in words of the command line: if_exists='new' is --if-exists new."""

    def option(found: re.Match[str]) -> str:
        name, _, value = found.groups()
        return f"--{name.replace('_', '-')} {value}" if name in vars(arguments) else found[0]

    return re.sub(r"\b([a-z_]+)=(['\"]?)([\w.-]+)\2", option, message)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    examples = "\n".join(f"  {command.example}" for command in COMMANDS)
    parser = argparse.ArgumentParser(
        prog="workbench",
        description="Search neural networks, neuron by neuron or by the grammar of another search space.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"workbench {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser
