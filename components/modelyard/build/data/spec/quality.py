"""What a file says about what must hold of a dataset's rows: rules, and when they are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.spec import ColumnName, Spec

_NUMBERS: Final = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")
_TIMES: Final = ("date", "timestamp")
_SCALARS: Final = (*_NUMBERS, *_TIMES, "string", "boolean")
NAMED: Final = re.compile(r'"([^"]*)"')
"""What a rule of DQDL puts in quotes right after its type: columns (glue/latest/dg/dqdl)."""

_CUSTOM: Final = re.compile(r"^\(?\s*(?P<kind>[A-Z][A-Za-z]+)\b")
_OF_COLUMNS: Final = re.compile(r'\b(?P<kind>[A-Z][A-Za-z]+)((?:\s+"[^"]*")+)')
_COLUMN_RULES: Final = frozenset(
    {
        "ColumnCorrelation",
        "ColumnDataType",
        "ColumnExists",
        "ColumnLength",
        "ColumnValues",
        "Completeness",
        "DataFreshness",
        "DistinctValuesCount",
        "Entropy",
        "IsComplete",
        "IsPrimaryKey",
        "IsUnique",
        "Mean",
        "StandardDeviation",
        "Sum",
        "UniqueValueRatio",
        "Uniqueness",
    }
)
_OTHER_RULES: Final = frozenset(
    {
        "ColumnCount",
        "ColumnNamesMatchPattern",
        "CustomSql",
        "DetectAnomalies",
        "RowCount",
    }
)


class _Rule(Spec):
    def columns(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Each column that the rule speaks of: where it says so, its name, and the types that it may have."""
        return ()

    def dqdl(self) -> str:
        """The rule in DQDL."""
        raise NotImplementedError


class _OfColumn(_Rule):
    column: ColumnName = Field(description="The column, or a partition.")

    def columns(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The one column."""
        return (("column", self.column, _SCALARS),)


class CompletenessRule(_OfColumn):
    """Values are there."""

    kind: Literal["completeness"] = Field(description="Values are there.")
    at_least_percent: float = Field(
        default=100, gt=0, le=100, description="Percent of the rows that must have a value. All, unless said otherwise."
    )

    def dqdl(self) -> str:
        """`IsComplete`, or `Completeness` above a share."""
        if self.at_least_percent == 100:
            return f'IsComplete "{self.column}"'
        return f'Completeness "{self.column}" >= {_share(self.at_least_percent)}'


class UniquenessRule(_OfColumn):
    """No value occurs twice."""

    kind: Literal["uniqueness"] = Field(description="No value occurs twice.")
    at_least_percent: float = Field(
        default=100,
        gt=0,
        le=100,
        description="Percent of the rows whose value occurs once. All, unless said otherwise.",
    )

    def dqdl(self) -> str:
        """`IsUnique`, or `Uniqueness` above a share."""
        if self.at_least_percent == 100:
            return f'IsUnique "{self.column}"'
        return f'Uniqueness "{self.column}" >= {_share(self.at_least_percent)}'


class RangeRule(_OfColumn):
    """Numbers lie between two bounds."""

    kind: Literal["range"] = Field(description="Numbers lie between two bounds.")
    minimum: float | None = Field(default=None, description="The smallest number allowed. Absent: no lower bound.")
    maximum: float | None = Field(default=None, description="The largest number allowed. Absent: no upper bound.")
    at_least_percent: float = Field(
        default=100, gt=0, le=100, description="Percent of the rows that must comply. All, unless said otherwise."
    )

    def columns(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The one column, a number."""
        return (("column", self.column, _NUMBERS),)

    def check(self) -> Iterator[Fault]:
        """There is a bound, and the lower one is the lower one."""
        if self.minimum is None and self.maximum is None:
            yield self.fault("", "bounds nothing", "Give a minimum, a maximum, or both.")
        elif self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            yield self.fault("minimum", f"is more than the maximum of {self.maximum:g}", "Swap the two.", self.minimum)

    def dqdl(self) -> str:
        """`ColumnValues` with bounds, both of which are allowed themselves."""
        bounds = ((">=", self.minimum), ("<=", self.maximum))
        rules = [
            f'ColumnValues "{self.column}" {sign} {_number(bound)}{_threshold(self.at_least_percent)}'
            for sign, bound in bounds
            if bound is not None
        ]
        return rules[0] if len(rules) == 1 else " and ".join(f"({rule})" for rule in rules)


class AllowedRule(_OfColumn):
    """Texts are among those listed."""

    kind: Literal["allowed"] = Field(description="Texts are among those listed.")
    values: tuple[Annotated[str, StringConstraints(pattern=r'^[^"\\\n]*$', max_length=256)], ...] = Field(
        min_length=1, max_length=500, description="The texts."
    )
    at_least_percent: float = Field(
        default=100, gt=0, le=100, description="Percent of the rows that must comply. All, unless said otherwise."
    )

    def columns(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The one column, of text."""
        return (("column", self.column, ("string",)),)

    def dqdl(self) -> str:
        """`ColumnValues … in […]`."""
        listed = ", ".join(f'"{value}"' for value in self.values)
        return f'ColumnValues "{self.column}" in [{listed}]{_threshold(self.at_least_percent)}'


class FreshnessRule(_OfColumn):
    """What is new is new enough."""

    kind: Literal["freshness"] = Field(description="What is new is new enough.")
    within_hours: int = Field(ge=1, le=87_600, description="Hours that a row's time may lie back.")

    def columns(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The one column, a time."""
        return (("column", self.column, _TIMES),)

    def dqdl(self) -> str:
        """`DataFreshness` below a number of hours."""
        return f'DataFreshness "{self.column}" <= {self.within_hours} hours'


class RowCountRule(_Rule):
    """So many rows are there."""

    kind: Literal["row_count"] = Field(description="So many rows are there.")
    at_least: int = Field(default=1, ge=0, description="The fewest rows.")
    at_most: int | None = Field(default=None, ge=1, description="The most rows. Absent: any number.")

    def check(self) -> Iterator[Fault]:
        """The fewest are no more than the most."""
        if self.at_most is not None and self.at_least > self.at_most:
            yield self.fault("at_least", f"is more than at_most, {self.at_most}", "Swap the two.", self.at_least)

    def dqdl(self) -> str:
        """`RowCount` at least, or between two bounds that are allowed themselves."""
        least = f"RowCount >= {self.at_least}"
        return least if self.at_most is None else f"({least}) and (RowCount <= {self.at_most})"


class CustomRule(_Rule):
    """A rule in DQDL, for what no other kind says."""

    kind: Literal["dqdl"] = Field(description="A rule in DQDL, for what no other kind says.")
    rule: str = Field(min_length=1, max_length=2048, description='One rule, such as `Mean "amount" between 5 and 500`.')

    def columns(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The columns that the rule names, for the kinds of rules that begin with columns."""
        return tuple(
            ("rule", name, ())
            for found in _OF_COLUMNS.finditer(self.rule)
            if found["kind"] in _COLUMN_RULES - {"ColumnExists"}
            for name in NAMED.findall(found[2])
        )

    def check(self) -> Iterator[Fault]:
        """It is one rule, of a kind that Glue evaluates over a table."""
        begins = _CUSTOM.match(self.rule)
        known = sorted(_COLUMN_RULES | _OTHER_RULES)
        if begins is None or begins["kind"] not in known:
            yield self.fault("rule", "begins with no rule type of DQDL", f"Use one of {', '.join(known)}.", self.rule)
        elif "\n" in self.rule or self.rule.rstrip().endswith(",") or self.rule.lstrip().startswith("Rules"):
            yield self.fault("rule", "is more than one rule", "Write each as an entry of its own.", self.rule)
        elif self.rule.count('"') % 2 or self.rule.count("(") != self.rule.count(")"):
            yield self.fault("rule", "leaves a quote or a bracket open", "Close it.", self.rule)

    def dqdl(self) -> str:
        """The rule as it was written."""
        return self.rule.strip()


RuleSpec = Annotated[
    CompletenessRule | UniquenessRule | RangeRule | AllowedRule | FreshnessRule | RowCountRule | CustomRule,
    Field(discriminator="kind"),
]


class ScheduledCheck(Spec):
    """The rules are looked at when the clock says so."""

    kind: Literal["schedule"] = Field(default="schedule", description="When the clock says so.")
    expression: str = Field(
        default="cron(0 4 * * ? *)",
        pattern=r"^(rate\([1-9][0-9]* (minute|hour|day)s?\)|cron\(([^ ()]+ ){5}[^ ()]+\))$",
        description="rate(…) or cron(…) with six fields, in UTC, as EventBridge Scheduler writes them. Once a night: "
        "each look costs about two cents.",
    )


class ArrivalCheck(Spec):
    """The rules are looked at for each object that arrives."""

    kind: Literal["arrival"] = Field(
        description="For each object that arrives: for files that come a few times a day. Every look costs about two "
        "cents, so a dataset that grows every five minutes takes schedule."
    )


class QualitySpec(Spec):
    """What must hold of a dataset's rows, when that is looked at, and how much work it may be."""

    rules: tuple[RuleSpec, ...] = Field(min_length=1, max_length=200, description="What must hold, all of it.")
    when: Annotated[ScheduledCheck | ArrivalCheck, Field(discriminator="kind")] = Field(
        default_factory=ScheduledCheck,
        description="When it is looked at: kind schedule or arrival. Absent: every night.",
    )
    workers: int = Field(
        default=2, ge=2, le=50, description="Workers of a run, one DPU each; two is the fewest, and enough for GBs."
    )
    timeout_minutes: int = Field(
        default=60, ge=1, le=2880, description="Minutes after which a run is stopped, and has failed."
    )

    def ruleset(self) -> str:
        """All rules as a ruleset of Glue Data Quality."""
        return "Rules = [\n" + ",\n".join(f"    {rule.dqdl()}" for rule in self.rules) + "\n]"

    def faults_for(self, types: dict[str, str]) -> Iterator[Fault]:
        """The faults of rules that speak of columns which `types` (column → Glue type) hasn't, or of other types."""
        has = ", ".join(types)
        for index, rule in enumerate(self.rules):
            for field, column, wanted in rule.columns():
                path = f"rules[{index}].{field}"
                if column not in types:
                    yield self.fault(
                        path, f"speaks of a column that the dataset hasn't; it has {has}", "Name one of them.", column
                    )
                elif wanted and types[column].partition("(")[0] not in wanted:
                    remedy = f"Take a column of type {', '.join(wanted)}, or another kind of rule."
                    yield self.fault(path, f"is of type {types[column]}", remedy, column)


def _share(percent: float) -> str:
    return _number(percent / 100)


def _number(value: float) -> str:
    return f"{round(value, 6):.6f}".rstrip("0").rstrip(".")


def _threshold(percent: float) -> str:
    return "" if percent == 100 else f" with threshold >= {_share(percent)}"
