"""The table of individuals and the strip of generations in a real browser."""

from __future__ import annotations

import numpy as np
import pytest
from canvas_page import pack

from workbench.views.front.timeline import Timeline
from workbench.views.individuals.data import Individuals
from workbench.views.individuals.widget import COLUMNS, STATUSES, Table

ROWS = 300
KINDS = ("add_edges", "remove_layer")

PREPARE = """() => {
  window.sent = [];
  Model.prototype.send = function (message) { window.sent.push(message); };
  window.tell = (message, buffers) => {
    for (const action of [...model.listeners["msg:custom"]]) action(message, unpack(buffers));
  };
}"""


class Told:
    """A run of so many individuals, in the form in which a file tells of them."""

    def __init__(self, first: int, last: int) -> None:
        self.ids = range(first, last)

    def news(self, id: int, generation: int) -> tuple[list[dict], list]:
        return [self._told(each) for each in self.ids], []

    def _told(self, id: int) -> dict:
        kind = KINDS[id % 2] if id >= 10 else None
        return {
            "id": id,
            "parent": id - 10 if id >= 10 else None,
            "generation": id // 10,
            "origin": "mutation" if kind else "initial",
            "mutation_kind": kind,
            "mutation": {"kind": kind, "edges_added": id} if kind else {},
            "status": "failed" if id == 20 else "ok",
            "val_accuracy": 0.5 + id / 1000,
            "flops": 1000 * (ROWS - id),
            "parameters": 7 * id,
            "latency_us": None,
            "description": {"summary": "64-9-10", "hidden layers": 1},
            "wall_seconds": 1.5,
        }


@pytest.fixture
def shown(open_widget):
    def show(widget):
        made = open_widget(widget, PREPARE, width=1100)
        made.settle()
        return made

    return show


class Hands:
    """The table on a page, fed as the kernel does."""

    def __init__(self, shown, table: Table, known: Individuals) -> None:
        self.table, self.known, self.shown = table, known, shown
        self.page = shown.page

    def feed(self, start: int) -> None:
        sent = []
        self.table.send = lambda message, buffers: sent.append((message, buffers))
        self.table._send_rows(start)
        self.page.evaluate("([message, buffers]) => tell(message, buffers)", [sent[0][0], pack(sent[0][1])])
        status = np.full(len(self.known), STATUSES.index("dead"), np.uint8)
        status[self.known.rows["id"] == 20] = STATUSES.index("failed")
        self.shown.set(status=status.tobytes())
        self.shown.settle()

    def cells(self, name: str) -> list[str]:
        """Of a column, as far as they are in the page."""
        place = [column.name for column in self.table._columns].index(name)
        lines = self.page.locator(".wb-row")
        return [lines.nth(row).locator("span").nth(place).inner_text() for row in range(min(4, lines.count()))]

    def filter(self, name: str, text: str) -> str:
        self.page.get_by_label(f"Filter by {name}", exact=True).fill(text)
        return self.page.locator(".wb-individuals [role=status]").inner_text()


@pytest.fixture
def hands(shown):
    known = Individuals(Told(0, ROWS), KINDS, "hidden layers")
    known.update()
    table = Table(known, COLUMNS)
    found = Hands(shown(table), table, known)
    assert found.page.evaluate("sent") == [{"kind": "rows", "from": 0}]
    found.feed(0)
    return found


def test_rows_are_sorted_and_filtered_on_the_page(hands):
    assert hands.cells("id") == ["299", "298", "297", "296"]  # the latest first
    assert hands.cells("change")[0] == "+1.00"
    assert hands.cells("mutation")[0] == "remove layer: 299 edges added"
    assert hands.page.locator(".wb-row").count() < 40  # only those in sight
    hands.page.get_by_title("Sort by FLOPs").click()
    assert hands.cells("flops") == ["300,000", "299,000", "298,000", "297,000"]
    hands.page.get_by_title("Sort by FLOPs").click()
    assert hands.cells("flops")[0] == "1,000"
    assert hands.filter("accuracy", "> 79") == "9 of 300 individuals"
    assert hands.filter("accuracy", "60..60.5") == "6 of 300 individuals"
    assert hands.filter("accuracy", "") == "300 of 300 individuals"
    assert hands.filter("FLOPs", "<=5k") == "5 of 300 individuals"
    assert hands.filter("mutation", "LAYER") == "3 of 300 individuals"
    assert hands.filter("FLOPs", "") == "145 of 300 individuals"
    assert hands.filter("mutation", "") == hands.filter("id", "") == "300 of 300 individuals"
    assert hands.filter("status", "failed") == "1 of 300 individuals"
    assert hands.cells("val_accuracy") == ["–"]


def test_rows_come_in_without_losing_order_filter_or_place(hands):
    hands.page.get_by_title("Sort by generation").click()
    hands.filter("mutation", "add edges")
    hands.page.locator(".wb-rows").evaluate("grid => { grid.scrollTop = 50 * 24; }")
    hands.shown.settle()
    first = "() => { const top = document.querySelector('.wb-rows').scrollTop;"
    first += "return [...document.querySelectorAll('.wb-row')].find(row => row.offsetTop >= top).dataset.individual; }"
    before = hands.page.evaluate(first)
    hands.known._run = Told(ROWS, ROWS + 40)
    hands.known.update()
    hands.feed(ROWS)
    assert hands.page.evaluate(first) == before
    assert hands.filter("mutation", "add edges") == "165 of 340 individuals"
    hands.feed(ROWS - 50)  # what is known already is not taken twice
    assert hands.page.locator(".wb-individuals [role=status]").inner_text() == "165 of 340 individuals"
    hands.page.evaluate("sent.length = 0")
    hands.page.evaluate("tell({kind: 'rows', from: 900, texts: {}}, [])")
    assert hands.page.evaluate("sent") == [{"kind": "rows", "from": 340}]  # some were missed


def test_a_row_is_selected_by_mouse_and_keyboard_and_from_elsewhere(hands):
    hands.page.locator(".wb-row").nth(2).click()
    assert hands.shown.get("selected") == 297
    hands.page.locator(".wb-rows").focus()
    hands.page.keyboard.press("ArrowDown")
    assert hands.shown.get("selected") == 296
    hands.shown.set(selected=17)
    hands.shown.settle()
    marked = hands.page.locator(".wb-row[aria-selected=true]")
    assert marked.get_attribute("data-individual") == "17"  # scrolled into sight
    assert marked.is_visible()


def test_the_strip_goes_back_in_time(shown):
    strip = Timeline()
    strip.volumes = np.linspace(0.4, 0.7, 21, dtype=np.float32).tobytes()
    strip.marks = [[3.5, "from child 40: tournament size 3 → 5"]]
    page = shown(strip)
    curve = page.page.locator(".wb-timeline svg")
    assert page.page.locator(".wb-timeline .mark title").text_content().startswith("from child 40")
    assert page.page.locator(".wb-timeline-told").inner_text() == "generation 20 of 20 · hypervolume 0.7000"
    box = curve.bounding_box()
    curve.click(position={"x": 8 + (box["width"] - 16) / 2, "y": 20})
    assert page.get("value") == 10
    page.page.keyboard.press("ArrowLeft")
    assert page.get("value") == 9
    page.page.mouse.move(0, 300)
    assert page.page.locator(".wb-timeline-told").inner_text() == "past: generation 9 of 20 · hypervolume 0.5350"
    page.page.get_by_role("button", name="Now").click()
    assert page.get("value") == -1
    page.page.locator(".wb-timeline-play").click()  # from the start; the next step waits until this one is drawn
    page.wait("model.get('value') === 0")
    page.settle()
    assert page.get("value") == 0
    page.set(shown=0)
    page.wait("model.get('value') === 1")
    page.page.locator(".wb-timeline-play").click()
    assert curve.get_attribute("aria-valuetext") == "generation 1 of 20 · hypervolume 0.4150"
