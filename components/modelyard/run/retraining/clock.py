"""How often a schedule's expression starts something: its shortest gap, and its most starts in a month."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_RATE: Final = re.compile(r"rate\(([0-9]+) (minute|hour|day)s?\)")
_HOURS: Final = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}
_MONTH_HOURS: Final = 31 * 24
_FIRST: Final = date(2027, 1, 1)
_DAYS: Final = 365
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something starts."""

    gap_hours: float
    """The shortest time between two starts."""
    a_month: int
    """Starts in a month, at most."""


def pace(expression: str) -> Pace | None:
    """The pace of an expression of EventBridge Scheduler; None for a cron form that isn't counted (L, W and #).

    A year that is no leap year is counted. Source: scheduler/latest/UserGuide/schedule-types.
    """
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        hours = int(rate[1]) * _HOURS[rate[2]]
        return Pace(hours, max(1, int(_MONTH_HOURS / hours)))
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    try:
        minutes, hours_of_day = _values(fields[0], 0, 59), _values(fields[1], 0, 23)
        days, months = _values(fields[2], 1, 31), _values(fields[3], 1, 12, _MONTHS)
        weekdays = _values(fields[4], 1, 7, _WEEKDAYS)
    except (ValueError, IndexError):
        return None
    times = sorted(60 * hour + minute for hour in hours_of_day for minute in minutes)
    starts = list(_days(days, months, weekdays))
    if not times or not starts:
        return None
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    overnight = 24 * 60 - times[-1] + times[0]
    gaps += [overnight + 24 * 60 * ((b - a).days - 1) for a, b in zip(starts, starts[1:], strict=False)]
    most = max(sum(day.month == month for day in starts) for month in {day.month for day in starts})
    return Pace(min(gaps, default=_DAYS * 24 * 60) / 60, most * len(times))


def _days(days: set[int], months: set[int], weekdays: set[int]) -> Iterator[date]:
    for offset in range(_DAYS):
        day = _FIRST + timedelta(days=offset)
        if day.day in days and day.month in months and day.isoweekday() % 7 + 1 in weekdays:
            yield day


def _values(field: str, first: int, last: int, names: tuple[str, ...] = ()) -> set[int]:
    """The values of one field. Raises `ValueError` for what isn't counted."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            low, high = first, last
        else:
            start, _, end = span.partition("-")
            low = _number(start, names)
            high = _number(end, names) if end else (last if step else low)
        found |= set(range(low, high + 1, int(step or 1)))
    return found


def _number(word: str, names: tuple[str, ...]) -> int:
    return names.index(word.upper()) + 1 if word.upper() in names else int(word)
