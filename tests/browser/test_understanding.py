"""Understanding a search as a person does: a mutation by hand, a lineage that plays, runs compared; in JupyterLab."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jupyter_lab_samples import PATIENCE, Lab, Watched, browser_page, chromium_or_skip

from workbench.datasets import load_dataset
from workbench.genome import Genome
from workbench.individuals import is_by_hand
from workbench.mutations import MutationRates, apply
from workbench.plots import genome_difference
from workbench.search import Search, SearchConfig
from workbench.store import Run, open_run
from workbench.training import TrainConfig
from workbench.views.network.data import KEPT

NOTEBOOK = "understand.ipynb"
BLUE, VERMILLION = (0, 114, 178), (213, 94, 0)
"""What was added, and what was removed."""

SIZES = {"population": 6, "children": 3, "initial_epochs": 2, "workers": 1, "flops_min": 1000, "flops_max": 2400}
"""Small networks: more than 300 changed edges are drawn paler, and their colour would not be found."""

CELL = f"""import workbench as wb
data = wb.load_dataset("digits")
config = wb.SearchConfig(generations=9999, train=wb.TrainConfig(epochs=2), **{SIZES})
search = wb.Search.open(data, config, "../data/runs/mine.sqlite")
wb.widgets.Dashboard(search)"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """JupyterLab with a notebook that shows a dashboard, and a finished run beside the one that it will make."""
    chromium_or_skip()
    lab = Lab(tmp_path)
    cell = {"cell_type": "code", "id": "0", "metadata": {}, "outputs": [], "execution_count": None, "source": CELL}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebooks" / NOTEBOOK).write_text(json.dumps(notebook))
    config = SearchConfig(generations=2, seed=1, train=TrainConfig(epochs=1), **SIZES)
    Search(load_dataset("digits"), config, tmp_path / "data" / "runs" / "other.sqlite").run(progress=False)
    yield lab
    lab.close()


def wait_until(condition: Callable[[], Any]) -> Any:
    """Until a condition holds, which is returned; fails if it does not in a very long time."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not (held := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return held


class Hands:
    """What a person does, and sees."""

    def __init__(self, watched: Watched, run_file: Path) -> None:
        self.page, self._run_file = watched.page, run_file

    @property
    def run(self) -> Run:
        return open_run(self._run_file)

    def press(self, name: str) -> None:
        self.page.locator(f".wb-{name}:not([disabled])").first.click()

    def open_tab(self, title: str) -> None:
        self.page.locator(".wb-dashboard .lm-TabBar-tab", has_text=title).first.click()

    def choose(self, name: str, option: str) -> None:
        self.page.locator(f".wb-{name} select").select_option(option)

    def enter(self, name: str, value: int) -> None:
        field = self.page.locator(f".wb-{name} input")
        field.fill(str(value))
        field.press("Tab")

    def text(self, selector: str) -> str:
        """Text of an element, numbers without commas."""
        return re.sub(r"(?<=\d),(?=\d)", "", self.page.locator(selector).first.inner_text())

    def shown(self) -> int:
        """Id of the individual on the card."""
        return int(self.page.locator(".wb-network-head [data-individual]").get_attribute("data-individual"))

    def count(self, selector: str, color: tuple[int, int, int]) -> int:
        """Pixels of about this colour, which lines let shine through a little, on a canvas."""
        script = """([selector, color]) => {
            const canvas = document.querySelector(selector);
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let found = 0;
            for (let at = 0; at < data.length; at += 4)
                if (color.every((value, k) => Math.abs(value - data[at + k]) < 60)) found++;
            return found;
        }"""
        return self.page.evaluate(script, [selector, list(color)])


DAG, SPACE = ".wb-sandbox .wbc-dag .wbc-canvas", ".wb-sandbox .wbc-space .wbc-canvas"


def start_a_search(hands: Hands) -> None:
    """Leaves it paused with the most accurate individual selected."""
    hands.press("start")
    wait_until(lambda: len(hands.run.generations) > 1)
    hands.press("start")
    hands.page.wait_for_selector(".wb-run-control .wb-chip-paused")
    hands.press("best")
    hands.page.wait_for_selector(".wb-network-head [data-individual]")


def check_difference(hands: Hands, before: Genome, after: Genome) -> None:
    """The page says in colours and numbers what changed."""
    counts = genome_difference(before, after).counts
    numbers = [counts[name] for name in ("neurons_added", "neurons_removed", "edges_added", "edges_removed")]
    title = "Difference: neurons +{} −{}, edges +{} −{}".format(*numbers)
    for view in ("dag", "space"):
        wait_until(lambda view=view: hands.text(f".wb-sandbox .wbc-{view} .wbc-title").startswith(title))
    colors = {BLUE: counts["edges_added"], VERMILLION: counts["edges_removed"]}
    for canvas in (DAG, SPACE):  # drawn a little later, by a worker
        for color in (color for color, changed in colors.items() if changed):
            wait_until(lambda canvas=canvas, color=color: hands.count(canvas, color) > 300)
        for color in (color for color, changed in colors.items() if not changed):
            assert hands.count(canvas, color) == 0, (canvas, color)
    table = hands.text(".wb-sandbox .wb-changes")
    assert re.search(rf"\bedges\s+{before.n_edges}\s+{after.n_edges}\s", table)
    assert re.search(rf"\bFLOPs\s+{before.flops}\s+{after.flops}\s", table)


def seen_over_the_image(kind: str, genome: Genome) -> int:
    """The first seed whose mutation changes many edges between neurons that have a position (outputs have none)."""

    def changed(seed: int) -> int:
        child, _ = apply(kind, genome, MutationRates(), np.random.default_rng(seed))
        difference = genome_difference(genome, child)
        over_image = difference.targets >= genome.n_inputs + genome.n_outputs
        return int((difference.edge_state[over_image] != KEPT).sum())

    return next(seed for seed in range(100) if changed(seed) >= 50)


def mutate_by_hand(hands: Hands) -> int:
    """A mutation is drawn, undone, and another one drawn: each is the one that Python makes with that seed.

    Returns the id of the individual that the sandbox began with, the one selected as its tab was opened.
    """
    hands.open_tab("Sandbox")
    hands.page.wait_for_selector(DAG)
    begun = wait_until(lambda: re.search(r"individual\s(\d+)", hands.text(".wb-sandbox .wb-steps option")))
    parent = int(begun[1])
    genome, names = hands.run.genome(parent), {"remove_edges": "remove edges", "add_neurons": "add neurons"}
    for kind, name in names.items():
        seed = seen_over_the_image(kind, genome)
        hands.choose("mutation-kind", name)
        hands.enter("mutation-seed", seed)
        hands.press("mutate")
        child, _ = apply(kind, genome, MutationRates(), np.random.default_rng(seed))
        check_difference(hands, genome, child)
        if kind == "remove_edges":
            hands.press("undo")
            hands.page.wait_for_selector(f'{DAG.rpartition(" ")[0]} .wbc-title:has-text("neurons, ")')
    return parent


def train_and_insert(hands: Hands, parent: int) -> int:
    """The network is trained and put into the population, where it is found by hand; returns its id."""
    hands.press("train")
    hands.page.wait_for_selector(".wb-sandbox-training :text('Trained 2 epochs')")
    points = hands.page.locator(".wb-sandbox-training .js-plotly-plot .scatterlayer .point")
    wait_until(lambda: points.count() == 7)  # accuracies and loss of two epochs, and the accuracy before
    hands.press("insert")
    hands.page.wait_for_selector(".wb-sandbox-training :text('by hand')")
    id = wait_until(lambda: is_by_hand(hands.shown()) and hands.shown())
    assert "by hand" in hands.text(".wb-network-head")
    hands.press("step-generation")
    run = wait_until(lambda: (run := hands.run).individual(id).generation in set(run.generations.index) and run)
    made = run.individual(id)
    assert (made.origin, made.parent, made.mutation["kind"]) == ("by hand", parent, "add_neurons")
    assert made.result.epochs == 2
    assert id in set(run.individuals["id"])
    points = "plot => plot._fullData.flatMap(trace => Array.from(trace.customdata ?? [], (one) => one?.[0] ?? one))"
    plot = hands.page.locator(".wb-front .js-plotly-plot")
    wait_until(lambda: id in plot.evaluate(points))  # a point of the live front's figure
    return id


def play_the_lineage(hands: Hands, parent: int, id: int) -> None:
    """Playing walks from the first ancestor to the network; the whole dashboard follows."""
    hands.open_tab("Lineage")
    hands.page.wait_for_selector(".wb-lineage-step", state="attached")
    steps = [int(each) for each in hands.run.lineage(id)["id"]]
    assert steps[-2:] == [parent, id]
    wait_until(lambda: hands.text(".wb-place") == f"{len(steps)} of {len(steps)}")
    hands.page.evaluate(
        """() => {
            const id = () => Number(document.querySelector('.wb-network-head [data-individual]').dataset.individual);
            window.seen = [id()];
            const note = () => window.seen.at(-1) === id() || window.seen.push(id());
            const options = {subtree: true, childList: true};
            new MutationObserver(note).observe(document.querySelector('.wb-network-head'), options);
        }"""
    )
    hands.page.locator(".wb-player .wb-play").click()
    wait_until(lambda: hands.page.evaluate("window.seen")[-len(steps) :] == steps)
    assert hands.page.evaluate("window.seen")[0] == id  # it began anew
    wait_until(lambda: hands.page.locator(".wb-player .wb-play").get_attribute("aria-pressed") == "false")
    hands.page.locator(".wb-player .wb-scrubber").press("ArrowLeft")
    wait_until(lambda: hands.text(".wb-place") == f"{len(steps) - 1} of {len(steps)}")
    hands.page.locator(".wb-player .wb-scrubber").press("End")
    wait_until(lambda: hands.page.evaluate("window.seen")[-2:] == [parent, id])
    hands.open_tab("Graph")
    wait_until(lambda: f" {hands.run.facts(id)['edges']} edges drawn" in hands.text(".wb-area-network"))


def compare_runs(hands: Hands) -> None:
    """Both files of the folder in one view."""
    hands.open_tab("Compare")
    hands.page.wait_for_selector(".wb-compare .wb-runs option")
    runs = hands.page.locator(".wb-runs select")
    names = runs.locator("option").all_inner_texts()
    assert len(names) == 2
    runs.select_option(names)
    hands.press("compare-now")
    wait_until(lambda: hands.page.locator(".wb-compare .js-plotly-plot .scatterlayer path").count() > 3)
    text = hands.text(".wb-compare")
    assert "Settings that differ" in text
    assert "seed" in text


@pytest.mark.slow
def test_understanding_a_search(lab):
    with browser_page() as watched:
        watched.open(lab.address(NOTEBOOK))
        watched.run_all()
        watched.page.wait_for_selector(".wb-front .js-plotly-plot .xaxislayer-above")
        hands = Hands(watched, lab.folder / "data" / "runs" / "mine.sqlite")
        start_a_search(hands)
        parent = mutate_by_hand(hands)
        id = train_and_insert(hands, parent)
        play_the_lineage(hands, parent, id)
        compare_runs(hands)
        assert watched.errors == []
        assert watched.strangers == []
