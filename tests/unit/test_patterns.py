"""What looks like an extraction is found, and ordinary traffic isn't; every sample is seeded."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Sequence

import pytest

from modelyard.core.captured import PROBE, Call, Row
from modelyard.run.monitoring.patterns import Look, distances, measured, normality, steps, sweeps

Rows = list[Row]
SUSPICIOUS = {"sweeps": 0.2, "distances": 0.2, "steps": 0.2}
SEEDS = range(5)


def gaussian(chance: random.Random, count: int, width: int) -> Rows:
    return [tuple(chance.gauss(0, 1) for _ in range(width)) for _ in range(count)]


def amounts(chance: random.Random, count: int, width: int) -> Rows:
    return [tuple(round(chance.lognormvariate(3, 1), 2) for _ in range(width)) for _ in range(count)]


def groups(chance: random.Random, count: int, width: int) -> Rows:
    centres = gaussian(chance, 4, width)
    return [tuple(3 * float(c) + chance.gauss(0, 1) for c in chance.choice(centres)) for _ in range(count)]


def tabular(chance: random.Random, count: int, width: int) -> Rows:
    """Half measures, half classes, some of them text, with calls that are repeated."""
    rows: Rows = []
    for _ in range(count):
        measures = [chance.gauss(40, 9) for _ in range(width // 2)]
        rows.append((*measures, *(float(chance.randrange(4)) for _ in range(width - width // 2)), chance.choice("ab")))
    return [*rows, *rows[: count // 4]]


def stepped(chance: random.Random, count: int, width: int) -> Rows:
    """A substitute's training set, as PRADA describes it: seeds, and inputs one step of a fixed size from others."""
    rows = gaussian(chance, max(2, count // 16), width)
    while len(rows) < count:
        rows.append(tuple(float(value) + chance.choice((-0.3, 0.3)) for value in chance.choice(rows)))
    return rows


def searched(chance: random.Random, count: int, width: int) -> Rows:
    """Searches along lines, twenty inputs each, as Lowd and Meek describe them."""
    rows: Rows = []
    while len(rows) < count:
        start, moved = gaussian(chance, 1, width)[0], chance.randrange(width)
        rows += [(*start[:moved], -3 + 6 * part / 19, *start[moved + 1 :]) for part in range(20)]
    return rows


def found(rows: Sequence[Row]) -> dict[str, float | None]:
    return {"sweeps": sweeps(rows), "distances": distances(rows), "steps": steps(rows)}


@pytest.mark.parametrize("ordinary", [gaussian, amounts, groups, tabular])
@pytest.mark.parametrize(("count", "width"), [(120, 6), (400, 10), (800, 20)])
def test_ordinary_traffic_looks_like_nothing(
    ordinary: Callable[[random.Random, int, int], Rows], count: int, width: int
):
    for seed in SEEDS:
        told = found(ordinary(random.Random(seed), count, width))
        assert not {name: value for name, value in told.items() if value is not None and value > SUSPICIOUS[name]}, seed


@pytest.mark.parametrize(("count", "width"), [(150, 6), (400, 10), (800, 20)])
def test_inputs_made_in_steps_are_found(count: int, width: int):
    for seed in SEEDS:
        told = found(stepped(random.Random(seed), count, width))
        assert told["distances"] is not None and told["distances"] > SUSPICIOUS["distances"], seed
        assert told["steps"] is not None and told["steps"] > SUSPICIOUS["steps"], seed


@pytest.mark.parametrize(("count", "width"), [(150, 6), (400, 10), (800, 20)])
def test_searches_along_lines_are_found_even_where_a_fifth_is_captured(count: int, width: int):
    for seed in SEEDS:
        chance = random.Random(seed)
        rows = searched(chance, count, width)
        assert sweeps(rows) > 0.9
        assert sweeps([row for row in rows if chance.random() < 0.2]) > SUSPICIOUS["sweeps"], seed


def test_an_attack_that_is_half_of_the_traffic_is_found_by_its_steps():
    for seed in SEEDS:
        chance = random.Random(seed)
        rows = [*groups(chance, 300, 10), *stepped(chance, 300, 10)]
        chance.shuffle(rows)
        told = steps(rows)
        assert told is not None and told > SUSPICIOUS["steps"], seed


def test_repetition_and_too_few_inputs_tell_nothing():
    once = gaussian(random.Random(1), 40, 6)
    assert (distances(once * 10), steps(once * 10), sweeps(once * 10)) == (None, None, 0.0)


def test_classes_alone_have_no_distances():
    chance = random.Random(1)
    assert distances([tuple(float(chance.randrange(4)) for _ in range(5)) for _ in range(400)]) is None


def test_a_normal_sample_is_normal_and_equal_values_are_not():
    chance = random.Random(1)
    assert normality([chance.gauss(5, 2) for _ in range(300)]) > 0.98
    assert normality([chance.expovariate(1) for _ in range(300)]) < 0.9
    assert normality([0.3] * 100) == 0.0
    quantiles = [statistics.NormalDist().inv_cdf((rank - 0.375) / 100.25) for rank in range(1, 101)]
    assert normality(quantiles) == pytest.approx(1.0)


def asked(rows: Iterable[Row], caller: str = "", answers: Sequence[float] = (), inference: str = "") -> list[Call]:
    given = list(answers)
    return [
        Call(str(at), inference, caller, "", (row,), ((given[at],),) if given else ()) for at, row in enumerate(rows)
    ]


def test_an_attacker_among_many_callers_is_told_by_their_own_inputs():
    chance = random.Random(1)
    ordinary = [call for name in "abcd" for call in asked(groups(chance, 200, 10), name)]
    quiet = measured(ordinary, Look())
    loud = measured([*ordinary, *asked(stepped(chance, 150, 10), "e")], Look())
    assert quiet["distances"] < 0.2 < loud["distances"]
    assert quiet["share_of_one"] == 0.25


def test_a_share_of_one_needs_callers_that_are_known():
    assert "share_of_one" not in measured(asked(gaussian(random.Random(1), 200, 6)), Look())


def test_values_beyond_their_range_are_counted_and_text_is_not():
    rows: Rows = [(float(age), "x") for age in range(100)]
    told = measured(asked(rows), Look(ranges={0: (18.0, 89.0), 1: (0.0, 1.0), 7: (0.0, 1.0)}))
    assert told["outside"] == pytest.approx(0.28)


def test_answers_next_to_the_threshold_are_counted():
    calls = asked(gaussian(random.Random(1), 100, 3), answers=[0.5] * 30 + [0.9] * 70)
    assert measured(calls, Look(threshold=0.5))["boundary"] == pytest.approx(0.3)
    assert "boundary" not in measured(calls, Look())


def test_what_a_probe_asked_is_no_traffic():
    calls = asked(gaussian(random.Random(1), 300, 6), inference=f"{PROBE}-1")
    assert measured(calls, Look()) == {"inputs": 0.0}


def test_below_the_least_number_of_inputs_nothing_is_said():
    assert measured(asked(stepped(random.Random(1), 99, 6)), Look()) == {"inputs": 99.0}
