"""Plotly figures in a real browser: one after the other in the same place."""

from __future__ import annotations

import pytest
from canvas_page import open_page, synced
from plotly.offline import get_plotlyjs

from workbench.datasets import load_dataset
from workbench.initial import initialise, random_genome
from workbench.views.base.plot import Plot
from workbench.views.inspect.data import confusion
from workbench.views.inspect.figure import draw_confusion, evidence_figure

PREPARE = """code => {
  document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
  globalThis[Symbol.for("workbench.plotly")] = window.Plotly;
  window.sent = [];
  Model.prototype.send = (message) => window.sent.push(message);
  window.become = (values) => {  // as Jupyter does: all traits, then one event
    Object.assign(model.state, values);
    for (const action of model.listeners.change) action();
  };
}"""

RANGES = """() => ["yaxis", "yaxis3"].map((name) =>
  document.querySelector(".js-plotly-plot")?._fullLayout?.[name]?.range)"""


@pytest.fixture
def states(rng):
    """The confusion matrix of a network, and its first mistake, as the page gets them."""
    digits = load_dataset("digits")
    genome = initialise(random_genome(digits.shape, digits.n_classes, rng, hidden_layers=(2, 2)), rng)
    found, plot, made = confusion(genome, digits), Plot(), []
    for figure in (draw_confusion(found), evidence_figure(genome, digits, "validation", int(found.wrong()[0]))):
        plot.show(figure)
        made.append(synced(plot))
    return made, plot.get_state()["_esm"]


def test_another_figure_starts_from_its_own_axes(browser, states):
    """plotly would constrain the image's axes to the ranges that the matrix of ten classes had before."""
    (matrix, mistake), code = states
    page = open_page(browser, width=800)
    page.goto("http://workbench.test/")
    page.evaluate(PREPARE, get_plotlyjs())
    page.evaluate("([state, esm]) => show(state, esm, '')", [matrix, code])
    page.wait_for_selector(".js-plotly-plot .hm")
    zooms = page.locator('.modebar-btn[data-title="Zoom in"]')
    assert zooms.count() == 1
    page.evaluate("values => become(values)", mistake)
    page.wait_for_selector(".js-plotly-plot .im")
    assert zooms.count() == 0  # it would act on all three plots
    page.wait_for_function(f"({RANGES})()[1]")
    assert page.evaluate(RANGES) == [[7.5, -0.5], [7.5, -0.5]]  # both images have eight rows of pixels
    page.evaluate("values => become(values)", matrix)
    page.wait_for_selector(".js-plotly-plot .hm")
    page.locator(".js-plotly-plot .nsewdrag").first.click(position={"x": 30, "y": 30})
    page.wait_for_function("window.sent.length > 0")
    assert [message["kind"] for message in page.evaluate("window.sent")] == ["click"]  # told once, not once a figure
    page.context.close()
