"""Mutation rates that follow what paid lately, judged from finished generations only, so that timing changes nothing.

The credit of a child is 1 if it is on the all-time front once its generation is ranked, else 0 (a success rate does not
shrink as the front rises, unlike gains of accuracy or hypervolume; Fialho 2010 compares such credits). Two rules turn
credits into a distribution over the mutations, both from

    D. Thierens, "An adaptive pursuit strategy for allocating operator probabilities", GECCO 2005:

    quality    Q_k <- Q_k + ALPHA · (credit − Q_k)              after each child by mutation k
    matching   w_k  = Q_k / ΣQ                                  probability matching
    pursuit    w_k <- w_k + BETA · ([k has the highest Q] − w_k)    after each generation, from equal weights

A person's rates b (divided by their sum) stay the base of what holds:

    p_k = FLOOR · b_k + (1 − FLOOR) · b_k w_k / Σ b_j w_j

With equal b these are Thierens' formulas with smallest probability FLOOR / K. A mutation never falls below FLOOR of
what was asked for, so that it can come back; one that is set to 0 stays at 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from workbench.errors import ConfigError
from workbench.evolution.ranking import front_of
from workbench.individuals import Individual
from workbench.objectives import TWO, Objective

ADAPTATIONS = ("matching", "pursuit")

ALPHA = 0.1
"""How fast a mutation's quality follows its children. Thierens' 0.8 is for credits without noise; these are 0 or 1."""

BETA = 0.3
"""How fast pursuit follows the best mutation, per generation."""

FLOOR = 0.25
"""Share of the probabilities that the base keeps."""

WINDOW = 100
"""Latest generations that count; ALPHA forgets what lies before."""

Credit = Mapping[str, tuple[float, ...]]
"""Of one generation: the credits of its children by mutation, each in the order of ids."""


class Credits:
    """What mutations earned in the latest `WINDOW` finished generations.

    Attributes:
        generations: a `Credit` each, the latest last; generations without mutations are left out.
    """

    def __init__(self) -> None:
        self.generations: deque[Credit] = deque(maxlen=WINDOW)

    @classmethod
    def of(cls, individuals: Iterable[Individual], objectives: Sequence[Objective] = TWO) -> Credits:
        """Those of a run, from all individuals of its finished generations."""
        credits, front = cls(), list[Individual]()
        ordered = sorted(individuals, key=lambda individual: (individual.generation, individual.id))
        for _, members in groupby(ordered, key=lambda individual: individual.generation):
            children = list(members)
            front = front_of([*front, *children], objectives)
            credits.add(children, front)
        return credits

    def add(self, children: Iterable[Individual], front: Iterable[Individual]) -> None:
        """Count in a generation.

        Args:
            children: all of it; failed ones earn nothing, those made by hand are not counted.
            front: the all-time front after its ranking.
        """
        if earned := credit(children, front):
            self.generations.append(earned)


def credit(children: Iterable[Individual], front: Iterable[Individual]) -> Credit:
    """What the mutations of one generation earned; see `Credits.add`."""
    reached = {member.id for member in front}
    earned: dict[str, tuple[float, ...]] = {}
    for child in sorted(children, key=lambda child: child.id):
        kind = child.mutation.get("kind")
        if kind is not None and child.origin == "mutation":
            earned[kind] = (*earned.get(kind, ()), float(child.id in reached))
    return earned


def adapted(rule: str, base: Mapping[str, float], credits: Sequence[Credit] | Credits) -> dict[str, float]:
    """The probabilities of the mutations in the generation after those with `credits`.

    Args:
        rule: "matching" or "pursuit".
        base: relative probabilities that a person asks for, by mutation.
        credits: of the finished generations, in order.

    Returns:
        Probabilities by mutation, summing to 1.

    Raises:
        ConfigError: if the rule is unknown, or no base is above 0.
    """
    if rule not in ADAPTATIONS:
        raise ConfigError(f"unknown adaptation {rule!r}; expected none or one of: {', '.join(ADAPTATIONS)}")
    total = sum(base.values())
    if total <= 0:
        raise ConfigError("at least one mutation needs a probability above 0, got 0 for all")
    shares = {kind: value / total for kind, value in base.items()}
    generations = credits.generations if isinstance(credits, Credits) else credits
    weights = _weights(rule, [kind for kind, share in shares.items() if share > 0], generations)
    weighted = {kind: share * weights.get(kind, 0.0) for kind, share in shares.items()}
    whole = sum(weighted.values())
    if whole <= 0:  # nothing has ever paid
        return shares
    return {kind: FLOOR * shares[kind] + (1 - FLOOR) * weighted[kind] / whole for kind in shares}


def _weights(rule: str, kinds: Sequence[str], generations: Iterable[Credit]) -> dict[str, float]:
    """w of the module's formulas for the mutations that may happen, summing to 1 (or all 0)."""
    counted = [{kind: earned.get(kind, ()) for kind in kinds} for earned in generations]
    everything = [value for earned in counted for values in earned.values() for value in values]
    start = sum(everything) / len(everything) if everything else 1.0  # no mutation is preferred before it was tried
    quality = dict.fromkeys(kinds, start)
    pursued = dict.fromkeys(kinds, 1 / len(kinds))
    for earned in counted:
        for kind, values in earned.items():
            for value in values:
                quality[kind] += ALPHA * (value - quality[kind])
        if len(set(quality.values())) > 1:
            best = max(kinds, key=lambda kind: quality[kind])
            pursued = {kind: weight + BETA * ((kind == best) - weight) for kind, weight in pursued.items()}
    if rule == "pursuit":
        return pursued
    total = sum(quality.values())
    return {kind: value / total if total else 0.0 for kind, value in quality.items()}
