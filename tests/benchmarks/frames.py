"""The page while a search runs on both cores: `python tests/benchmarks/frames.py`, with MNIST in `$WORKBENCH_DATA`.

In JupyterLab and headless Chromium, with the dashboard of a search of the preset `best` with two workers, it prints

* the time between frames (requestAnimationFrame) untouched, and while a graph of 120,000 edges is panned;
* the time from a click on a point of the front until the graph's pixels change and until all edges are drawn, with
  120,000 edges and with a child of the search.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from jupyter_lab_samples import ROOT, Lab, Watched, browser_page

from workbench.cli.tables import print_table

SECONDS = 20.0
"""How long frames are watched."""

CELL = f"""
import sys
from dataclasses import replace

sys.path.insert(0, {str(ROOT)!r})
import numpy as np

import workbench as wb
from workbench.initial import random_genome

data = wb.load_dataset("mnist")
preset = wb.preset("best", "mnist", seed=0, workers=2)
search = wb.Search(data, preset.config, "frames.sqlite", preset.space(data))
size = {{"hidden_layers": (3, 3), "layer_size": (1.4, 1.5), "edges_per_neuron": (43, 44)}}
untrained = random_genome(data.shape, 10, np.random.default_rng(0), **size)
once = replace(preset.config.train, epochs=1)
large = wb.train(untrained, data, once, seed=0).genome
mutated, _ = wb.mutations.remove_edges(large, np.random.default_rng(0), wb.MutationRates())
parent = search.insert(large)
ids = parent, search.insert(wb.train(mutated, data, once, seed=0).genome, parent=parent)
dashboard = wb.widgets.Dashboard(search)
"""

GRAPH = ".wb-area-network .wbc-dag .wbc-canvas"

FRAMES = """seconds => new Promise((done) => {
  const times = [];
  const note = (now) => {
    times.push(now);
    if (now - times[0] < 1000 * seconds) requestAnimationFrame(note);
    else done(times.slice(1).map((time, k) => time - times[k]));
  };
  requestAnimationFrame(note);
})"""

WATCH = """graph => {
  const canvas = document.querySelector(graph);
  const read = () => {
    const [w, h] = [canvas.width >> 1, canvas.height >> 1]; // the middle: neither names of layers nor classes
    const { data } = canvas.getContext("2d").getImageData(w >> 1, h >> 1, w, h);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum = (31 * sum + data[i] + 7 * data[i + 1]) | 0;
    return sum;
  };
  const seen = { clicked: null, first: null, last: null, sum: read() };
  window.seen = seen;
  const look = () => {
    if (window.seen !== seen) return;
    if (seen.clicked !== null && read() !== seen.sum) {
      seen.sum = read();
      seen.last = performance.now() - seen.clicked;
      seen.first ??= seen.last;
    }
    setTimeout(look, 30);
  };
  addEventListener("mouseup", () => (seen.clicked ??= performance.now()), { capture: true, once: true });
  look();
}"""


def write_notebook(folder: Path) -> None:
    """A notebook with the dashboard."""
    code = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**code, "id": f"cell-{n}", "source": text} for n, text in enumerate([CELL, "dashboard", "ids"])]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "notebooks" / "frames.ipynb").write_text(json.dumps(content))


def pan(page: Any, seconds: float) -> None:
    """Drag the graph in circles, and rest now and then, as a hand does."""
    box = page.locator(GRAPH).bounding_box()
    x, y, started = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, time.monotonic()
    while time.monotonic() < started + seconds:
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(100):
            angle = step / 12
            page.mouse.move(x + 90 * math.sin(angle), y + 60 * math.sin(1.7 * angle))
            page.wait_for_timeout(8)
        page.mouse.up()
        page.wait_for_timeout(700)


def frames(page: Any, what: str, pans: bool) -> dict[str, Any]:
    """Times between frames in ms."""
    page.evaluate(f"{{ window.gaps = null; ({FRAMES})({SECONDS}).then((gaps) => (window.gaps = gaps)); }}")
    if pans:
        pan(page, SECONDS)
    page.wait_for_function("window.gaps", timeout=120_000)
    gaps = np.array(page.evaluate("window.gaps"))
    quantiles = {"median": np.median(gaps), "95 %": np.quantile(gaps, 0.95), "most": gaps.max()}
    return {"ms between frames": what, "frames": len(gaps), **{name: round(ms, 1) for name, ms in quantiles.items()}}


def click(page: Any, what: str, id: int) -> dict[str, Any]:
    """Click the point of an individual; times in ms until the graph's pixels change, and until they rest."""
    page.evaluate("document.querySelector('.wb-area-run').scrollIntoView()")
    place = page.evaluate(
        """id => {
          const plot = document.querySelector(".wb-front .js-plotly-plot");
          for (const trace of plot._fullData) {
            const at = Array.from(trace.customdata ?? []).indexOf(id);
            const { xaxis, yaxis } = plot._fullLayout;
            if (at >= 0) return { x: xaxis.c2p(xaxis.d2c(trace.x[at])), y: yaxis.c2p(trace.y[at]) };
          }
        }""",
        id,
    )
    page.evaluate(WATCH, GRAPH)
    layer = page.locator(".wb-front .nsewdrag").first
    layer.hover(position=place)
    page.wait_for_selector(".wb-front .hoverlayer .hovertext")
    layer.click(position=place)
    page.wait_for_function("window.seen.first !== null")
    page.wait_for_timeout(3000)
    seen = page.evaluate("window.seen")
    return {"ms from a click": what, "first pixels": round(seen["first"]), "last pixels": round(seen["last"])}


def session(watched: Watched, lab: Lab) -> None:
    """Open the dashboard, run the search, measure, print."""
    page = watched.page
    watched.open(lab.address("frames.ipynb"))
    watched.run_all()
    outputs = "[...window.jupyterapp.shell.currentWidget.content.model.cells].at(-1).outputs.toJSON()"
    large, child = json.loads(page.evaluate(outputs)[0]["data"]["text/plain"].replace("(", "[").replace(")", "]"))
    page.wait_for_selector(".wb-front .scatterlayer .point", state="attached")
    clicks = [click(page, "120,000 edges, search idle", large)]
    page.locator(".wb-start").click()
    page.wait_for_timeout(20_000)
    page.wait_for_function(f"({KNOWN}).length > 5", timeout=300_000)
    known = [number for number in page.evaluate(KNOWN) if number < min(large, child)]
    for _ in range(3):
        clicks += [click(page, "child of the search", known[-1]), click(page, "120,000 edges", child)]
    rows = [frames(page, "untouched", False), frames(page, "panned, bundles", True)]
    page.get_by_role("button", name="bundle edges").click()
    page.wait_for_timeout(2000)
    clicks += [click(page, "120,000 edges, no bundles", id) for id in (large, child)]
    rows += [frames(page, "panned, every edge", True)]
    print_table(pd.DataFrame(rows), f"Frames; load {os.getloadavg()[0]:.1f}")
    print_table(pd.DataFrame(clicks), "From a click on the front to the graph")
    assert watched.errors == [], watched.errors


KNOWN = """document.querySelector(".wb-front .js-plotly-plot")._fullData
  .filter(({ name }) => name === "all-time front")
  .flatMap(({ customdata }) => Array.from(customdata ?? []))
"""


def main() -> None:
    """Measure in a JupyterLab of its own."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        try:
            write_notebook(Path(folder))
            with browser_page(width=1440, height=900) as watched:
                session(watched, lab)
        finally:
            lab.close()


if __name__ == "__main__":
    main()
