"""What people are shown of an audit: lines, JSON, and a page of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from modelyard.operate.evidence.auditing import Audit, Tally
from modelyard.operate.models.showing import table
from modelyard.run.governance.page import frame

VERSION: Final = 1
"""Of the JSON; grows when a field changes its meaning or goes away."""
_MEGA: Final = 1_000_000

Part = tuple[str, str, list[tuple[str, ...]]]
"""A heading, what stands there where nothing happened, and a table with its head."""


def shown(found: Audit) -> Iterator[str]:
    """The lines of `yard evidence audit`."""
    yield f"{found.team} in {found.environment}, {_moment(found.since)} to {_moment(found.until)} UTC"
    for title, nothing, rows in _parts(found):
        yield ""
        yield title
        if len(rows) == 1:
            yield f"  {nothing}"
        else:
            yield from (f"  {line}" for line in table(rows))
    yield ""
    yield "Not told here:"
    yield from (f"  {one}" for one in found.blind)
    yield f"Records are kept for {found.days} days."


def _parts(found: Audit) -> Iterator[Part]:
    yield (
        "Who deployed",
        "nobody",
        [
            ("who", "became it from", "what", "changes", "refused", "first (UTC)", "last (UTC)"),
            *((str(one.who), one.by or "-", one.what or "the stack", *_counted(one.tally)) for one in found.deployed),
        ],
    )
    yield (
        "Who approved",
        "nobody",
        [
            ("who", "model", "version", "did", "at (UTC)"),
            *(
                (
                    str(one.who),
                    one.model,
                    one.version,
                    f"{one.did}{', refused' if one.refused else ''}",
                    _moment(one.at),
                )
                for one in found.approved
            ),
        ],
    )
    yield (
        "Who read which dataset",
        "nobody",
        [
            ("dataset", "who", "megabytes", "reads", "refused", "first (UTC)", "last (UTC)"),
            *(
                (one.dataset, str(one.who), f"{one.tally.bytes / _MEGA:.1f}", *_counted(one.tally))
                for one in found.read
            ),
        ],
    )
    yield (
        "What is recorded of its buckets",
        "it has none",
        [
            ("bucket", "holds", "class", "recorded"),
            *((one.bucket, one.holds, one.classification, one.recorded or "nothing") for one in found.covered),
        ],
    )


def as_json(found: Audit) -> dict[str, Any]:
    """The same, for `--json`."""
    return {
        "version": VERSION,
        "team": found.team,
        "environment": found.environment,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "kept_days": found.days,
        "deployed": [
            {"who": one.who.name, "role": one.who.role, "by": one.by or None, "what": one.what or None}
            | _plain(one.tally)
            for one in found.deployed
        ],
        "approved": [
            {
                "who": one.who.name,
                "role": one.who.role,
                "model": one.model,
                "model_version": one.version,
                "did": one.did,
                "refused": one.refused,
                "at": one.at.isoformat(),
            }
            for one in found.approved
        ],
        "read": [
            {"who": one.who.name, "role": one.who.role, "dataset": one.dataset} | _plain(one.tally)
            for one in found.read
        ],
        "recorded": [
            {
                "bucket": one.bucket,
                "holds": one.holds,
                "classification": one.classification,
                "recorded": one.recorded or None,
            }
            for one in found.covered
        ],
        "blind": list(found.blind),
    }


def page(found: Audit) -> str:
    """The page: self-contained, nothing on it that wasn't escaped."""
    title = f"Audit: {found.team} in {found.environment}"
    said = f"<p>{_moment(found.since)} to {_moment(found.until)} UTC. Records are kept for {found.days} days.</p>"
    sections = "\n".join(
        f"<section><h2>{escape(heading)}</h2>\n{_grid(rows, nothing)}</section>"
        for heading, nothing, rows in _parts(found)
    )
    blind = "".join(f"<li>{escape(one)}</li>" for one in found.blind)
    return frame(title, f"{said}\n{sections}\n<section><h2>Not told here</h2>\n<ul>{blind}</ul></section>")


def _grid(rows: Sequence[Sequence[str]], nothing: str) -> str:
    head, *body = rows
    if not body:
        return f"<p>{escape(nothing)}</p>"
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in body)
    return f"<table>\n<tr>{top}</tr>\n{lines}</table>"


def _counted(tally: Tally) -> tuple[str, str, str, str]:
    return str(tally.calls), str(tally.refused), _moment(tally.first), _moment(tally.last)


def _plain(tally: Tally) -> dict[str, Any]:
    return {
        "calls": tally.calls,
        "refused": tally.refused,
        "bytes": tally.bytes,
        "first": tally.first.isoformat(),
        "last": tally.last.isoformat(),
    }


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
