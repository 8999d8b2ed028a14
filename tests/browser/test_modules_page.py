"""The graph of modules and its tree in a real browser."""

from __future__ import annotations

import pytest
from plots.picture_samples import resampled_picture, residual_picture

from workbench.views.modules.widget import ModulesView

BLUE, VERMILLION = "rgb(0, 114, 178)", "rgb(213, 94, 0)"
DARK = """document.body.style = "--jp-layout-color0: #111; --jp-ui-font-color1: #eee; background: #111" """


@pytest.fixture
def show(show):
    def sized(view, prepare="0"):
        return show(view, prepare, width=1100, height=700)

    return sized


def box(shown, text: str, number: int = 0):
    return shown.page.locator(".wbm-box", has_text=text).nth(number)


def row(shown, text: str, number: int = 0):
    return shown.page.locator(".wbm-row", has_text=text).nth(number)


def click(shown, target) -> None:
    place = target.bounding_box()
    shown.page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)


def test_a_click_selects_in_graph_and_tree(show):
    shown = show(ModulesView(residual_picture(1)))
    assert shown.get("drawn") == {"boxes": 10, "links": 11, "version": 1}
    click(shown, box(shown, "conv", 2))
    assert shown.get("part") == "o0.0.2"
    assert shown.page.locator(".wbm-box.wbm-chosen").count() == 1
    assert shown.page.locator(".wbm-box.wbm-before").count() == 2  # the input and what it comes from
    assert shown.page.locator(".wbm-box.wbm-after").count() == 6
    assert row(shown, "conv", 2).get_attribute("aria-selected") == "true"
    assert "1,000 FLOPs" in shown.page.locator(".wbc-status").inner_text()
    row(shown, "Residual2").click()
    assert shown.get("part") == "c0.0"
    assert shown.page.locator(".wbm-box.wbm-chosen").count() == 4
    shown.canvas().press("Escape")
    assert shown.get("part") is None
    assert shown.page.locator(".wbm-chosen, .wbm-before").count() == 0


def test_a_module_chosen_elsewhere_is_in_the_box_that_is_drawn_for_it(show):
    view = ModulesView(residual_picture(1))
    view.level = 2
    shown = show(view)
    assert shown.get("drawn")["boxes"] == 4  # two cells between input and output
    shown.set(part="o0.1.2")
    assert shown.page.locator(".wbm-box.wbm-chosen").count() == 1
    assert row(shown, "Residual2", 1).get_attribute("aria-selected") == "true"


def test_hovering_tells_facts(show):
    shown = show(ModulesView(residual_picture(1)))
    box(shown, "conv").hover()
    tip = shown.page.locator(".wbc-tip").inner_text()
    assert tip.split("\n") == ["conv 3×3", "convolution", "output 16×8×8", "1,000 FLOPs", "10 parameters"]
    shown.page.mouse.move(5, 5)
    assert shown.page.locator(".wbc-tip").is_hidden()


def test_branches_and_levels_are_asked_for(show):
    shown = show(ModulesView(residual_picture(2)))
    row(shown, "stage 1").locator(".wbm-arrow").click()
    assert shown.get("toggled") == ["s1"]
    row(shown, "stage 1").locator(".wbm-arrow").click()
    assert shown.get("toggled") == []
    shown.page.get_by_text("− level").click()
    assert shown.get("level") == 3
    shown.page.get_by_text("auto").click()
    assert shown.get("level") == -1


def test_the_tree_is_walked_by_keys(show):
    shown = show(ModulesView(residual_picture(1)))
    tree = shown.page.locator(".wbm-tree")
    tree.focus()
    for key, part in (("ArrowDown", "root"), ("End", "o0.1.2"), ("ArrowLeft", "c0.1"), ("ArrowUp", "o0.0.2")):
        tree.press(key)
        assert shown.get("part") == part
    tree.press("Home")
    tree.press("Enter")
    assert shown.get("toggled") == ["root"]
    tree.press("Escape")
    assert shown.get("part") is None


@pytest.mark.parametrize(("prepare", "added"), [("0", BLUE), (DARK, "rgb(86, 180, 233)")])
def test_what_changed_is_outlined_in_graph_and_tree(show, prepare, added):
    view = ModulesView()
    view.show_change(residual_picture(1), resampled_picture(residual_picture(1)))
    shown = show(view, prepare)

    def look(locator, name: str) -> str:
        return locator.evaluate("(node, name) => getComputedStyle(node)[name]", name)

    new, old = shown.page.locator(".wbm-box.s1"), shown.page.locator(".wbm-box.s2")
    assert (new.count(), old.count()) == (2, 1)
    assert look(new.first.locator(".wbm-ground"), "stroke") == added
    assert "5px" in look(old.first.locator(".wbm-ground"), "strokeDasharray")
    assert [shown.page.locator(f".wbm-row.s{state}").inner_text().strip() for state in (1, 2)] == [
        "▾\nLinear1",
        "conv 3×3",
    ]
    text = look(new.first.locator("text").first, "fill")
    assert text == ("rgb(238, 238, 238)" if prepare == DARK else "rgb(33, 33, 33)")
    legend = shown.page.locator(".wbc-legend").inner_text()
    assert "added 2" in " ".join(legend.split())


def test_the_graph_moves_and_returns(show):
    shown = show(ModulesView(residual_picture(1)))
    first = box(shown, "input").bounding_box()
    graph = shown.canvas()
    graph.focus()
    for key in ("+", "+", "ArrowLeft", "-"):
        graph.press(key)
    assert box(shown, "input").bounding_box()["width"] > first["width"]
    graph.press("0")
    assert box(shown, "input").bounding_box() == pytest.approx(first)


def test_a_long_network_is_closed_at_first_and_stays_readable(show):
    shown = show(ModulesView(residual_picture(150)))
    assert shown.get("drawn")["boxes"] == 152
    assert box(shown, "stage 0").bounding_box()["width"] > 35
    shown.set(scene={})
    shown.settle()
    assert shown.page.locator(".wbm-empty").is_visible()
