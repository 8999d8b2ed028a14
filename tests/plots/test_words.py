"""The one sentence about an individual."""

from __future__ import annotations

from math import nan

from workbench.formats import points
from workbench.views.base.words import hidden_layers_of, individual_in_words, made_by


def test_all_that_is_known():
    assert individual_in_words(
        812,
        generation=97,
        made=made_by("add_edges"),
        parent=790,
        val_accuracy=0.9613,
        parent_accuracy=0.9571,
        flops=12345,
        parameters=5678.0,
        hidden_layers=3,
        latency_us=12.5,
    ) == (
        "individual 812",
        "generation 97",
        "add edges of 790",
        "96.13% (+0.42 points)",
        "12,345 FLOPs",
        "5,678 parameters",
        "3 hidden layers",
        "12.5 µs predicted latency",
    )


def test_what_is_unknown_is_left_out():
    told = individual_in_words(3, generation=0, made=made_by(None), val_accuracy=nan, flops=None, hidden_layers=1)
    assert told == ("individual 3", "generation 0", "initial", "1 hidden layer")
    assert made_by(None, "by hand") == made_by("grow", "by hand") == "by hand"


def test_numbers():
    told = [individual_in_words(0, generation=0, made="", hidden_layers=n)[-1] for n in (0, 1, 11)]
    assert told == ["0 hidden layers", "1 hidden layer", "11 hidden layers"]


def test_differences_of_accuracy_are_in_points():
    assert (points(-0.0123), points(nan), points(None)) == ("−1.23 points", "–", "–")


def test_hidden_layers():
    assert [hidden_layers_of({"layers": sizes}) for sizes in ("784-10", "784-9-10", "")] == [0, 1, None]
    assert hidden_layers_of({"summary": "3-3-3", "hidden layers": 2}) == 2
    assert hidden_layers_of({"summary": "3-3-3"}) is None
    assert hidden_layers_of({}) is None
