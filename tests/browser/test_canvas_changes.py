"""What changed between two networks, and a brushed region, in a real browser: judged by their pixels."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.datasets import load_dataset
from workbench.genome import Genome
from workbench.initial import random_genome
from workbench.mutations import MutationRates, remove_edges
from workbench.views.network.widget import DagView, SpatialView

pytestmark = pytest.mark.slow

BLUE, VERMILLION = (0, 114, 178), (213, 94, 0)
DIGITS = load_dataset("digits")


def changed() -> tuple[Genome, Genome]:
    """Of two paths the lower one goes (vermillion), and the upper one gets an edge past its neuron (blue)."""
    before = Genome.from_edges((1, 1, 2), 2, [0, 4, 1, 5], [4, 2, 5, 3], [1.0, 1.0, -1.0, -1.0])
    after = Genome.from_edges((1, 1, 2), 2, [0, 4, 0], [4, 2, 2], [1.0, 1.0, 0.1], neuron_keys=[0])
    return before, after


def test_what_was_added_and_removed_has_colours_of_its_own(show):
    view = DagView()
    view.show_change(*changed())
    shown = show(view)
    drawn = shown.get("drawn")
    assert (drawn["n_neurons"], drawn["n_edges"]) == (6, 5)  # of the union: what is gone is drawn
    middle = 46 + (520 - 46 - 34) / 2
    removed = shown.count(VERMILLION, box=(0, middle, 1100, 520))
    added = shown.count(BLUE, box=(0, 0, 1100, middle))
    assert removed > 500
    assert added > 200
    assert shown.count(VERMILLION, box=(0, 0, 1100, middle - 8)) == 0
    assert shown.count(BLUE, box=(0, middle + 8, 1100, 520)) == 0
    assert shown.count((154, 154, 154), 12) > 300  # what is kept
    assert "neurons +0 −1, edges +1 −2" in shown.page.locator(".wbc-title").inner_text()
    legend = " ".join(shown.page.locator(".wbc-legend").inner_text().split())
    assert "hidden neurons kept 1 added 0 removed 1" in legend
    assert "edges kept 2 added 1 removed 2" in legend
    shown.page.get_by_label("removed", exact=False).uncheck()
    shown.settle()
    assert shown.count(VERMILLION) < removed / 3  # the neuron is left
    assert shown.count(BLUE) > 200


def test_large_changes_stand_out_from_what_is_kept(show):
    genome = random_genome((1, 28, 28), 10, np.random.default_rng(0), edges_per_neuron=(20, 21))
    child, record = remove_edges(genome, np.random.default_rng(0), MutationRates(removed_edges=(0.05, 0.05)))
    view = DagView()
    view.bundled, view.most_edges = False, genome.n_edges
    view.show_change(genome, child)
    shown = show(view)
    shown.wait("model.get('drawn').n_edges > 0")
    assert shown.get("drawn")["n_edges"] == genome.n_edges
    assert record["edges_removed"] > 1000
    assert shown.count(VERMILLION, 60) > 2000


def test_spatial_view_draws_changes_and_a_region_is_brushed(show, rng):
    genome = random_genome(DIGITS.shape, 10, rng, hidden_layers=(2, 2))
    child, _ = remove_edges(genome, rng)
    view = SpatialView()
    view.brush = True
    view.show_change(genome, child)
    shown = show(view)
    assert shown.count(VERMILLION, 60) > 100
    assert shown.count(BLUE) == 0
    assert "changed edges drawn" in shown.page.locator(".wbc-legend").inner_text()
    before, box = shown.picture(), shown.canvas().bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    shown.page.keyboard.down("Shift")
    shown.page.mouse.move(x - 60, y - 50)
    shown.page.mouse.down()
    shown.page.mouse.move(x + 40, y + 30, steps=6)
    shown.page.mouse.up()
    shown.page.keyboard.up("Shift")
    shown.settle()
    region = shown.get("region")
    pixel = (min(box["width"] - 40, (box["height"] - 36) / 1.07)) / 8  # as the projector fits the image
    assert region["right"] - region["left"] == pytest.approx(100 / pixel, rel=0.02)
    assert region["bottom"] - region["top"] == pytest.approx(80 / pixel, rel=0.02)
    assert region["left"] == pytest.approx(3.5 - 60 / pixel, abs=0.05)
    assert shown.picture() != before  # its frame is drawn
    shown.canvas().press("Escape")
    shown.page.mouse.move(0, 0)  # nothing is hovered any more
    shown.settle()
    assert shown.get("region") == {}
    assert shown.picture() == before
