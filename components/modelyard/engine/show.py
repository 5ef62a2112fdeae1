"""Progress by component on a terminal or as plain lines, then changes, diagnostics, outputs and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from modelyard.engine import changes
from modelyard.engine.ledger import Ledger
from modelyard.engine.result import FUTURE, PAST, ComponentResult, Operation, ResourceChange, Result

TITLES = {"preview": "Previewing", "up": "Updating", "down": "Taking down", "refresh": "Reading back"}
"""What is said while an operation runs."""

_MARKS = {"waiting": ("·", "dim"), "working": ("…", "cyan"), "done": ("✓", "green"), "failed": ("✗", "bold red")}
_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "replace": ("±", "magenta"), "delete": ("-", "red")}
_SEVERITIES = {"error": ("error", "bold red"), "warning": ("warning", "yellow")}


_SETTLED = 2.0
"""Seconds without an event after which a component that is done gets its plain line."""


class Progress:
    """Shows a ledger while it fills: a moving table on a terminal, else a line as each component is done."""

    def __init__(self, console: Console, ledger: Ledger, title: str) -> None:
        self._console = console
        self._ledger = ledger
        self._title = title
        self._printed: dict[str, tuple[object, ...]] = {}
        self._live = (
            Live(get_renderable=self._table, console=console, transient=True, refresh_per_second=8)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        self._console.print(Text(self._title, style="bold"))
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        self.step(final=True)

    def step(self, *, final: bool = False) -> None:
        """Brings plain output up to date: one line for each component that is done and has been quiet for a while."""
        if self._live is not None:
            return
        for component in self._ledger.components():
            quiet = final or component.state == "failed" or self._ledger.quiet(component) > _SETTLED
            if not quiet or (component.state == "working" and not final):
                continue
            counted = (*component.counts.items(), component.failed)
            if self._printed.get(component.label) != counted:
                self._printed[component.label] = counted
                self._console.print(_line(component, self._ledger.operation), soft_wrap=True)

    def say(self, text: str) -> None:
        """A line of its own, above the moving table."""
        self._console.print(Text(text, style="yellow"))

    def _table(self) -> RenderableType:
        lines = [_line(component, self._ledger.operation) for component in self._ledger.components()]
        footer = Text(f"  {self._ledger.seconds():.0f} s", style="dim")
        return Text("\n", no_wrap=True, overflow="ellipsis").join([*lines, footer])


def show(console: Console, result: Result, next_steps: Sequence[str] = ()) -> None:
    """Prints what `result` holds beyond the components' lines, then the caller's `next_steps`."""
    if result.operation in ("preview", "refresh"):
        for line in changed_lines(result.resources):
            console.print(line, soft_wrap=True)
    _show_diagnostics(console, result)
    if result.outputs and result.succeeded and result.operation != "down":
        console.print(_outputs(result))
    console.print(_closing(result))
    for line in next_steps if result.succeeded else ():
        console.print(Text(line))


def changed_lines(resources: Iterable[ResourceChange]) -> list[Text]:
    """Every changed resource with its changed properties, under its component."""
    lines: list[Text] = []
    component = None
    for change in sorted(resources, key=lambda item: item.component):
        if change.component != component:
            component = change.component
            lines.append(Text(component, style="bold"))
        sign, style = _SIGNS.get(change.op, ("•", "cyan"))
        kind = change.type.rpartition(":")[2]
        if len(change.properties) == 1:
            lines.append(Text(f"  {sign} {change.name}: {change.properties[0]}  ({kind})", style=style))
            continue
        lines.append(Text(f"  {sign} {change.name}  ({kind})", style=style))
        lines += [Text(f"      {item}") for item in change.properties]
    return lines


def _line(component: ComponentResult, operation: Operation) -> Text:
    mark, style = _MARKS[component.state]
    words = FUTURE if operation == "preview" else PAST
    counts = [f"{count} {words.get(op, op)}" for op, count in component.counts.items()]
    if component.working:
        counts.append(f"{component.working} in progress")
    if component.failed:
        counts.append(f"{component.failed} failed")
    line = Text()
    line.append(f"  {mark} ", style=style)
    line.append(f"{component.label:<28}  ")
    line.append(f"{', '.join(counts):<32}", style="dim" if not component.changed() else "")
    line.append(f"  {component.seconds:5.1f} s", style="dim")
    return line


def _show_diagnostics(console: Console, result: Result) -> None:
    component = None
    for item in sorted(result.diagnostics, key=lambda item: (item.component, item.severity == "info")):
        if item.component != component:
            component = item.component
            console.print(Text(component or "The program", style="bold"))
        word, style = _SEVERITIES.get(item.severity, ("", "dim"))
        where = f"{item.urn.rpartition('::')[2]}: " if item.urn else ""
        prefix = f"{word}: " if word else ""
        body = item.message.replace("\n", "\n    ")
        console.print(Text.assemble("  ", (prefix, style), f"{where}{body}"), soft_wrap=True)


def _outputs(result: Result) -> Table:
    table = Table(title="Outputs", title_justify="left", title_style="bold", box=None, padding=(0, 2))
    table.add_column("name", style="cyan", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, value in sorted(result.outputs.items()):
        table.add_row(name, Text(changes.shown(value) if isinstance(value, dict | list) else str(value)))
    return table


def _closing(result: Result) -> Text:
    words = FUTURE if result.operation == "preview" else PAST
    counts = (
        ", ".join(f"{count} {words.get(op, op)}" for op, count in result.changes.items() if count) or "nothing to do"
    )
    where = f"{result.project}/{result.stack}"
    if result.succeeded:
        return Text(f"✓ {where}: {counts} · {result.seconds:.1f} s", style="bold green")
    return Text(f"✗ {where}: {result.operation} failed ({counts}) · {result.seconds:.1f} s", style="bold red")
