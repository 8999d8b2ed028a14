"""An hour of a search on one page: neither the page nor the kernel grows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_lab_samples import PATIENCE, ROOT, Lab, Watched, browser_page, chromium_or_skip

UPDATES = int(os.environ.get("WORKBENCH_UPDATES", "120"))
"""Of the whole dashboard, each as soon as the page has taken in the last; an hour has 3,600 of the front."""

CELL = f"""
import sys

sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "tests" / "widgets")!r}]
from hour_samples import Replayed

import workbench as wb

data = wb.load_dataset("digits")
small = {{"population": 8, "children": 4, "generations": 2, "train.epochs": 1, "initial_epochs": 1}}
preset = wb.preset("quick", "digits", seed=0, **small)
search = wb.Search(data, preset.config, "small.sqlite", preset.space(data))
search.run(progress=False)
replayed = Replayed(search, 6000)
"""

MOST = {"JSHeapUsedSize": 0.15, "Nodes": 0.1, "JSEventListeners": 0.1, "kernel": 0.15}
"""By which share each may have grown between the first quarter and the end."""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """JupyterLab with a notebook that shows the hour."""
    chromium_or_skip()
    lab = Lab(tmp_path)
    cells = [CELL, "replayed.dashboard", "replayed.echo", f"replayed.start({UPDATES})"]
    code = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    written = [{**code, "id": f"cell-{number}", "source": source} for number, source in enumerate(cells)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": written, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebooks" / "hour.ipynb").write_text(json.dumps(content))
    yield lab
    lab.close()


class Scales:
    """What the page and the kernel hold, once garbage is gone."""

    def __init__(self, watched: Watched, kernel: int) -> None:
        self.page, self.kernel = watched.page, kernel
        self._tools = watched.page.context.new_cdp_session(watched.page)
        self._tools.send("Performance.enable")

    def weigh(self) -> dict[str, int]:
        """Bytes of the page's heap, its nodes and listeners, and the kernel's bytes in memory."""
        for _ in range(2):
            self._tools.send("HeapProfiler.collectGarbage")
        metrics = {one["name"]: int(one["value"]) for one in self._tools.send("Performance.getMetrics")["metrics"]}
        pages = int(Path(f"/proc/{self.kernel}/statm").read_text().split()[1])
        names = ("JSHeapUsedSize", "Nodes", "JSEventListeners")
        return {**{name: metrics[name] for name in names}, "kernel": pages * os.sysconf("SC_PAGE_SIZE")}


@pytest.mark.slow
def test_an_hour_on_one_page_is_flat(lab):
    with browser_page() as watched:
        watched.open(lab.address("hour.ipynb"))
        watched.run_all()
        (kernel,) = lab.kernels()
        scales, weights = Scales(watched, kernel), []
        for quarter in (1, 2, 3, 4):
            watched.page.wait_for_function(
                "least => window.workbenchUpdates >= least", arg=UPDATES * quarter // 4, timeout=10 * PATIENCE
            )
            weights.append(scales.weigh())
            print({name: f"{value:,}" for name, value in weights[-1].items()})
        assert watched.errors == []
    growth = {name: weights[-1][name] / weights[0][name] - 1 for name in MOST}
    assert all(growth[name] < most for name, most in MOST.items()), growth
