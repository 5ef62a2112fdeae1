"""The page of an evidence bundle: everything in it, self-contained, for people. Standard library alone.

It ships as text with the function that writes bundles, which has no library of templates; nothing is put onto the page
that wasn't escaped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from modelyard.core.evidence import PARTS, file_of, sha256, why_absent

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1b1f24}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #d0d7de}
table{border-collapse:collapse;margin:.5rem 0;width:100%}
td,th{border:1px solid #d0d7de;padding:.25rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:#f6f8fa;font-weight:600;width:16rem}
.absent{color:#9a6700}.hash{font:12px ui-monospace,monospace;color:#57606a;overflow-wrap:anywhere}
.failed{color:#b42318;font-weight:600}
""".strip()
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(about: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """The page of a bundle: `about` says whose it is, `files` are the parts by file."""
    title = f"Evidence: {about['model']} {about['model_version']}"
    rows = [
        ("Team", about["team"]),
        ("Environment", about["environment"]),
        ("Version", about["package"]),
        ("Released", about["released_at"]),
    ]
    parts = "\n".join(_part(part, said, files[file_of(part)]) for part, said in PARTS.items())
    listed = "Each part below is a file of the bundle, with its SHA-256; the manifest lists them, and is signed."
    return frame(title, f"{_table(rows)}\n<p>{listed}</p>\n{parts}")


def frame(title: str, body: str) -> str:
    """A page that loads nothing and runs nothing, around a body of HTML."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<style>{_STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def _part(part: str, said: str, content: bytes) -> str:
    value = json.loads(content)
    missing = why_absent(value)
    shown = f'<p class="absent">Absent: {escape(missing)}</p>' if missing else _value(_unpacked(part, value))
    return (
        f'<section id="{escape(part)}"><h2>{escape(said)}</h2>\n'
        f'<p class="hash">{escape(file_of(part))} SHA-256 {sha256(content)}</p>\n{shown}</section>'
    )


def _unpacked(part: str, value: Any) -> Any:
    """What was signed as text, as what it says."""
    if part == "release" and isinstance(value, dict) and isinstance(value.get("payload"), str):  # pyright: ignore[reportUnknownMemberType]
        return {**value, "payload": json.loads(value["payload"])}  # pyright: ignore[reportUnknownArgumentType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs: Mapping[str, Any] = value
        return _table([(str(key), inner) for key, inner in pairs.items()]) if pairs else "none"
    if isinstance(value, list | tuple):
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        if not items:
            return "none"
        if all(isinstance(item, Mapping) for item in items):
            return "\n".join(_value(item) for item in items)
        return "<br>".join(_value(item) for item in items)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else '<span class="failed">no</span>'
    return escape(str(value))


def _table(rows: list[tuple[str, Any]]) -> str:
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{_value(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"
