"""The price table: what AWS lists, with source, date and quality of each figure, and a company's own over it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from modelyard.core.errors import Fault, InputError, Source

COMPILED: Final = date(2026, 11, 1)
"""When the shipped table was put together; single figures may be older, and say so."""
OLDEST: Final = timedelta(days=366)
COLUMNS: Final = ("service", "item", "region", "usd", "unit", "kind", "source", "as_of", "quality")
ON_DEMAND: Final = "on-demand"


class Quality(StrEnum):
    """How sure a figure is, the surest first: listed by AWS or in a public list, derived from such, estimated."""

    LISTED = "listed"
    DERIVED = "derived"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one unit of an item in a region."""

    service: str
    item: str
    region: str
    usd: float
    unit: str
    kind: str
    source: str
    as_of: str
    quality: Quality


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by service, item, region and kind; `compiled` is the day on which they were put together."""

    prices: Mapping[tuple[str, str, str, str], Price]
    compiled: date = COMPILED

    def get(self, service: str, item: str, region: str, kind: str = ON_DEMAND) -> Price | None:
        """The price, or None: what has no price is unknown, never free."""
        return self.prices.get((service, item, region, kind))

    def regions(self) -> list[str]:
        """The regions that it knows prices of."""
        return sorted({region for _, _, region, _ in self.prices})

    def faults_on(self, today: date) -> list[Fault]:
        """A table older than a year says nothing about today."""
        if today - self.compiled <= OLDEST:
            return []
        remedy = "Upgrade modelyard, or refresh the prices: yard cost --refresh."
        return [Fault("is older than a year", remedy, Source("prices.csv"), self.compiled.isoformat())]

    def over(self, own: PriceTable) -> PriceTable:
        """This table with the prices of `own` in place of the same ones here."""
        return PriceTable({**self.prices, **own.prices}, min(self.compiled, own.compiled))


@cache
def shipped() -> PriceTable:
    """The table that ships."""
    text = files("modelyard.assess.cost").joinpath("prices.csv").read_text("utf-8")
    return _table(csv.DictReader(text.splitlines()), Source("prices.csv"), COMPILED)


def read(path: Path, compiled: date) -> PriceTable:
    """A company's own prices, in the columns of the shipped table. Raises `InputError` with all that is wrong in it."""
    source = Source(path.as_posix())
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Fault(f"can't be read: {error}", "Name a CSV file in UTF-8.", source)) from None
    reader = csv.DictReader(text.splitlines())
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise InputError(Fault(f"lacks {', '.join(missing)}", f"Its columns are {', '.join(COLUMNS)}.", source))
    return _table(reader, source, compiled)


def _table(rows: Iterable[Mapping[str, str]], source: Source, compiled: date) -> PriceTable:
    found: dict[tuple[str, str, str, str], Price] = {}
    faults: list[Fault] = []
    for line, row in enumerate(rows, start=2):
        where = Source(source.file, "", line)
        try:
            usd, quality = float(row["usd"]), Quality(row["quality"])
        except (TypeError, ValueError):
            remedy = f"usd is a number, quality one of {', '.join(Quality)}."
            faults.append(Fault("is no price", remedy, where, f"{row['usd']}, {row['quality']}"))
            continue
        if not 0 <= usd < 1_000_000:
            faults.append(Fault("is no price in dollars", "Give it as 0.25.", where, row["usd"]))
            continue
        names = {column: row[column] for column in COLUMNS if column not in ("usd", "quality")}
        price = Price(**names, usd=usd, quality=quality)
        found[price.service, price.item, price.region, price.kind] = price
    if faults:
        raise InputError(*faults)
    return PriceTable(found, compiled)
