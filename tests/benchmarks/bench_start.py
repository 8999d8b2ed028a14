"""How long a start takes: of training, of a search until its first network; with kernels on the disk, and without."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

from subjects import in_turns

REFERENCE = "import torch"

TRAIN = """
import numpy as np, workbench as wb, workbench.spaces
from workbench.registry import space_for
data = wb.load_dataset("digits")
space = space_for("{space}", data)
space.train(space.sample(0, np.random.default_rng(0)), data, wb.TrainConfig(epochs=1), seed=0, stream=(0,))
"""

SEARCH = """
import os, tempfile, time, workbench as wb
path = os.path.join(tempfile.mkdtemp(), "run.sqlite")
search = wb.Search(wb.load_dataset("digits"), wb.preset("quick", "digits", seed=0), path)
search.start()
while not search.archive:
    time.sleep(0.005)
os._exit(0)
"""

WARM = {
    REFERENCE: REFERENCE,
    "import workbench": "import workbench.search",
    "first training": TRAIN.format(space="neurons"),
    "first training of a program": TRAIN.format(space="programs"),
    "a search of digits, until its first network": SEARCH,
}
COLD = {name: WARM[name] for name in ("first training", "first training of a program")}


def rows() -> list[dict[str, Any]]:
    """Seconds of fresh processes from their start to their end, with kernels on the disk, and compiling them."""
    took = in_turns({name: partial(_run, code) for name, code in WARM.items()}, rounds=3)
    with tempfile.TemporaryDirectory() as folder:
        cold: dict[str, Callable[[], object]] = {
            f"{name}, compiling kernels": partial(_run, code, folder) for name, code in COLD.items()
        }
        took |= in_turns(cold, rounds=1)
    return [
        {"a process that does": name, "seconds": f"{t:.2f}", f"/ {REFERENCE}": f"{t / took[REFERENCE]:.2f}"}
        for name, t in took.items()
    ]


def _run(code: str, cache: str = "") -> None:
    """Run code in a fresh process; its kernels are kept in a new folder within `cache`, if one is given."""
    environment = dict(os.environ)
    if cache:
        environment["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(dir=cache)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, stderr=subprocess.DEVNULL)
