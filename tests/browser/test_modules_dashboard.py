"""The dashboard of a search for networks of modules: a click on a point shows that network."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_lab_samples import Lab, browser_page, chromium_or_skip
from test_dashboard import Hands, wait_until

import workbench as wb

SIZES = {"population": 6, "children": 3, "generations": 2, "workers": 1, "train.epochs": 1, "initial_epochs": 1}
CELLS = (
    "import workbench as wb\n"
    'data = wb.load_dataset("digits")\n'
    f'preset = wb.preset("quick", data, space="hnas", seed=0, **{SIZES})\n'
    'search = wb.Search.open(data, preset, "../data/runs/hnas.sqlite")\n'
    "dashboard = wb.widgets.Dashboard(search)",
    "dashboard",
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """JupyterLab with a notebook that makes a small search and its dashboard."""
    chromium_or_skip()
    lab = Lab(tmp_path)
    look = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**look, "id": str(number), "source": source} for number, source in enumerate(CELLS)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebooks" / "hnas.ipynb").write_text(json.dumps(notebook))
    yield lab
    lab.close()


@pytest.mark.slow
def test_a_click_on_a_point_shows_that_network(lab):
    file = lab.folder / "data" / "runs" / "hnas.sqlite"
    with browser_page(width=1920, height=1080) as watched:
        page, hands = watched.page, Hands(watched, file)
        watched.open(lab.address("hnas.ipynb"))
        watched.run_all()
        page.wait_for_selector(".wbm-empty:has-text('No network selected')")
        hands.press("start")
        hands.wait_for_state("finished")
        run = wb.open_run(file)
        wait_until(lambda: len(hands.front()) == len(run.front()) > 1)
        page.locator(".wb-against select").select_option("alone")
        for index in (0, -1):
            page.evaluate("() => document.querySelector('.wb-dashboard').scrollIntoView()")
            id = hands.click_on_front(index)
            page.wait_for_selector(f'.wb-network-head [data-individual="{id}"]')
            open_all(hands)
            picture = run.space.picture(run.genome(id))
            labels = Counter(node.label for node in picture.nodes)
            wait_until(lambda labels=labels: drawn_labels(hands) == labels)
            rows = page.locator(".wbm-row")
            assert rows.count() == len(picture.tree)
            module = page.locator(".wbm-box").first  # the others may be out of sight
            module.click()
            page.wait_for_selector(".wbm-box.wbm-chosen")
            assert "FLOPs" in page.locator(".wbm .wbc-status").inner_text()
        child = next(id for id in run.front()["id"].tolist() if run.individual(id).parent is not None)
        hands.press("best")
        while not page.locator(f'.wb-network-head [data-individual="{child}"]').count():
            hands.press("previous")
            page.wait_for_timeout(300)
        page.locator(".wb-against select").select_option("against parent")
        page.wait_for_selector(".wbm-graph.wbm-compared")
        assert f"against parent {run.individual(child).parent}" in page.locator(".wb-compared").inner_text()
        assert watched.errors == []
        assert watched.strangers == []


def open_all(hands: Hands) -> None:
    """Open all levels of the tree, one after the other."""
    more = hands.page.get_by_text("+ level")
    while more.is_enabled():
        before = hands.page.locator(".wbm .wbc-muted", has_text="level").first.inner_text()
        more.click()
        level = hands.page.locator(".wbm .wbc-muted", has_text="level").first
        wait_until(lambda before=before, level=level: level.inner_text() != before)


def drawn_labels(hands: Hands) -> Counter[str]:
    """The labels of the boxes."""
    return Counter(hands.page.locator(".wbm-box text:not(.wbm-below)").all_text_contents())
