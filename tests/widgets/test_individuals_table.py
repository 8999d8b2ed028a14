"""The table of individuals: what the page is told, and that it is linked."""

from __future__ import annotations

import numpy as np
import pytest
from search.search_samples import step
from widget_samples import number_search

from workbench.views.base.poller import POLLER
from workbench.views.individuals.data import Individuals
from workbench.views.individuals.widget import STATUSES, columns_of
from workbench.widgets import IndividualsTable, Selection


@pytest.fixture
def search(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    yield search
    search.close()


@pytest.fixture
def sent(monkeypatch):
    """Messages with rows that were sent: first row, ids, words."""
    found = []

    def note(table, message, buffers):
        found.append((message["from"], np.frombuffer(buffers[0]).astype(int).tolist(), message["texts"]["mutation"]))

    monkeypatch.setattr("workbench.views.individuals.widget.Table.send", note)
    return found


def test_new_rows_are_sent_once_and_all_when_the_page_asks(search, sent):
    step(search, 9)
    view = IndividualsTable(search)
    view.subscription.interval = 0
    assert [ids for _, ids, _ in sent] == [list(range(9))]
    step(search, 2)
    POLLER.poll_once()
    assert [(start, ids) for start, ids, _ in sent[1:]] == [(9, [9, 10])]
    view.table._hear({"kind": "rows", "from": 0})
    assert sent[-1][:2] == (0, list(range(11)))
    assert sent[-1][2][0] == "initial"
    assert {words.partition(":")[0] for words in sent[-1][2][6:]} <= {"grow", "shrink"}
    status = [STATUSES[code] for code in view.table.status]
    table = search.results.individuals
    assert [each == "all-time front" for each in status] == table["on_front"].tolist()
    assert set(status) <= {"dead", "alive", "new", "all-time front"}
    view.close()


def test_a_row_selects_everywhere_and_shows_what_is_selected_elsewhere(search):
    step(search, 9)
    selection = Selection()
    view = IndividualsTable(search, selection)
    view.table.selected = 4
    assert selection.individual == 4
    selection.individual = 7
    assert view.table.selected == 7
    view.close()


def test_columns(search):
    view = IndividualsTable(search)
    names = [column["label"] for column in view.table.columns]
    assert names[:6] == ["id", "generation", "parent", "mutation", "accuracy", "points"]
    assert "µs, predicted" not in names  # it is no objective of this run
    view.close()


def test_columns_are_in_the_words_of_the_space():
    told = {one.name: one for one in columns_of(Individuals(None, ["prune_tree"], "tree nodes"), has_latency=False)}
    assert (told["size"].label, told["mutation"].hint) == ("tree nodes", "prune tree")
    assert "latency_us" not in told
    assert {one.name for one in columns_of(Individuals(None), has_latency=True)} == {"latency_us", *told} - {"size"}
