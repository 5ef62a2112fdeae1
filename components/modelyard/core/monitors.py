"""What a monitor's jobs are told: one plan per monitor, which makes its baseline and travels on inside of that.

Value types only. A plan says what a baseline depends on and nothing else: another limit needs no other baseline.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from pydantic import Field

from modelyard.core.distributions import Value
from modelyard.core.monitored import JobKind
from modelyard.core.snapshots import Format

Problem = Literal["binary", "multiclass", "regression"]
ColumnKind = Literal["number", "category"]

LIMITS: Final = "MODELYARD_LIMITS"
"""Names the limits of a run: `name=number`, with semicolons between them."""
SAMPLE: Final = "MODELYARD_SAMPLE"
"""The share, 0 to 1, of the captured calls that a run looks at."""


class PlannedColumn(Value):
    """A column of the requests, in their order."""

    name: str
    kind: ColumnKind


class Plan(Value):
    """One monitor of one endpoint.

    `prediction` and `probability` find the answer's parts: an index of CSV, or a dotted path into JSON. `reference` is
    the S3 URI of rows as the model knew them; `reference_*` are the columns of those rows. `group` is the column whose
    values must fare alike. `windows`: into how many parts of equal time a run's calls are cut.
    """

    version: Literal[1] = 1
    endpoint: str
    kind: JobKind
    columns: tuple[PlannedColumn, ...] = Field(min_length=1)
    problem: Problem
    positive: str = "1"
    prediction: str = "0"
    probability: str = ""
    threshold: float = 0.5
    group: str = ""
    windows: int = 7
    reference: str
    reference_format: Format = "csv"
    reference_prediction: str = ""
    reference_probability: str = ""
    reference_label: str = ""

    @property
    def text(self) -> str:
        """The plan as canonical JSON."""
        return self.model_dump_json()

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that another plan doesn't have."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def limits_text(limits: dict[str, float]) -> str:
    """The value of the variable `LIMITS`."""
    return ";".join(f"{name}={value:g}" for name, value in sorted(limits.items()))


def limits_of(text: str) -> dict[str, float]:
    """What `limits_text` wrote. Raises `ValueError` for what it didn't."""
    pairs = (part.partition("=") for part in text.split(";") if part)
    return {name: float(value) for name, _, value in pairs}
