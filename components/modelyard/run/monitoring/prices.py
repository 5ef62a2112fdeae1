"""What hosting costs: a small dated table that ships with this version, in US dollars, on demand.

It knows seven regions and no discounts. A price that isn't there, or is another by contract, stands in the spec.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

SERVERLESS: Final = "serverless"
"""What the table calls a second of a gigabyte of a serverless endpoint."""


@dataclass(frozen=True, slots=True)
class Price:
    """A price. `quality`: `listed` or `derived` from a list, or an `estimate` that nobody should sign a budget on."""

    usd: float
    unit: str
    as_of: str
    quality: str


@cache
def hosting(region: str) -> dict[str, Price]:
    """The prices of a region by instance type, as SageMaker calls it; empty for a region that the table hasn't."""
    text = files("modelyard.run.monitoring").joinpath("prices.csv").read_text(encoding="utf-8")
    return {
        row["item"]: Price(float(row["usd"]), row["unit"], row["as_of"], row["quality"])
        for row in csv.DictReader(text.splitlines())
        if row["region"] == region
    }
