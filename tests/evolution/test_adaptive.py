"""Rates that follow what paid: the formulas, what a person asks for, and that nothing depends on how a run was made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.search_samples import SMALL, NumberSpace, finish, memory_of, step, tiny_data

from workbench.errors import ConfigError
from workbench.evolution.adaptive import ALPHA, BETA, FLOOR, WINDOW, Credits, adapted
from workbench.individuals import Cost, Individual, TrainResult
from workbench.search import Search

EQUAL = {"grow": 1.0, "shrink": 1.0}


def child(id: int, kind: str | None, accuracy: float, flops: int, generation: int = 1, **changes) -> Individual:
    record = {} if kind is None else {"kind": kind}
    origin = "initial" if kind is None else "mutation"
    result = TrainResult(None, accuracy, 0.1, ({},))
    made = Individual(id, None, generation, origin, record, 0, "ok", None, Cost(flops, flops, flops), result, 0.0)
    return replace(made, **changes)


def test_credit_is_the_front_after_the_generation():
    initial = child(0, None, 0.5, 100, generation=0)
    better, cheaper, worse = child(1, "grow", 0.6, 200), child(2, "shrink", 0.4, 50), child(3, "grow", 0.3, 300)
    failed = child(4, "shrink", 0.9, 10, status="failed")
    by_hand = child(10**9, "grow", 0.9, 400, origin="by hand")
    credits = Credits.of([initial, by_hand, failed, worse, cheaper, better])
    assert list(credits.generations) == [{"grow": (1.0, 0.0), "shrink": (1.0, 0.0)}]


def test_a_child_loses_no_credit_when_it_is_overtaken_later():
    individuals = [child(0, None, 0.5, 100, 0), child(1, "grow", 0.6, 100, 1), child(2, "grow", 0.7, 100, 2)]
    assert list(Credits.of(individuals).generations) == [{"grow": (1.0,)}, {"grow": (1.0,)}]


def test_probability_matching():
    credits = [{"grow": (1.0,), "shrink": (0.0,)}]
    grow, shrink = 0.5 + ALPHA * 0.5, 0.5 - ALPHA * 0.5  # from the mean of all, 0.5
    expected = FLOOR / 2 + (1 - FLOOR) * grow / (grow + shrink)
    assert adapted("matching", EQUAL, credits)["grow"] == pytest.approx(expected)


def test_adaptive_pursuit():
    credits = [{"grow": (1.0,), "shrink": (0.0,)}] * 2
    weight = 0.5
    for _ in credits:
        weight += BETA * (1 - weight)
    expected = FLOOR / 2 + (1 - FLOOR) * weight
    assert adapted("pursuit", EQUAL, credits) == pytest.approx({"grow": expected, "shrink": 1 - expected})


def test_pursuit_turns_when_something_else_pays():
    turned = [{"grow": (1.0,) * 5, "shrink": (0.0,) * 5}] * 20 + [{"grow": (0.0,) * 5, "shrink": (1.0,) * 5}] * 20
    assert adapted("pursuit", EQUAL, turned[:20])["grow"] > 0.85
    assert adapted("pursuit", EQUAL, turned)["shrink"] > 0.85


def test_without_credits_a_persons_rates_hold():
    base = {"grow": 0.3, "shrink": 0.1}
    for rule in ("matching", "pursuit"):
        for credits in ([], [{"grow": (0.0, 0.0), "shrink": (0.0,)}]):
            assert adapted(rule, base, credits) == pytest.approx({"grow": 0.75, "shrink": 0.25})


@given(
    rule=st.sampled_from(["matching", "pursuit"]),
    base=st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1), min_size=1).filter(
        lambda b: sum(b.values()) > 1e-6
    ),
    credits=st.lists(st.dictionaries(st.sampled_from("abcde"), st.lists(st.sampled_from([0.0, 1.0])).map(tuple))),
)
def test_bounds(rule, base, credits):
    """They sum to 1, keep a part of what was asked for, and what is switched off stays off."""
    result = adapted(rule, base, credits)
    assert list(result) == list(base)
    assert sum(result.values()) == pytest.approx(1)
    for kind, value in base.items():
        assert result[kind] >= FLOOR * value / sum(base.values()) - 1e-12
        assert value > 0 or result[kind] == 0


def test_what_is_remembered_is_bounded():
    credits = Credits()
    for number in range(WINDOW + 50):
        credits.add([child(number, "grow", 0.5, 100)], [])
    assert len(credits.generations) == WINDOW


@pytest.mark.parametrize(("rule", "base"), [("greedy", EQUAL), ("matching", {"grow": 0.0})])
def test_mistakes_are_named(rule, base):
    with pytest.raises(ConfigError, match=r"expected none or one of: matching, pursuit|above 0"):
        adapted(rule, base, [])


def test_a_config_names_the_rules():
    with pytest.raises(ConfigError, match=r"adapt expects one of matching, pursuit, or none, got 'greedy'"):
        replace(SMALL, adapt="greedy")


def adaptive_search(path, **changes) -> Search:
    config = replace(SMALL, adapt="pursuit", rates={"grow": 0.4, "shrink": 0.6}, **changes)
    return Search(tiny_data(), config, path, NumberSpace())


def test_a_run_is_the_same_for_any_number_of_workers_and_interruptions(tmp_path):
    whole = finish(adaptive_search(tmp_path / "whole.sqlite"))
    finish(adaptive_search(tmp_path / "many.sqlite", workers=3))
    for children in (7, 5, 6):
        search = Search(tiny_data(), whole.config, tmp_path / "parts.sqlite", NumberSpace(), if_exists="resume")
        step(search, children)
        search.close()
    finish(Search(tiny_data(), whole.config, tmp_path / "parts.sqlite", NumberSpace(), if_exists="resume"))
    expected = memory_of(tmp_path / "whole.sqlite")
    assert memory_of(tmp_path / "many.sqlite") == expected
    assert memory_of(tmp_path / "parts.sqlite") == expected


def test_children_say_which_probabilities_held(tmp_path):
    run = finish(adaptive_search(tmp_path / "run.sqlite")).results
    table = run.individuals
    held = {}
    for id, generation in zip(table["id"], table["generation"], strict=True):
        record = run.mutation(id)
        assert ("probabilities" in record) == (generation > 0)
        if record:
            held.setdefault(generation, []).append(record["probabilities"])
    for same in held.values():
        assert all(each == same[0] for each in same)
    assert held[1][0] == {"grow": 0.4, "shrink": 0.6}  # nothing is known yet: what was asked for
    assert len({each[0]["grow"] for each in held.values()}) > 1


def test_a_live_change_is_the_base(tmp_path):
    search = adaptive_search(tmp_path / "run.sqlite")
    step(search, 14)
    search.update(rates={"shrink": 0.0})
    run = finish(search).results
    later = run.individuals[run.individuals["id"] >= 14]
    assert set(later["mutation"]) == {"grow"}
    assert run.mutation(20)["probabilities"] == {"grow": 1.0, "shrink": 0.0}


def test_adaptation_can_be_switched_while_it_runs(tmp_path):
    search = Search(tiny_data(), SMALL, tmp_path / "run.sqlite", NumberSpace())
    step(search, 14)
    search.update(adapt="matching")
    step(search, 4)
    search.update(adapt=None)
    run = finish(search).results
    assert ["probabilities" in run.mutation(id) for id in (13, 14, 17, 18)] == [False, True, True, False]
