"""Two networks side by side: where they err differently, how they are related, numbers and receptive fields."""

from __future__ import annotations

import numpy as np
import pytest
from search.search_samples import tiny_data
from widgets.widget_samples import individual

from workbench.errors import DataError, WeightsError
from workbench.genome import Genome
from workbench.individuals import Cost
from workbench.initial import initialise, random_genome
from workbench.mutations import MutationRates, mutate
from workbench.plots import Confusion, kinship, two_fields, two_fields_figure, two_networks, two_networks_figure
from workbench.spaces import NeuronSpace
from workbench.views.versus.data import TwoNetworks, difference_in_words, kinship_in_words, number_rows

DATA = tiny_data()


@pytest.fixture
def parent(rng) -> Genome:
    drawn = random_genome(DATA.shape, DATA.n_classes, rng, hidden_layers=(2, 2), layer_size=(0.5, 0.6))
    return initialise(drawn, rng)


@pytest.fixture
def child(parent, rng) -> Genome:
    grown, _ = mutate(parent, MutationRates(add_neurons=1, add_edges=0, remove_edges=0, remove_layer=0), rng)
    return initialise(grown, rng)


def predictions(labels: list[int], predicted: list[int]) -> Confusion:
    return Confusion("validation", ("a", "b"), np.array(labels), np.eye(2, dtype=np.float32)[predicted])


def made_up(right_both: int, only_first: int, only_second: int, neither: int) -> TwoNetworks:
    counts = (right_both, only_first, only_second, neither)
    rights = [pair for pair, n in zip(((1, 1), (1, 0), (0, 1), (0, 0)), counts, strict=True) for _ in range(n)]
    labels = [place % 2 for place in range(len(rights))]
    sides = [
        [label if pair[side] else 1 - label for pair, label in zip(rights, labels, strict=True)] for side in (0, 1)
    ]
    return TwoNetworks(*(predictions(labels, side) for side in sides))


def test_images_are_told_apart():
    found = made_up(60, 8, 20, 12)
    assert [len(each) for each in (found.only_first, found.only_second, found.both_wrong)] == [8, 20, 12]
    assert found.difference == pytest.approx(found.second.accuracy - found.first.accuracy) == 0.12
    assert found.by_class.sum(axis=0).tolist() == [8, 20]
    right = np.stack([one.predicted == one.labels for one in (found.first, found.second)])
    assert right[:, found.only_first].tolist() == [[True] * 8, [False] * 8]


def test_the_test_is_mcnemars():
    found = made_up(60, 8, 20, 12)
    tail = sum(np.prod([28 - i for i in range(k)]) / np.prod(range(1, k + 1)) for k in range(9)) / 2**28
    assert found.p_value == pytest.approx(2 * tail)
    low, high = found.interval
    assert low < found.difference < high
    assert (low > 0) == (found.p_value < 0.05)
    swapped = made_up(60, 20, 8, 12)
    assert swapped.interval == pytest.approx((-high, -low))
    same = made_up(10, 0, 0, 2)
    assert (same.p_value, same.difference) == (1.0, 0.0)
    assert same.interval[0] < 0 < same.interval[1]


def test_intervals_hold_what_they_promise(rng):
    """Of pairs that differ by a true difference, about 95 % of the intervals hold it."""
    held = []
    for _ in range(400):
        counts = rng.multinomial(500, [0.9, 0.03, 0.05, 0.02])
        low, high = made_up(*counts.tolist()).interval
        held.append(low <= 0.02 <= high)
    assert 0.92 <= np.mean(held) <= 0.98


def test_what_is_said_of_them():
    text = difference_in_words(made_up(60, 8, 20, 12), "A", "B")
    assert "B against A on 100 validation images: +12.00 points (95% interval +1.67 to +21.86;" in text
    assert "p = 0.036: hardly chance). Both are wrong on 12." in text
    assert "could be chance" in difference_in_words(made_up(60, 8, 10, 12), "A", "B")


@pytest.mark.parametrize(
    ("first", "second", "expected", "words"),
    [
        ([1, 4, 9], [1, 4, 12, 20], (4, 1, 2), "common ancestor is 4: 1 mutation to 9, 2 mutations to 20"),
        ([1, 4], [1, 4, 12], (4, 0, 1), "4 is an ancestor of 12: 1 mutation between"),
        ([1, 4, 12], [1], (1, 2, 0), "1 is an ancestor of 12: 2 mutations between"),
        ([1, 4], [2, 5], (None, 2, 2), "different initial networks"),
        ([1, 4], [1, 4], (4, 0, 0), "the same individual"),
    ],
)
def test_kinship(first, second, expected, words):
    found = kinship(first, second)
    assert found == expected
    assert words in kinship_in_words(found, first[-1], second[-1])


def test_numbers_differ_in_points_and_factors(parent, child):
    space = NeuronSpace.for_data(DATA)
    costs = Cost(1000, 1100, 400, 12.0), Cost(2500, 2600, 400, 18.0)
    one, other = (individual(id, 0.9 + id / 100, cost=cost) for id, cost in zip((1, 2), costs, strict=True))
    rows = {row.name: row for row in number_rows(one, other, (space.describe(parent), space.describe(child)))}
    assert rows["validation accuracy"][1:] == ("91.00%", "92.00%", "+1.00 points")
    assert rows["FLOPs"][1:] == ("1,000", "2,500", "× 2.5")
    assert rows["parameters"].difference == "same"
    assert rows["edges"].second == f"{child.n_edges:,}"
    assert any(row.difference == "× 1.5" for row in rows.values())  # latency
    bare = number_rows(individual(1, cost=None, result=None), other, (None, space.describe(child)))
    assert {row.name: row.first for row in bare}["FLOPs"] == "–"


def test_real_networks(parent, child):
    found = two_networks(parent, child, DATA, "train")
    figure = two_networks_figure(parent, child, DATA, "train", ("one", "other"))
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [-sum(bars[0].x), sum(bars[1].x)] == [len(found.only_first), len(found.only_second)]
    assert f"only one right: {len(found.only_first)}" in [note.text for note in figure.layout.annotations]
    sheets = [trace for trace in figure.data if trace.type == "image"]
    for sheet, images in zip(sheets, (found.only_first, found.only_second), strict=True):
        told = {text for text in np.ravel(sheet.text) if text}
        assert len(told) == min(len(images), 16)
        assert all("one: " in text and "other: " in text for text in told)
    with pytest.raises(WeightsError, match="never trained"):
        two_networks(parent, child.without_weights(), DATA)


def test_receptive_fields_of_the_same_neuron_or_the_nearest(parent, child):
    first_hidden = child.n_inputs + child.n_outputs
    kinds = set()
    for neuron in range(child.n_inputs, child.n_neurons):
        found = two_fields(parent, child, neuron)
        other, same = found.neurons[0], found.same
        kinds.add(same)
        if neuron < first_hidden:
            assert (other, same, found.apart) == (neuron, True, 0.0)
        elif same:
            assert parent.neuron_keys[other - first_hidden] == child.neuron_keys[neuron - first_hidden]
        else:
            assert child.neuron_keys[neuron - first_hidden] not in parent.neuron_keys
            assert found.apart == pytest.approx(np.hypot(*(parent.positions[other] - child.positions[neuron])))
        assert found.fields[0].shape == found.fields[1].shape == DATA.shape
    assert kinds == {True, False}
    assert len(two_fields_figure(parent, child, child.n_inputs).data) == 2
    with pytest.raises(WeightsError):
        two_fields(parent.without_weights(), child, 0)
    with pytest.raises(DataError, match="same images and classes"):
        two_fields(Genome.from_edges((1, 1, 2), 2, [0, 1], [2, 3], [1, 1]), child, 0)
