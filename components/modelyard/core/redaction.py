"""Captured calls without what is sensitive in them, on plain text and with the standard library alone.

Functions ship this file as it is, and the serving container uses it before anything is written. What can't be read is
left out whole: a call is worth less than what it may give away. Format of the lines:
sagemaker/latest/dg/model-monitor-data-capture-endpoint.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

How = Literal["hash", "remove"]

MARK: Final = "hmac:"
"""Stands before a keyed hash."""
REMOVED: Final = "[redacted]"
"""Stands where a sensitive value was repeated inside other text."""
_DIGITS: Final = 32
"""Hexadecimal digits of a hash: 128 bits, so that no two values share one by chance."""
_TELLING: Final = 4
"""Characters from which a value is looked for elsewhere, too; shorter ones are in every text."""
_SPLIT: Final = ("columns", "data")
"""How pandas says a table in JSON, its columns by name (`orient="split"`)."""


class Unreadable(Exception):
    """A payload that can't be looked into, so that nobody knows what it holds."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """Which fields go, and how. `columns` are the names of a CSV's columns in their order.

    `key`: of the keyed hashes (HMAC-SHA256); without one, nothing may be hashed: `ValueError`. Names are compared
    without regard to case.
    """

    fields: Mapping[str, How]
    columns: Sequence[str] = ()
    key: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if "hash" in self.fields.values() and not self.key:
            raise ValueError("hashes need a key")
        object.__setattr__(self, "fields", {name.lower(): how for name, how in self.fields.items()})

    def line(self, text: str) -> str | None:
        """A captured call without what is sensitive in it; None for a line that is no captured call.

        A payload that can't be read is left out, and said to be (`"redacted": "unreadable"`).
        """
        try:
            said: Any = json.loads(text)
            data: dict[str, Any] = said["captureData"]
            asked, given = data.get("endpointInput"), data.get("endpointOutput")
            seen: set[str] = set()
            parts = {
                name: self._part(part, seen, asked=name == "endpointInput")
                for name, part in (("endpointInput", asked), ("endpointOutput", given))
                if part is not None
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        about = {name: value for name, value in said.items() if name != "captureData"}
        kept = {"captureData": parts, **about}
        return json.dumps(_scrubbed(kept, _Scrub(seen)), ensure_ascii=False, separators=(",", ":"))

    def payload(self, text: str, content_type: str, seen: set[str], *, asked: bool = True) -> str:
        """A payload without what is sensitive in it. Raises `Unreadable`.

        `seen` takes what was found, so that its repetitions elsewhere can go, too. Of what was `asked`, rows without
        names must have the declared columns; of what was answered, those that have as many are taken for such.
        """
        kind = content_type.partition(";")[0].strip().lower()
        if kind.endswith(("jsonlines", "jsonl", "ndjson", "x-json-stream")):
            lines = [line for line in text.splitlines() if line.strip()]
            return "\n".join(self._json(line, seen, asked=asked) for line in lines)
        if "json" in kind:
            return self._json(text, seen, asked=asked)
        if "csv" in kind:
            return self._csv(text, seen, asked=asked)
        raise Unreadable(f"{content_type or 'no content type'}")

    def _part(self, part: Mapping[str, Any], seen: set[str], *, asked: bool) -> dict[str, Any]:
        about = {name: value for name, value in part.items() if name not in ("data", "encoding")}
        if part.get("data") is None:
            return about
        encoding, kind = str(part.get("encoding", "")).upper(), str(part.get("observedContentType") or "")
        try:
            text = str(part["data"])
            if encoding == "BASE64":
                text = base64.b64decode(text, validate=True).decode()
            kind = kind or {"JSON": "application/json", "CSV": "text/csv"}.get(encoding, "")
            kept = self.payload(text, kind, seen, asked=asked)
        except (Unreadable, binascii.Error, ValueError, csv.Error, RecursionError):
            return {**about, "redacted": "unreadable"}
        return {**about, "data": kept, "encoding": "CSV" if "csv" in kind else "JSON"}

    def _json(self, text: str, seen: set[str], *, asked: bool) -> str:
        found = self._value(_parsed(text), self.columns, seen, asked=asked)
        return json.dumps(found, ensure_ascii=False)

    def _value(self, value: Any, columns: Sequence[str], seen: set[str], *, asked: bool) -> Any:
        if isinstance(value, dict):
            named = cast(dict[str, Any], value)
            inner = _split_columns(named) or columns
            return {
                name: self._hidden(name, item, seen)
                if name.lower() in self.fields
                else item
                if inner is not columns and name == "columns"
                else self._value(item, inner, seen, asked=asked)
                for name, item in named.items()
            }
        if isinstance(value, list):
            items = cast(list[Any], value)
            if items and not any(isinstance(item, dict | list) for item in items):
                return self._row(items, columns, seen, asked=asked)
            return [self._value(item, columns, seen, asked=asked) for item in items]
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            return self._inner(value, columns, seen, asked=asked)
        return value

    def _inner(self, text: str, columns: Sequence[str], seen: set[str], *, asked: bool) -> str:
        """A text that may be a document of its own."""
        try:
            found = _parsed(text)
        except ValueError:
            return text
        return json.dumps(self._value(found, columns, seen, asked=asked), ensure_ascii=False)

    def _row(self, items: Sequence[Any], columns: Sequence[str], seen: set[str], *, asked: bool) -> list[Any]:
        if len(items) != len(columns):
            if asked and self.fields:
                raise Unreadable(f"a row of {len(items)} values, and {len(columns)} columns are declared")
            return list(items)
        return [
            self._hidden(name, item, seen) if name.lower() in self.fields else item
            for name, item in zip(columns, items, strict=True)
        ]

    def _csv(self, text: str, seen: set[str], *, asked: bool) -> str:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
        columns: Sequence[str] = self.columns
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        if rows and self._is_head(rows[0]):
            columns = [cell.strip().lower() for cell in rows[0]]
            writer.writerow(rows.pop(0))
        for row in rows:
            writer.writerow(["" if cell is None else cell for cell in self._row(row, columns, seen, asked=asked)])
        return written.getvalue().rstrip("\n")

    def _is_head(self, row: Sequence[str]) -> bool:
        """Whether a first row names columns: all of the sensitive ones, or those that are declared."""
        names = [cell.strip().lower() for cell in row]
        declared = [name.lower() for name in self.columns]
        return bool(names) and (names == declared or (bool(self.fields) and self.fields.keys() <= set(names)))

    def _hidden(self, name: str, value: Any, seen: set[str]) -> Any:
        """What stands for a sensitive value; nothing stays nothing."""
        if value is None or value == "":
            return value
        seen.update(_texts(value))
        if self.fields[name.lower()] == "remove":
            return None
        if isinstance(value, list):
            return [self._hidden(name, item, seen) for item in cast(list[Any], value)]
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        return MARK + hashed(self.key, name, text)


def hashed(key: bytes, name: str, text: str) -> str:
    """The keyed hash of a field's value: equal for equal values of the same field, and of no use without the key."""
    said = f"{name.lower()}\x00{text.strip()}".encode()
    return hmac.new(key, said, hashlib.sha256).hexdigest()[:_DIGITS]


def _parsed(text: str) -> Any:
    """JSON whose objects name nothing twice: of two values one would pass unseen."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise Unreadable("a name stands twice")
        return found

    return json.loads(text, object_pairs_hook=once)


def _split_columns(value: Mapping[str, Any]) -> Sequence[str] | None:
    """The columns that a table in pandas' split form names."""
    columns = value.get("columns")
    if not (set(_SPLIT) <= value.keys()) or not isinstance(columns, list):
        return None
    names = cast(list[Any], columns)
    return [str(name) for name in names]


def _texts(value: Any) -> Iterator[str]:
    """What of a sensitive value would be told by its repetition: its texts, and those inside of it."""
    if isinstance(value, dict):
        for item in cast(dict[str, Any], value).values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in cast(list[Any], value):
            yield from _texts(item)
    elif isinstance(value, str) and len(value.strip()) >= _TELLING:
        yield value.strip()


class _Scrub:
    """Takes repetitions of sensitive texts out of other text, the longest first, however they are quoted there."""

    def __init__(self, seen: set[str]) -> None:
        forms = {form for text in seen for once in _quoted(text) for form in _quoted(once)}
        self._forms = sorted(forms, key=lambda text: (-len(text), text))

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, REMOVED)
        return text


def _quoted(text: str) -> set[str]:
    """A text as it is, and as CSV and JSON say it inside of quotation marks."""
    return {text, text.replace('"', '""'), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {scrub(name): _scrubbed(item, scrub) for name, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_scrubbed(item, scrub) for item in cast(list[Any], value)]
    return value
