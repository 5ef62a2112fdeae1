"""What a shadow would have answered, beside what production did: pairs of captured calls, compared and judged.

Standard library alone, so that a job, a function or the command line can run it. SageMaker captures a shadow like any
variant, below its own name (sagemaker/latest/dg/shadow-tests-view-monitor-edit-deploy). It says nowhere by which id the
two captures of a call find each other: the caller's inference id is tried first, then the event's, then the same
request at nearly the same time.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from html import escape
from typing import Any, Final, Literal

from modelyard.core.captured import Call, Row

Joined = Literal["inference id", "event id", "request"]
Verdict = Literal["holds", "fails", "undecided"]

NEAR_SECONDS: Final = 60.0
"""How far apart two captures of the same request may be."""
SHOWN: Final = 20
"""Pairs that differ and are shown."""
_BINS: Final = 10
_FEW: Final = 20
"""Different values from which numbers are no categories."""
_ADDED: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """What a shadow may differ by. `latency` is a ratio of the 99th percentiles; None: not asked."""

    least_pairs: int = 100
    agreement: float = 0.95
    number_share: float = 0.01
    """Two numbers are the same that differ by no more than this share of the larger."""
    shift: float = 0.1
    latency: float | None = 1.2


@dataclass(frozen=True, slots=True)
class Pair:
    """A call that both answered."""

    joined: Joined
    production: Call
    shadow: Call


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs, and how many calls of each had no counterpart or couldn't be read."""

    pairs: tuple[Pair, ...]
    production_alone: int = 0
    shadow_alone: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """One value of the answers: `shift` is the population stability index from production to the shadow.

    `mean` and the mean difference are of numbers alone.
    """

    index: int
    kind: Literal["numbers", "categories"]
    agreement: float
    shift: float
    production_mean: float | None = None
    shadow_mean: float | None = None
    mean_difference: float | None = None
    largest_difference: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The comparison of a shadow. `latency_ms` are 99th percentiles by side, empty where nobody knows them."""

    endpoint: str
    shadow: str
    pairs: int
    joined: dict[str, int]
    production_alone: int
    shadow_alone: int
    unreadable: int
    agreement: float
    columns: tuple[Column, ...]
    latency_ms: dict[str, float]
    verdict: Verdict
    reasons: tuple[str, ...]
    tolerances: dict[str, Any]
    differing: tuple[dict[str, Any], ...] = field(default=())

    def as_json(self) -> str:
        """The report as JSON."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False)


def paired(production: Iterable[Call | None], shadow: Iterable[Call | None]) -> Pairs:
    """Which captured calls are the same call; a call of a probe says nothing, and None is a line nobody can read."""
    first, second = list(production), list(shadow)
    unreadable = sum(call is None for call in (*first, *second))
    ours = [call for call in first if call is not None and not call.probed]
    theirs = [call for call in second if call is not None and not call.probed]
    found: list[Pair] = []
    for joined, key in _KEYS:
        places = _by(theirs, key)
        left: list[Call] = []
        for call in ours:
            near = _nearest(call, places.get(key(call), ())) if key(call) else None
            if near is None or (joined == "request" and _apart(call, near) > NEAR_SECONDS):
                left.append(call)
                continue
            found.append(Pair(joined, call, near))
            places[key(call)].remove(near)
        ours = left
        theirs = [call for calls in places.values() for call in calls]
    return Pairs(tuple(found), len(ours), len(theirs), unreadable)


def compare(
    endpoint: str,
    shadow: str,
    found: Pairs,
    tolerances: Tolerances,
    latency_ms: Mapping[str, float] | None = None,
) -> Report:
    """What the pairs say, and whether that is within `tolerances`; too few decide nothing.

    `latency_ms`: 99th percentiles of the model's time, by `production` and `shadow`.
    """
    same = [_alike(pair.production.answers, pair.shadow.answers, tolerances) for pair in found.pairs]
    agreement = sum(same) / len(same) if same else 0.0
    columns = tuple(_columns(found.pairs, tolerances))
    latency = {side: float(value) for side, value in (latency_ms or {}).items()}
    broken = list(_broken(agreement, columns, latency, tolerances))
    few = len(found.pairs) < tolerances.least_pairs
    reasons = [f"{len(found.pairs)} pairs, and {tolerances.least_pairs} are asked"] if few else broken
    return Report(
        endpoint=endpoint,
        shadow=shadow,
        pairs=len(found.pairs),
        joined=dict(sorted(Counter(pair.joined for pair in found.pairs).items())),
        production_alone=found.production_alone,
        shadow_alone=found.shadow_alone,
        unreadable=found.unreadable,
        agreement=agreement,
        columns=columns,
        latency_ms=latency,
        verdict="undecided" if few else "fails" if broken else "holds",
        reasons=tuple(reasons),
        tolerances=asdict(tolerances),
        differing=tuple(
            {
                "inference_id": pair.production.inference_id,
                "event_id": pair.production.id,
                "production": [list(row) for row in pair.production.answers],
                "shadow": [list(row) for row in pair.shadow.answers],
            }
            for pair, alike in zip(found.pairs, same, strict=True)
            if not alike
        )[:SHOWN],
    )


def _inference_id(call: Call) -> str:
    return call.inference_id


def _event_id(call: Call) -> str:
    return call.id


def _request(call: Call) -> str:
    return json.dumps(call.rows) if call.rows else ""


_KEYS: Final[tuple[tuple[Joined, Callable[[Call], str]], ...]] = (
    ("inference id", _inference_id),
    ("event id", _event_id),
    ("request", _request),
)


def _by(calls: Iterable[Call], key: Callable[[Call], str]) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        found[key(call)].append(call)
    return found


def _nearest(call: Call, others: Sequence[Call]) -> Call | None:
    return min(others, key=lambda other: _apart(call, other)) if others else None


def _apart(one: Call, other: Call) -> float:
    """Seconds between two calls; without limit where either doesn't say when it was."""
    try:
        return abs((datetime.fromisoformat(one.at) - datetime.fromisoformat(other.at)).total_seconds())
    except (ValueError, TypeError):
        return math.inf


def _alike(one: Sequence[Row], other: Sequence[Row], tolerances: Tolerances) -> bool:
    return len(one) == len(other) and all(
        len(a) == len(b) and all(_equal(x, y, tolerances) for x, y in zip(a, b, strict=True))
        for a, b in zip(one, other, strict=True)
    )


def _equal(one: str | float, other: str | float, tolerances: Tolerances) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= tolerances.number_share * max(abs(one), abs(other))
    return one == other


def _columns(pairs: Sequence[Pair], tolerances: Tolerances) -> Iterator[Column]:
    """Each value of the answers, over all rows that both gave."""
    rows = [
        both
        for pair in pairs
        if len(pair.production.answers) == len(pair.shadow.answers)
        for both in zip(pair.production.answers, pair.shadow.answers, strict=True)
    ]
    width = min((min(len(one), len(other)) for one, other in rows), default=0)
    for index in range(width):
        ours, theirs = [one[index] for one, _ in rows], [other[index] for _, other in rows]
        same = sum(_equal(one, other, tolerances) for one, other in zip(ours, theirs, strict=True)) / len(rows)
        numbers = [value for value in ours if isinstance(value, float)]
        others = [value for value in theirs if isinstance(value, float)]
        if len(numbers) == len(others) == len(rows):
            apart = [abs(one - other) for one, other in zip(numbers, others, strict=True)]
            yield Column(
                index,
                "numbers",
                same,
                _shift(numbers, others),
                math.fsum(numbers) / len(rows),
                math.fsum(others) / len(rows),
                math.fsum(apart) / len(rows),
                max(apart),
            )
        else:
            yield Column(index, "categories", same, _index(Counter(map(str, ours)), Counter(map(str, theirs))))


def _shift(production: Sequence[float], shadow: Sequence[float]) -> float:
    """The population stability index of numbers, between production's deciles or by value where they are few."""
    if len({*production, *shadow}) <= _FEW:
        return _index(Counter(map(str, production)), Counter(map(str, shadow)))
    ordered = sorted(production)
    edges = sorted({ordered[len(ordered) * step // _BINS] for step in range(1, _BINS)})
    ours, theirs = (Counter(str(bisect_right(edges, value)) for value in side) for side in (production, shadow))
    return _index(ours, theirs)


def _index(production: Mapping[str, int], shadow: Mapping[str, int]) -> float:
    names = {*production, *shadow}
    ours, theirs = ({name: side.get(name, 0) + _ADDED for name in names} for side in (production, shadow))
    whole, others = sum(ours.values()), sum(theirs.values())
    shares = [(ours[name] / whole, theirs[name] / others) for name in sorted(names)]
    return math.fsum((b - a) * math.log(b / a) for a, b in shares)


def _broken(
    agreement: float, columns: Sequence[Column], latency: Mapping[str, float], tolerances: Tolerances
) -> Iterator[str]:
    if agreement < tolerances.agreement:
        yield f"{agreement:.1%} of the answers are the same, and {tolerances.agreement:.1%} are asked"
    for column in columns:
        if column.shift > tolerances.shift:
            yield f"answer {column.index} shifted by {column.shift:.3f}, and {tolerances.shift:g} is allowed"
    if tolerances.latency is not None and latency.get("production") and "shadow" in latency:
        ratio = latency["shadow"] / latency["production"]
        if ratio > tolerances.latency:
            yield f"the shadow takes {ratio:.2f} times as long (p99), and {tolerances.latency:g} is allowed"


_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;margin:.5rem 0}td,th{border:1px solid #d0d7de;padding:.25rem .6rem;text-align:left}
th{background:#f6f8fa}.holds{color:#1a7f37}.fails{color:#b42318}.undecided{color:#9a6700}
""".strip()


def page(report: Report) -> str:
    """The report as one self-contained page; nothing is put onto it that wasn't escaped."""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in report.reasons) or "<li>all within tolerance</li>"
    about = {
        "Pairs": report.pairs,
        "Joined by": ", ".join(f"{name} ({count})" for name, count in report.joined.items()) or "–",
        "Without counterpart": f"{report.production_alone} of production's, {report.shadow_alone} of the shadow's",
        "Unreadable lines": report.unreadable,
        "Same answers": f"{report.agreement:.2%}",
        "p99 latency": ", ".join(f"{side} {value:.1f} ms" for side, value in report.latency_ms.items()) or "not known",
        "Tolerances": ", ".join(f"{name} {value}" for name, value in report.tolerances.items()),
    }
    head = ("answer", "kind", "same", "shift (PSI)", "mean", "shadow's mean", "mean difference", "largest")
    columns = [
        (
            column.index,
            column.kind,
            f"{column.agreement:.2%}",
            f"{column.shift:.3f}",
            *(
                "–" if value is None else f"{value:.4g}"
                for value in (
                    column.production_mean,
                    column.shadow_mean,
                    column.mean_difference,
                    column.largest_difference,
                )
            ),
        )
        for column in report.columns
    ]
    differing = [
        (each["inference_id"] or each["event_id"], json.dumps(each["production"]), json.dumps(each["shadow"]))
        for each in report.differing
    ]
    title = f"Shadow of {report.endpoint}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<style>{_STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
        f'<p class="{report.verdict}"><strong>{report.verdict}</strong></p><ul>{reasons}</ul>\n'
        f"{_table((), list(about.items()))}\n<h2>Answers</h2>\n{_table(head, columns)}\n"
        f"<h2>Pairs that differ</h2>\n{_table(('call', 'production', 'shadow'), differing)}\n</body></html>\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return "<p>none</p>"
    top = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{top}{body}</table>"
