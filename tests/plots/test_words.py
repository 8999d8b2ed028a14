"""The one sentence about an individual."""

from __future__ import annotations

from math import nan

from workbench.formats import points
from workbench.views.base.words import individual_in_words, made_by, size_of


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
        size=3,
        size_fact="hidden layers",
        latency_us=12.5,
    ) == (
        "individual 812",
        "generation 97",
        "add edges of 790",
        "96.13% (+0.42 points)",
        "12,345 FLOPs",
        "5,678 parameters",
        "3 hidden layers",
        "12.50 µs predicted latency",
    )


def test_what_is_unknown_is_left_out():
    told = individual_in_words(
        3, generation=0, made=made_by(None), val_accuracy=nan, flops=None, size=1, size_fact="hidden layers"
    )
    assert told == ("individual 3", "generation 0", "initial", "1 hidden layer")
    assert made_by(None, "by hand") == made_by("grow", "by hand") == "by hand"


def test_numbers():
    told = [individual_in_words(0, generation=0, made="", size=n, size_fact="hidden layers")[-1] for n in (0, 1, 11)]
    assert told == ["0 hidden layers", "1 hidden layer", "11 hidden layers"]


def test_differences_of_accuracy_are_in_points():
    assert (points(-0.0123), points(nan), points(None)) == ("−1.23 points", "–", "–")
    assert points(-0.00001) == "+0.00 points"


def test_how_large_a_network_is():
    assert size_of({"summary": "3-3-3", "hidden layers": 2}, "hidden layers") == 2
    assert size_of({"summary": "3-3-3", "tree nodes": 31}, "tree nodes") == 31
    assert [size_of({"summary": "3-3-3", "tree nodes": 31}, name) for name in ("", "hidden layers")] == [None, None]
    older = [size_of({"layers": sizes}, "hidden layers") for sizes in ("784-10", "784-9-10", "")]
    assert older == [0, 1, None]
