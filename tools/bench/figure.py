"""A figure with its target and its yardstick, and how a run of the bench is shown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

Verdict = Literal["met", "missed", ""]


@dataclass(frozen=True, slots=True)
class Target:
    """The most that a figure may be: in its own unit or, with `of_yardstick`, as a share of its yardstick."""

    limit: float
    of_yardstick: bool = False

    def text(self, unit: str) -> str:
        """The target as the table shows it."""
        return f"≤ {self.limit:g} × yardstick" if self.of_yardstick else f"≤ {self.limit:g} {unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Something else that was measured in the same run and the same unit; `recorded`: on another day."""

    what: str
    samples: tuple[float, ...]
    recorded: bool = False

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.samples)


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, `samples` in `unit`; its value is their median."""

    group: str
    name: str
    unit: str
    samples: tuple[float, ...]
    target: Target | None = None
    yardstick: Yardstick | None = None
    note: str = ""

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.samples)

    @property
    def verdict(self) -> Verdict:
        """Whether the target was met; empty where there is none, or where its yardstick is missing."""
        if self.target is None:
            return ""
        limit = self.target.limit
        if self.target.of_yardstick:
            if self.yardstick is None:
                return ""
            limit *= self.yardstick.value
        return "met" if self.value <= limit else "missed"

    def as_json(self) -> dict[str, Any]:
        """The figure as `--json` prints it."""
        shown: dict[str, Any] = {
            "group": self.group,
            "name": self.name,
            "unit": self.unit,
            "median": round(self.value, 4),
            "samples": [round(sample, 4) for sample in self.samples],
            "verdict": self.verdict or None,
        }
        if self.target:
            shown["target"] = {"at_most": self.target.limit, "of_yardstick": self.target.of_yardstick}
        if self.yardstick:
            shown["yardstick"] = {
                "what": self.yardstick.what,
                "median": round(self.yardstick.value, 4),
                "samples": [round(sample, 4) for sample in self.yardstick.samples],
                "recorded_earlier": self.yardstick.recorded,
            }
        if self.note:
            shown["note"] = self.note
        return shown


def table(figures: Sequence[Figure]) -> Table:
    """One row for each figure: median, spread, target, yardstick, verdict."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column, right in (
        ("figure", False),
        ("median", True),
        ("min to max", True),
        ("target", False),
        ("yardstick of the same run", False),
        ("verdict", False),
    ):
        made.add_column(column, justify="right" if right else "left", overflow="fold")
    colours = {"met": "green", "missed": "red"}
    for figure in figures:
        spread = f"{number(min(figure.samples))} to {number(max(figure.samples))}" if len(figure.samples) > 1 else ""
        verdict = f"[{colours[figure.verdict]}]{figure.verdict}[/]" if figure.verdict else ""
        made.add_row(
            figure.name,
            f"{number(figure.value)} {figure.unit}".rstrip(),
            spread,
            figure.target.text(figure.unit) if figure.target else "",
            _yardstick(figure),
            verdict,
        )
    return made


def show(machine: Mapping[str, Any], figures: Sequence[Figure], failures: Mapping[str, str], console: Console) -> None:
    """Print a run as people read it."""
    console.print(
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, Python {machine['python']}, {machine['date']},"
        f" commit {machine['commit']}, load {machine['load']} at the start",
        highlight=False,
    )
    if machine["load"] > machine["cores"] / 4:
        console.print("The machine was busy with something else: repeat the run when it is quiet.", style="yellow")
    console.print(table(figures))
    for figure in figures:
        if figure.note:
            console.print(f"{figure.name}: {figure.note}", style="dim", highlight=False)
    for group, reason in failures.items():
        console.print(f"{group} failed to run: {reason}", style="red", markup=False, highlight=False)


def number(value: float) -> str:
    """A number with about three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _yardstick(figure: Figure) -> str:
    yardstick = figure.yardstick
    if yardstick is None:
        return ""
    text = f"{number(yardstick.value)} {figure.unit}".rstrip() + f" {yardstick.what}"
    return f"{text} (recorded earlier, not in this run)" if yardstick.recorded else text
