"""The canvas views in a real browser: judged by their pixels."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from canvas_page import Shown

from workbench.datasets import load_dataset
from workbench.genome import Genome
from workbench.initial import CONVOLUTION, random_genome, windowed
from workbench.views.network.widget import DagView, SpatialView

BLUE, VERMILLION, GREEN, PURPLE = (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)
ORANGE, SKY, WHITE = (230, 159, 0), (86, 180, 233), (255, 255, 255)
DIGITS = load_dataset("digits")


def two_paths(**more) -> Genome:
    """Two inputs, two hidden neurons (4 and 5), two outputs (2 and 3): above all positive, below all negative."""
    return Genome.from_edges((1, 1, 2), 2, [0, 4, 1, 5], [4, 2, 5, 3], [1.0, 1.0, -1.0, -1.0], **more)


def click(shown: Shown, place: tuple[float, float]) -> None:
    shown.canvas().click(position={"x": place[0], "y": place[1]})


def blobs(shown: Shown, which: int = 0) -> list[tuple[float, float]]:
    """Middles of the neurons of a sparse picture, left to right then top to bottom, in CSS pixels."""
    script = """which => {
      const canvas = document.querySelectorAll(".wbc-canvas")[which];
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      const dark = [];
      for (let y = 30; y < height; y++) for (let x = 0; x < width; x++) {
        const i = 4 * (y * width + x);
        const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
        if (Math.max(r, g, b) - Math.min(r, g, b) < 12 && r < 110) dark.push([x, y]);
      }
      return dark;
    }"""
    groups: list[list[tuple[float, float]]] = []
    for x, y in shown.page.evaluate(script, which):
        group = next((one for one in groups if np.hypot(*(np.mean(one, axis=0) - (x, y))) < 11), None)
        if group is None:
            groups.append([(x, y)])
        else:
            group.append((x, y))
    round_ones = [np.mean(one, axis=0) for one in groups if len(one) > 100]
    return sorted((round(x), round(y)) for x, y in round_ones)


def test_sign_is_the_colour_of_an_edge(show):
    shown = show(DagView(two_paths()))
    drawn = shown.get("drawn")
    assert (drawn["n_neurons"], drawn["n_edges"], drawn["version"]) == (6, 4, 1)
    half = 46 + (520 - 46 - 34) / 2
    assert shown.count(BLUE, box=(0, 0, 1100, half)) > 1000
    assert shown.count(VERMILLION, box=(0, half, 1100, 520)) > 1000
    assert shown.count(BLUE, box=(0, half + 3, 1100, 520)) == 0
    assert shown.count(VERMILLION, box=(0, 0, 1100, half - 3)) == 0
    assert shown.count(GREEN) == shown.count(PURPLE) == 0


def test_shared_weights_have_colours_of_their_own(show):
    shown = show(DagView(two_paths(shared=[0, 0, 1, 1])))
    assert shown.count(GREEN) > 1000
    assert shown.count(PURPLE) > 1000
    assert shown.count(BLUE) == shown.count(VERMILLION) == 0


def test_skip_edges_are_told_apart_and_can_be_hidden(show):
    genome = Genome.from_edges((1, 1, 1), 1, [0, 2, 0], [2, 1, 1], [1.0, 1.0, -1.0])
    shown = show(DagView(genome))
    dashed = shown.count(VERMILLION)
    assert dashed > 300
    on_the_line = shown.count(VERMILLION, box=(300, 256, 600, 20))
    assert on_the_line == 0  # it bows out
    box = shown.page.get_by_label("skip")
    assert box.is_checked()
    box.uncheck()
    shown.settle()
    assert shown.count(VERMILLION) == 0
    assert shown.count(BLUE) > 300
    assert shown.get("drawn")["n_edges"] == 2


def test_skip_edges_at_the_rim_stay_inside(show):
    sources = [*range(6), *[12] * 6, 0, 5]  # one path through the middle, and past it at the top and at the bottom
    genome = Genome.from_edges((1, 1, 6), 6, sources, [*[12] * 6, *range(6, 12), 6, 11], [1.0] * 12 + [-1.0] * 2)
    shown = show(DagView(genome))
    above, below = (300, 28, 600, 17), (300, 487, 600, 26)
    assert shown.count(VERMILLION, box=above) > 300
    assert shown.count(VERMILLION, box=below) > 300
    assert shown.count(VERMILLION, box=(0, 0, 1230, 24)) == shown.count(VERMILLION, box=(0, 516, 1230, 2)) == 0


def test_a_click_selects_that_neuron_and_lights_its_relatives(show):
    shown = show(DagView(two_paths()))
    places = blobs(shown)
    assert len(places) == 6  # by column: inputs 0, 1; hidden 4, 5; outputs 2, 3
    for place, neuron in zip(places, [0, 1, 4, 5, 2, 3], strict=True):
        click(shown, place)
        assert shown.get("neuron") == neuron
        shown.canvas().press("Escape")
        assert shown.get("neuron") is None
    click(shown, places[2])
    shown.settle()
    assert shown.count(ORANGE, 10, box=(0, 30, 200, 490)) > 60  # its input
    assert shown.count(SKY, 10, box=(800, 30, 400, 490)) > 60  # its output
    assert shown.count(VERMILLION) == 0  # the other path is dimmed
    assert shown.count(BLUE) > 1000
    assert "1 ancestors" in shown.page.locator(".wbc-status").inner_text()
    click(shown, (300, 500))  # beside everything
    assert shown.get("neuron") is None


def test_hover_tells_what_a_neuron_is(show):
    shown = show(DagView(two_paths(biases=[0, 0, 0.25, -1])))
    x, y = blobs(shown)[3]
    shown.canvas().hover(position={"x": x, "y": y})
    shown.settle()
    text = shown.page.locator(".wbc-tip").inner_text()
    assert "neuron 5" in text
    assert "hidden, layer 1" in text
    assert "in-degree 1, out-degree 1" in text
    assert "bias −1" in text
    assert "row 0, column 1" in text
    assert shown.get("hovered") == 5
    shown.canvas().hover(position={"x": 300, "y": 500})
    assert shown.page.locator(".wbc-tip").is_hidden()
    assert shown.get("hovered") is None


def test_zoom_and_pan_change_the_picture_and_reset_restores_it(show):
    shown = show(DagView(random_genome((1, 8, 8), 4, np.random.default_rng(0))))
    first = shown.picture()
    shown.canvas().focus()
    pictures = [first]
    for key in ("+", "ArrowLeft", "ArrowDown", "-"):
        shown.canvas().press(key)
        shown.settle()
        pictures.append(shown.picture())
    assert len(set(pictures)) == len(pictures)
    shown.canvas().press("0")
    shown.settle()
    assert shown.picture() == first
    shown.page.mouse.move(500, 300)
    shown.page.mouse.wheel(0, -400)
    shown.settle()
    assert shown.picture() != first
    shown.page.get_by_role("button", name="reset the view").click()
    shown.settle()
    shown.page.mouse.move(500, 300)
    shown.page.mouse.down()
    shown.page.mouse.move(560, 330, steps=4)
    shown.page.mouse.up()
    shown.settle()
    assert shown.picture() != first
    assert shown.get("neuron") is None  # a drag is no click


def test_eight_thousand_neurons_and_half_a_million_edges(show, record_property):
    genome = random_genome(
        (3, 32, 32),
        10,
        np.random.default_rng(0),
        hidden_layers=(4, 4),
        layer_size=(0.75, 0.8),
        edges_per_neuron=(63.3, 63.4),
    )
    assert genome.n_neurons >= 8_000
    assert genome.n_edges >= 500_000
    view = DagView(genome)
    view.bundled, view.most_edges = False, genome.n_edges
    shown = show(view)
    shown.wait("model.get('drawn').n_edges > 0")
    drawn = shown.get("drawn")
    print(f"first picture of {drawn['n_edges']:,} edges: {drawn['milliseconds']} ms")
    record_property("milliseconds", drawn["milliseconds"])
    assert drawn["n_edges"] == genome.n_edges
    assert drawn["milliseconds"] < 20_000
    pixels = 1232 * 518
    assert shown.count(WHITE, 4) < 0.5 * pixels
    frames = shown.page.evaluate(
        """async () => {
          const canvas = document.querySelector(".wbc-canvas");
          canvas.focus();
          const start = performance.now();
          for (let i = 0; i < 20; i++) {
            canvas.dispatchEvent(new KeyboardEvent("keydown", { key: i % 2 ? "ArrowLeft" : "+" }));
            await new Promise(requestAnimationFrame);
          }
          return (performance.now() - start) / 20;
        }"""
    )
    print(f"while moving: {frames:.0f} ms a frame")
    assert frames < 500


def test_edges_are_fewer_or_bundled_and_a_click_opens_a_block(show):
    genome = random_genome((1, 8, 8), 4, np.random.default_rng(0), hidden_layers=(2, 2), edges_per_neuron=(30, 31))
    view = DagView(genome)
    view.most_edges = genome.n_edges
    shown = show(view)
    ink = lambda: 1232 * 518 - shown.count(WHITE, 8)  # noqa: E731
    everything = ink()
    assert f"all {genome.n_edges:,} edges drawn" in shown.page.locator(".wbc-legend").inner_text()
    slider = shown.page.get_by_label("edges drawn")
    slider.focus()
    slider.press("Home")
    shown.settle()
    few = shown.get("drawn")["n_edges"]
    assert few == shown.get("most_edges") == 100
    assert (
        f"100 of {genome.n_edges:,} edges drawn, each neuron's strongest first"
        in shown.page.locator(".wbc-legend").inner_text()
    )
    assert ink() < everything / 2
    shown.page.get_by_role("button", name="bundle edges between blocks").click()
    shown.settle()
    assert shown.get("bundled")
    bundled, strong = ink(), shown.count(BLUE, 60)
    assert 1000 < bundled < everything
    width, height = 1232, 520
    shown.canvas().click(position={"x": 46 + (width - 138) * 0.21 / 3.42, "y": 46 + (height - 80) / 32})
    shown.settle()
    assert shown.get("opened") == 0  # the top rows of the inputs
    assert shown.get("drawn")["n_edges"] > 0
    assert "inputs, rows 0 to" in shown.page.locator(".wbc-status").inner_text()
    assert shown.count(BLUE, 60) < strong  # the bundles are faint
    assert shown.count(ORANGE) == 0  # nothing feeds an input
    assert shown.count(SKY, 10) > 60
    shown.canvas().press("Escape")
    shown.settle()
    assert shown.get("opened") == -1
    shown.page.get_by_label("colours of neurons").select_option("in-degree")
    shown.settle()
    assert "edges into a neuron" in shown.page.locator(".wbc-legend").inner_text()


def test_views_of_one_model_go_together_and_clean_up(show):
    shown = show(DagView(two_paths()))
    shown.page.evaluate("addView()")
    shown.settle()
    assert shown.count(BLUE, which=1) > 1000
    click(shown, blobs(shown)[2])
    shown.settle()
    assert shown.count(VERMILLION, which=1) == 0
    before = shown.page.evaluate("Object.values(model.listeners).flat().length")
    shown.page.evaluate("leave.pop()(); document.querySelectorAll('.wbc')[1].remove()")
    assert shown.page.evaluate("Object.values(model.listeners).flat().length") == before / 2
    shown.set(neuron=None)
    shown.settle()
    assert shown.count(VERMILLION) > 1000


def test_another_genome_replaces_the_picture(show):
    view = DagView(two_paths())
    shown = show(view)
    view.genome = two_paths(shared=[0, 0, 1, 1])
    shown.set(scene=view.scene)
    shown.settle()
    assert shown.count(BLUE) == 0
    assert shown.count(GREEN) > 1000
    assert shown.get("drawn")["version"] == 2


FILL = "height => void Object.assign(document.body.style, { display: 'flex', flexDirection: 'column', height })"


def in_the_middle(shown: Shown) -> bool:
    """Whether a neuron is in the middle of the canvas."""
    box = shown.canvas().bounding_box()
    middle = box["width"] / 2, box["height"] / 2
    return any(np.hypot(*np.subtract(place, middle)) < 9 for place in blobs(shown))


def test_another_size_keeps_what_is_in_the_middle(show):
    view = DagView(two_paths(), height=0)
    shown = show(view, width=900)
    shown.page.evaluate(FILL, "500px")
    shown.settle()
    box = shown.canvas().bounding_box()
    legend = shown.page.locator(".wbc-status").bounding_box()
    assert 200 < box["height"] < 500
    assert legend["y"] + legend["height"] <= 513  # nothing sticks out of its box
    place = blobs(shown)[2]
    shown.page.mouse.move(box["x"] + place[0], box["y"] + place[1])
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    shown.page.mouse.up()
    for _ in range(6):
        shown.canvas().press("+")
    for width, height in ((1500, "700px"), (700, "450px")):
        shown.page.set_viewport_size({"width": width, "height": 900})
        shown.page.evaluate(FILL, height)
        shown.settle()
        shown.settle()
        assert shown.canvas().bounding_box()["width"] == pytest.approx(width, abs=40)
        assert in_the_middle(shown)
        assert shown.count(BLUE) > 500


def test_a_hidden_canvas_is_drawn_when_it_comes_to_light(show):
    view = DagView(two_paths(), height=0)
    shown = show(view)
    shown.page.evaluate(FILL, "500px")
    shown.settle()
    shown.page.evaluate("document.body.style.display = 'none'")
    shown.settle()
    view.genome = two_paths(shared=[0, 0, 1, 1])
    shown.set(scene=view.scene)
    shown.settle()
    assert shown.get("drawn")["version"] == 1  # not while nobody looks
    shown.page.evaluate(FILL, "500px")
    shown.settle()
    assert shown.count(GREEN) > 500
    assert shown.get("drawn")["version"] == 2
    width = shown.page.evaluate("document.querySelector('.wbc-canvas').width")
    tools = shown.page.context.new_cdp_session(shown.page)
    metrics = {"width": 1280, "height": 901, "deviceScaleFactor": 2, "mobile": False}
    tools.send("Emulation.setDeviceMetricsOverride", metrics)  # the window moves to another screen
    shown.settle()
    assert shown.page.evaluate("document.querySelector('.wbc-canvas').width") == 2 * width


WORKER = "void (window.Worker = class { postMessage() {} terminate() {} constructor() { %s } })"
NO_WORKER = {
    "no canvas for it": "window.OffscreenCanvas = undefined",
    "forbidden": WORKER % "throw new Error('policy')",
    "broken": WORKER % "setTimeout(() => this.onerror())",
}


@pytest.mark.parametrize("prepare", NO_WORKER.values(), ids=NO_WORKER)
def test_without_a_worker_the_picture_is_the_same(show, prepare):
    view = DagView(random_genome((1, 16, 16), 4, np.random.default_rng(0), edges_per_neuron=(20, 21)))
    view.bundled, view.most_edges = False, 10**6
    shown = show(view)
    assert len(shown.page.workers) == 1
    alone = show(view, prepare)
    assert len(alone.page.workers) == 0
    alone.wait("model.get('drawn').n_edges > 3000")
    alone.settle()
    assert alone.picture() == shown.picture()


@pytest.mark.parametrize("make", [DagView, SpatialView])
def test_empty_state_is_deliberate(show, make):
    shown = show(make())
    assert 0 < shown.count(WHITE, 0) < 1232 * 518
    assert shown.count((189, 189, 189), 6) > 200  # the small drawing
    assert shown.count((33, 33, 33), 60) > 100  # its title


DARK = """() => {
  document.body.style.setProperty("--jp-layout-color0", "#111111");
  document.body.style.setProperty("--jp-ui-font-color1", "#ffffffde");
  document.body.setAttribute("data-jp-theme-light", "false");
}"""


def test_theme_follows_jupyterlab(show):
    shown = show(DagView(two_paths()))
    assert shown.count(WHITE, 0) > 400_000
    shown.page.evaluate(DARK)
    shown.page.wait_for_timeout(900)
    assert shown.count((17, 17, 17), 0) > 400_000
    assert shown.count(SKY) > 1000  # positive edges, lighter on dark


@pytest.mark.parametrize("make", [DagView, SpatialView])
def test_theme_that_is_dark_from_the_start(show, make):
    shown = show(make(two_paths()), prepare=DARK)
    assert shown.count((17, 17, 17), 0) > 200_000
    assert shown.count(WHITE, 0) < 5_000


def test_every_control_has_a_name(show):
    for view in (DagView(two_paths()), SpatialView(random_genome(DIGITS.shape, 10, np.random.default_rng(0)), DIGITS)):
        shown = show(view)
        nameless = shown.page.evaluate(
            """() => [...document.querySelectorAll("input, select, button, .wbc-canvas")]
              .filter((one) => !(one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim()))
              .map((one) => one.outerHTML)"""
        )
        assert nameless == []


@pytest.mark.parametrize("scale", [1, 2])
def test_the_canvas_is_sharp_and_opaque(show, scale):
    shown = show(DagView(two_paths()), scale=scale)
    from PIL import Image

    picture = Image.open(BytesIO(shown.picture()))
    box = shown.canvas().bounding_box()
    assert picture.size == (round(box["width"] * scale), round(box["height"] * scale))
    assert picture.convert("RGBA").getextrema()[3] == (255, 255)


def test_the_keyboard_alone_can_select(show):
    shown = show(DagView(two_paths()))
    field = shown.page.get_by_label("selected neuron")
    field.focus()
    shown.page.keyboard.type("5")
    shown.page.keyboard.press("Enter")
    assert shown.get("neuron") == 5
    field.fill("")
    shown.page.keyboard.press("Tab")
    assert shown.get("neuron") is None
    shown.canvas().focus()
    assert shown.page.evaluate("document.activeElement.closest('[data-lm-suppress-shortcuts]') !== null")


def send(shown: Shown, view: SpatialView, **traits) -> None:
    """Set traits in Python, and tell the browser all that followed from it."""
    for name, value in traits.items():
        setattr(view, name, value)
    names = ("scene", "show", "layer", "stacked", "split", "index", "picture", "density", "field", "neuron")
    shown.set(**{name: getattr(view, name) for name in names})
    shown.settle()


def test_spatial_view_puts_neurons_over_the_image(show, rng):
    view = SpatialView(windowed(DIGITS.shape, 10, rng, windows=CONVOLUTION), DIGITS)
    shown = show(view)
    assert shown.count(BLUE) > 500  # layer 1
    assert shown.count(ORANGE) > 300  # layer 2
    send(shown, view, layer=1)
    assert shown.count(BLUE) > 500
    assert shown.count(ORANGE) == 0
    shown.canvas().focus()
    shown.canvas().press("PageUp")
    assert shown.get("layer") == 2
    shown.page.get_by_label("layer", exact=True).select_option("-1")
    assert shown.get("layer") == -1


def test_spatial_view_selects_and_shows_the_receptive_field(show, rng):
    genome = windowed(DIGITS.shape, 10, rng, windows=CONVOLUTION)
    view = SpatialView(genome, DIGITS)
    view.layer = 3
    shown = show(view)
    places = shown.page.evaluate(
        """() => {
          const data = pixels(0, 0, null, null, 0);
          const width = document.querySelector(".wbc-canvas").width;
          for (let i = 0; i < data.length; i += 4)
            if (Math.abs(data[i]) < 30 && Math.abs(data[i + 1] - 158) < 20 && Math.abs(data[i + 2] - 115) < 20)
              return [(i / 4) % width, Math.floor(i / 4 / width)];
        }"""
    )
    click(shown, (places[0] + 1, places[1] + 2))
    neuron = shown.get("neuron")
    assert genome.layers[neuron] == 3
    send(shown, view, neuron=neuron, show="receptive field")
    assert shown.count(BLUE, 60) + shown.count(VERMILLION, 60) > 1000
    assert "accumulated weight" in shown.page.locator(".wbc-legend").inner_text()
    assert f"neuron {neuron}" in shown.page.locator(".wbc-facts").inner_text()


def test_spatial_view_densities_activations_and_sheets(show, rng):
    genome = random_genome(DIGITS.shape, 10, rng, hidden_layers=(2, 2))
    view = SpatialView(genome, DIGITS)
    shown = show(view)
    pictures = {shown.picture()}
    for change in ({"show": "neuron density"}, {"show": "edge density"}, {"show": "activations"}, {"stacked": True}):
        send(shown, view, **change)
        pictures.add(shown.picture())
        assert shown.count((254, 232, 56), 40) > 3  # the scale's upper end
        if not view.stacked:
            units = {"neuron density": "neurons per pixel", "edge density": "per pixel", "activations": "activation"}
            assert units[view.show] in shown.page.locator(".wbc-legend").inner_text()
    assert len(pictures) == 5
    before = shown.picture()
    shown.canvas().focus()
    shown.canvas().press("ArrowLeft")  # turns the sheets
    shown.settle()
    assert shown.picture() != before
    send(shown, view, index=3)
    label = DIGITS.class_names[DIGITS.labels("validation")[3]]
    assert f"validation image 3: {label}" in shown.page.locator(".wbc-title").inner_text()
    assert "mean" in shown.page.locator(".wbc-card").nth(1).inner_text()
    assert shown.count(BLUE, 90, which=2) > 500  # bars of the histogram
    assert shown.count(VERMILLION, which=2) > 50  # the law's line
