"""Arguments of `search` and `resume` that say who trains the children."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor


def add_worker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--workers`, `--executor`, `--dask` and `--child-seconds`."""
    from workbench.executors import EXECUTORS

    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--executor", default=EXECUTORS[0], choices=EXECUTORS, help="children train in threads (default) or processes"
    )
    where.add_argument("--dask", metavar="ADDRESS", help="children train on the Dask cluster of this scheduler")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="children trained at once (one per core, or per thread of the cluster)"
    )
    parser.add_argument(
        "--child-seconds", type=float, metavar="S", help="a child that takes longer is recorded as failed (no limit)"
    )


@contextlib.contextmanager
def chosen_executor(arguments: argparse.Namespace) -> Iterator[Executor | str]:
    """What `Search` takes as its executor, for as long as it is needed."""
    from workbench.executors.dask import connect

    if arguments.dask is None:
        yield arguments.executor
        return
    client = connect(arguments.dask)
    try:
        yield client.get_executor()
    finally:
        client.close()
