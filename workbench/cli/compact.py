"""`workbench compact`."""

from __future__ import annotations

import argparse
import os


def run_compact(arguments: argparse.Namespace) -> int:
    """Write a small copy of a finished run."""
    from workbench.search import compact_run

    path = compact_run(arguments.run, arguments.path)
    sizes = [os.path.getsize(file) / 1e6 for file in (arguments.run, path)]
    print(f"{path}: {sizes[1]:.1f} MB of {sizes[0]:.1f} MB; all individuals, and the networks of the front")
    return 0
