"""Networks as text in a real browser: selecting lines and names, what changed, scrolling to it."""

from __future__ import annotations

import pytest
from plots.listing_samples import AFTER, BEFORE, line

from workbench.views.listing.widget import ListingView

pytestmark = pytest.mark.slow

DARK = """document.body.style = "--jp-layout-color0: #111; --jp-ui-font-color1: #eee; background: #111" """


@pytest.fixture
def show(show):
    def sized(view, prepare="0", width=1000):
        return show(view, prepare, width=width, height=600)

    return sized


def look(locator, name: str) -> str:
    return locator.evaluate("(node, name) => getComputedStyle(node)[name]", name)


def columns(shown) -> int:
    """How many sections stand side by side."""
    boxes = [shown.page.locator(".wbl-section").nth(place).bounding_box() for place in range(3)]
    return sum(box["y"] == boxes[0]["y"] for box in boxes)


def test_a_chosen_name_lights_where_it_is_written_and_read(show):
    shown = show(ListingView(AFTER, height=200))
    lit = shown.page.locator(".wbl-lit")
    shown.page.locator(".wbl-name", has_text="m0").nth(1).click()
    assert shown.get("part") == "m0"
    assert [lit.nth(place).inner_text() for place in range(4)] == ["m0"] * 4
    classes = [lit.nth(place).get_attribute("class") for place in range(4)]
    assert ["writes" in each for each in classes] == [True, False, True, False]
    written, read = lit.nth(0), lit.nth(3)
    assert look(written, "backgroundColor") != look(read, "backgroundColor") == "rgba(0, 0, 0, 0)"
    assert "written in Setup 1, Learn 2 · read in Predict 2, Learn 2" in shown.page.locator(".wbc-status").inner_text()
    assert shown.page.locator(".wbl-chip[aria-pressed=true]").inner_text() == "m0"
    shown.canvas().press("Escape")
    assert shown.get("part") is None
    assert lit.count() == 0
    shown.page.locator(".wbl-chip", has_text="v0").click()
    assert lit.count() == 2


def test_keys_go_through_lines_and_names(show):
    shown = show(ListingView(AFTER, height=200))
    text = shown.canvas()
    text.focus()
    for key, part in (
        ("ArrowDown", "1"),
        ("End", "6"),
        ("ArrowUp", "5"),
        ("ArrowRight", "m1"),
        ("ArrowRight", "v2"),
        ("ArrowLeft", "m1"),
        ("ArrowDown", "6"),
        ("ArrowLeft", "m1"),
        ("Home", "1"),
    ):
        text.press(key)
        assert shown.get("part") == part, key
    assert shown.page.locator(".wbl-chosen").count() == 1
    shown.set(part="4")  # chosen in another view
    assert shown.page.locator(".wbl-chosen").get_attribute("data-key") == "4"
    shown.set(part="m0.next")  # drawn again in a graph
    assert shown.page.locator(".wbl-lit").count() == 4


def test_hovering_tells_what_a_name_is_and_what_a_line_takes(show):
    shown = show(ListingView(AFTER, height=200))
    shown.page.locator(".wbl-name", has_text="m0").nth(1).hover()
    told = shown.page.locator(".wbc-tip").inner_text().split("\n")
    assert told[0] == "m0: kept after training"
    assert told[-2:] == ["Predict 2", "8,192 FLOPs"]


@pytest.mark.parametrize("prepare", ["0", DARK])
def test_what_changed_is_marked_and_dead_lines_are_grey(show, prepare):
    view = ListingView(height=200)
    view.show_change(BEFORE, AFTER)
    shown = show(view, prepare)
    assert [shown.page.locator(f".wbl-line.s{state}").count() for state in (1, 2, 3)] == [1, 1, 1]
    marks = [one.inner_text() for one in shown.page.locator("mark").all()]
    assert marks == ["v3", "v0"]
    assert look(shown.page.locator(".wbl-line.s1"), "borderLeftColor") == (
        "rgb(86, 180, 233)" if prepare == DARK else "rgb(0, 114, 178)"
    )
    dead, live = shown.page.locator(".wbl-dead"), shown.page.locator(".wbl-line.s0").first
    assert look(dead, "color") != look(live, "color")
    assert "added 1 removed 1 changed 1" in " ".join(shown.page.locator(".wbc-legend").inner_text().split())


def test_sections_stand_side_by_side_where_there_is_room(show):
    assert columns(show(ListingView(AFTER, height=200))) == 3
    assert columns(show(ListingView(AFTER, height=200), width=300)) == 1


def test_the_changed_line_is_scrolled_to(show):
    long = [line(str(number), "Predict", f"s2 = {number}", "s2") for number in range(80)]
    view = ListingView(height=200)
    view.show_change(long, [*long[:70], *long[71:]])
    shown = show(view)
    around, gone = shown.canvas().bounding_box(), shown.page.locator(".wbl-line.s2").bounding_box()
    assert around["y"] + 20 < gone["y"] < around["y"] + around["height"] - gone["height"]
    shown.set(scene={})
    shown.settle()
    assert shown.page.locator(".wbl-empty").is_visible()
