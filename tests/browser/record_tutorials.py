"""Records what the notebooks show, for the documentation: `python tests/browser/record_tutorials.py 02 04`; or all.

Runs each in JupyterLab at the sizes that it has, on real data, and writes its outputs to `docs/tutorials`: texts and
tables as they are, figures and widgets as pictures. An output is kept under a digest of its cell's source; a page of
the documentation shows those of cells that have not changed since.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from jupyter_lab_samples import ROOT, Lab, Watched, browser_page
from PIL import Image
from test_dashboard import Hands, wait_until

OUTPUTS = ROOT / "docs" / "tutorials"
WIDTH = 1160
"""Of the browser's window: a dashboard has room, and its letters can still be read in a column of text."""
HEIGHT = 1000
AROUND = 200
"""Pixels of JupyterLab beside the outputs, and above and below them."""
PAPER, MARGIN = 235, 16
"""Levels of grey from which a pixel is empty, and pixels that are left right of what is drawn and below it."""
SETTLING = 1500
"""Milliseconds that figures get to be drawn once the notebook has run."""

CELLS = """() => [...window.jupyterapp.shell.currentWidget.content.widgets].map(cell => ({
    kind: cell.model.type, source: cell.model.sharedModel.source,
    outputs: cell.model.type === 'code' ? cell.model.outputs.toJSON() : [],
}))"""

LARGEST = """() => ['scrollWidth', 'scrollHeight'].map(side => Math.max(
    0, ...[...document.querySelectorAll('.jp-Notebook .jp-OutputArea-output')].map(output => output[side])))"""


def digest(source: str) -> str:
    """Of a cell, by which its outputs are found."""
    return hashlib.sha256(source.strip().encode()).hexdigest()[:16]


def text_of(value: Any) -> str:
    """As one text, without the names of temporary folders."""
    text = "".join(value) if isinstance(value, list) else str(value)
    return re.sub(r"/[^\s'\"]*/tmp\w{8}/", "…/", text)


def recorded(output: dict[str, Any]) -> dict[str, str] | None:
    """An output that is text or a table; None if a picture must be taken of it."""
    if output["output_type"] == "stream":
        return {"text": text_of(output["text"])} if output["name"] == "stdout" else {}
    data = output["data"]
    if "text/html" in data and "<table" in text_of(data["text/html"]):
        return {"html": text_of(data["text/html"])}
    return {"text": text_of(data["text/plain"])} if set(data) == {"text/plain"} else None


def picture(watched: Watched, cell: int, output: int, path: Path) -> dict[str, str]:
    """Take a picture of an output as the page shows it, of a dashboard what fits a screen; nothing of an empty one."""
    areas = (
        watched.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-Cell-outputArea > .jp-OutputArea-child")
    )
    area = areas.nth(output).locator(".jp-OutputArea-output").first
    area.evaluate("output => output.scrollIntoView()")
    watched.page.wait_for_timeout(300)
    box, sight = area.bounding_box(), watched.page.locator(".jp-WindowedPanel-outer").bounding_box()
    box["height"] = min(box["height"], sight["y"] + sight["height"] - box["y"])
    shown = Image.open(io.BytesIO(watched.page.screenshot(clip=box))).convert("RGB")
    used = shown.convert("L").point(lambda level: 255 * (level < PAPER)).getbbox()
    if used is None:
        return {}
    shown = shown.crop((0, 0, min(shown.width, used[2] + MARGIN), min(shown.height, used[3] + MARGIN)))
    path.parent.mkdir(exist_ok=True)
    shown.save(path, quality=72, method=6)
    return {"picture": path.relative_to(OUTPUTS).as_posix(), "width": str(shown.width), "height": str(shown.height)}


def record(watched: Watched, lab: Lab, name: str) -> None:
    """Run a notebook, and write what it shows."""
    watched.open(lab.address(f"{name}.ipynb"))
    watched.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    watched.run_all()
    if name.startswith("01"):
        search(watched, lab)
    width, height = watched.page.evaluate(LARGEST)  # nothing is to be cut off; but a dashboard fits any screen
    if watched.page.locator(".wb-dashboard").count() == 0:
        watched.page.set_viewport_size({"width": max(WIDTH, width + AROUND), "height": max(HEIGHT, height + AROUND)})
    watched.page.wait_for_timeout(SETTLING)
    folder = OUTPUTS / name
    shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, list[dict[str, str]]] = {}
    for number, cell in enumerate(watched.page.evaluate(CELLS)):
        shown = []
        for place, output in enumerate(cell["outputs"]):
            kept = recorded(output)
            shown.append(picture(watched, number, place, folder / f"{number}-{place}.webp") if kept is None else kept)
        if any(shown):
            found[digest(cell["source"])] = [one for one in shown if one]
    (OUTPUTS / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def search(watched: Watched, lab: Lab) -> None:
    """Let the search of the first notebook find something, choose a network, and run the cells below once more."""
    hands = Hands(watched, lab.folder / "data" / "runs" / "live-digits.sqlite")
    hands.press("start")
    wait_until(lambda: hands.total() > 120)
    hands.press("stop")
    hands.wait_for_state("stopped")
    hands.click_on_front(-1)
    watched.page.mouse.move(0, 0)
    watched.page.evaluate(
        """async () => {
            const {content, sessionContext} = window.jupyterapp.shell.currentWidget;
            const at = content.widgets.findIndex(cell => cell.model.sharedModel.source.startsWith('dashboard ='));
            content.activeCellIndex = at + 1;
            await window.jupyterapp.commands.execute('notebook:run-all-below');
        }"""
    )


def main() -> None:
    chosen = sys.argv[1:] or [""]
    names = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if path.stem.startswith(tuple(chosen))]
    OUTPUTS.mkdir(exist_ok=True)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            lab = Lab(Path(folder))
            try:
                shutil.copytree(ROOT / "data" / "runs", lab.folder / "data" / "runs", dirs_exist_ok=True)
                shutil.copytree(ROOT / "data" / "results", lab.folder / "data" / "results")
                with browser_page(width=WIDTH, height=HEIGHT) as watched:
                    record(watched, lab, name)
            finally:
                lab.close()
        sizes = [path.stat().st_size for path in (OUTPUTS / name).glob("*")]
        print(f"{name}: {len(sizes)} pictures, {sum(sizes) / 1e3:,.0f} kB", flush=True)


if __name__ == "__main__":
    main()
