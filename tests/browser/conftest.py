from __future__ import annotations

import pytest
from canvas_page import Shown, chromium, open_page


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def show(browser):
    """Show a widget on a page of its own; at the end the page must have had no error."""
    shown = []

    def show(widget, prepare="0", **page):
        shown.append(Shown(open_page(browser, **page), widget, prepare))
        if widget.genome is not None:
            shown[-1].wait("model.get('drawn').version !== undefined")
        shown[-1].settle()
        return shown[-1]

    yield show
    for one in shown:
        one.page.context.close()
        assert one.errors == []
