"""The price table: what AWS lists, with source, date and quality of each figure, and a company's own over it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from modelyard.core.errors import Fault, InputError, Source

COMPILED: Final = date(2026, 11, 1)
"""When the shipped table was put together; single figures may be older, and say so."""
FILE: Final = "prices.csv"
"""What a price table is called, here and in a project's folder."""
PRICE_LIST: Final = "AWS Price List"
"""The source of what `yard cost --refresh` wrote."""
OLDEST: Final = timedelta(days=366)
COLUMNS: Final = ("service", "item", "region", "usd", "unit", "kind", "source", "as_of", "quality")
ON_DEMAND: Final = "on-demand"
SPOT: Final = "spot-median"


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
    """Prices by service, item, region and kind; `compiled`: the day on which the oldest part was put together."""

    prices: Mapping[tuple[str, str, str, str], Price]
    compiled: date = COMPILED

    def get(self, service: str, item: str, region: str, kind: str = ON_DEMAND) -> Price | None:
        """The price, or None: what has no price is unknown, never free."""
        return self.prices.get((service, item, region, kind))

    def services(self) -> list[str]:
        """The services that it knows prices of."""
        return sorted({service for service, *_ in self.prices})

    def over(self, other: PriceTable) -> PriceTable:
        """The prices of `other` with these in place of the same ones there."""
        return PriceTable({**other.prices, **self.prices}, min(self.compiled, other.compiled))

    def less(self, discounts: Mapping[str, float]) -> PriceTable:
        """These prices with what is off them, by service."""
        found = {
            key: replace(price, usd=price.usd * (1 - discounts.get(price.service, 0)))
            for key, price in self.prices.items()
        }
        return PriceTable(found, self.compiled)


def current(
    root: Path, today: date, *, own: Path | None = None, discounts: Mapping[str, float] | None = None
) -> PriceTable:
    """The prices that count on `today` for the project at `root`.

    From below: those that ship, those that `yard cost --refresh` wrote to the project's `prices.csv`, less `discounts`;
    then its other rows and those of `own`, which are what is paid. A table older than a year is left out, since it says
    nothing about today: what only it knew has no price. Raises `InputError` with all that is wrong in the files.
    """
    listed, paid = project_prices(root)
    table = PriceTable({}, today)
    for part in (shipped(), listed):
        if part.prices and today - part.compiled <= OLDEST:
            table = part.over(table)
    table = table.less(discounts or {})
    for part in (paid, *([read(own)] if own else [])):
        table = PriceTable({**table.prices, **part.prices}, table.compiled)
    return table


def outdated(table: PriceTable) -> list[Fault]:
    """What is wrong with a table of which nothing counts today."""
    if table.prices:
        return []
    remedy = "Upgrade modelyard, or refresh the prices: yard cost --refresh."
    return [Fault("is older than a year", remedy, Source(FILE), COMPILED.isoformat())]


@cache
def shipped() -> PriceTable:
    """The table that ships."""
    text = files("modelyard.assess.cost").joinpath(FILE).read_text("utf-8")
    return PriceTable(_rows(csv.DictReader(text.splitlines()), Source(FILE)))


def project_prices(root: Path) -> tuple[PriceTable, PriceTable]:
    """Of the project's own `prices.csv`: what AWS lists, by the day of its oldest row, and what else stands in it."""
    path = root / FILE
    if not path.is_file():
        return PriceTable({}), PriceTable({})
    prices = read(path).prices
    listed = {key: price for key, price in prices.items() if price.source == PRICE_LIST}
    paid = {key: price for key, price in prices.items() if key not in listed}
    days: list[date] = []
    for price in listed.values():
        try:
            days.append(date.fromisoformat(price.as_of))
        except ValueError:
            fault = Fault("is no day", "Write it as 2026-12-31.", Source(path.as_posix(), price.item), price.as_of)
            raise InputError(fault) from None
    return PriceTable(listed, min(days, default=COMPILED)), PriceTable(paid)


def read(path: Path) -> PriceTable:
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
    return PriceTable(_rows(reader, source))


def as_csv(prices: Iterable[Price]) -> str:
    """The text of a price table, sorted."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for price in sorted(prices, key=lambda each: (each.service, each.item, each.region, each.kind)):
        writer.writerow({column: getattr(price, column) for column in COLUMNS})
    return text.getvalue()


def _rows(rows: Iterable[Mapping[str, str]], source: Source) -> dict[tuple[str, str, str, str], Price]:
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
    return found
