from __future__ import annotations

import pytest
from canvas_page import Shown, chromium, open_page


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_widget(browser):
    """Show a widget on a page of its own, without waiting; at the end the page must have had no error."""
    shown = []

    def show(widget, prepare="0", **page):
        shown.append(Shown(open_page(browser, **page), widget, prepare))
        return shown[-1]

    yield show
    for one in shown:
        one.page.context.close()
        assert one.errors == []


@pytest.fixture
def show(open_widget):
    """Show a widget on a page of its own, and wait until it is drawn if it shows a network."""

    def show(widget, prepare="0", **page):
        shown = open_widget(widget, prepare, **page)
        if getattr(widget, "genome", widget) is not None:
            shown.wait("model.get('drawn').version !== undefined")
        shown.settle()
        return shown

    return show
