"""`yard cost --refresh`: the project's `prices.csv` from AWS's own price list."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from modelyard.assess.cost.price_list import Key, Listed, Product, Query, listed, product, queries
from modelyard.assess.cost.prices import FILE, Price, as_csv, current, project_prices
from modelyard.blueprints.project import Project
from modelyard.core.errors import EnvironmentFault, Fault, Source

OPTION: Final = "--refresh"
_REGION: Final = "us-east-1"
"""Where the Pricing API is; it answers for all regions (aws-cost-management/latest/APIReference/Welcome)."""
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did.

    `changed`: how many prices differ from those of before; `kept`: by region, items that AWS's list has no price of, or
    several, so that what was known stays; `unreadable`: products that couldn't be read.
    """

    path: Path
    prices: int
    changed: int
    kept: dict[str, tuple[Key, ...]]
    unreadable: int

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        kept = {region: [f"{service}: {item}" for service, item in keys] for region, keys in self.kept.items()}
        return {
            "path": str(self.path),
            "prices": self.prices,
            "changed": self.changed,
            "kept": kept,
            "unreadable": self.unreadable,
        }

    def shown(self) -> Iterator[str]:
        """For people."""
        yield f"{self.path.name}: {self.prices} prices of AWS's list, {self.changed} of them new or changed. Commit it."
        for region, keys in self.kept.items():
            if keys:
                yield f"  {region}: {len(keys)} items stay as they were, since the list says nothing clear of them."
        if self.unreadable:
            yield f"  {self.unreadable} products of the list couldn't be read."


def refreshed(
    project: Project, *, today: date | None = None, tell: Callable[[str], None] = lambda _: None
) -> Refreshed:
    """Write the prices of the environments' regions to the project's `prices.csv`; its rows of another source stay.

    `tell` hears of each region and service. It needs `pricing:GetProducts`, which costs nothing, in any account. Raises
    `EnvironmentFault` where AWS can't be asked or lists nothing; then nothing is written.
    """
    day = today or datetime.now(UTC).date()
    path = project.root / FILE
    _, own = project_prices(project.root)
    before = current(project.root, day)
    client, found, unreadable = _client(), dict[str, Listed](), 0
    for region in _regions(project):
        products, broken = _products(client, region, tell)
        found[region] = listed(products, region, day)
        unreadable += broken
        if not found[region].prices:
            raise EnvironmentFault(
                Fault("AWS lists no price of what we use", "Try again later.", Source(OPTION), region)
            )
    rows = {
        (price.service, price.item, price.region, price.kind): price for one in found.values() for price in one.prices
    }
    changed = sum(1 for key, price in rows.items() if not _same(before.prices.get(key), price))
    _write(path, as_csv({**rows, **own.prices}.values()))
    kept = {region: one.ambiguous + one.missing for region, one in found.items()}
    return Refreshed(path, len(rows), changed, kept, unreadable)


def _regions(project: Project) -> list[str]:
    specs = [project.platform(environment) for environment in project.environments()]
    return sorted({spec.region for spec in specs if not spec.sandbox} or {spec.region for spec in specs})


def _same(known: Price | None, price: Price) -> bool:
    return known is not None and abs(known.usd - price.usd) <= 1e-9


def _client() -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    retries = Config(retries={"mode": "standard", "max_attempts": 8})
    try:
        return boto3.Session().client("pricing", region_name=_REGION, config=retries)
    except BotoCoreError as error:
        raise _unread(error, "pricing") from None


def _unread(error: Exception, what: str) -> EnvironmentFault:
    remedy = "Sign in with a role that may pricing:GetProducts, in any account. Nothing was written."
    return EnvironmentFault(Fault(f"AWS's price list can't be read: {error}", remedy, Source(OPTION), what))


def _products(client: Any, region: str, tell: Callable[[str], None]) -> tuple[list[Product], int]:
    """All products of a region that may be ours, and how many couldn't be read."""
    found: list[Product] = []
    unreadable = 0
    for query in queries(region):
        tell(f"{query.code} in {region}")
        for text in _texts(client, query):
            try:
                one = product(text)
            except ValueError:
                unreadable += 1
                continue
            if one is not None:
                found.append(one)
    return found, unreadable


def _texts(client: Any, query: Query) -> Iterator[str]:
    from botocore.exceptions import BotoCoreError, ClientError

    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in query.where.items()]
    pages = client.get_paginator("get_products").paginate(
        ServiceCode=query.code, Filters=filters, FormatVersion="aws_v1", PaginationConfig={"PageSize": _PAGE}
    )
    try:
        for page in pages:
            yield from page["PriceList"]
    except (BotoCoreError, ClientError) as error:
        raise _unread(error, query.code) from None


def _write(path: Path, text: str) -> None:
    """Put the file in its place whole, or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
