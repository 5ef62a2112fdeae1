"""Captured calls of an endpoint, on plain JSON lines and with the standard library alone.

Functions ship this file as it is. A line has what was asked and answered, as SageMaker's capture writes it
(sagemaker/latest/dg/model-monitor-data-capture-endpoint); a call may ask for several rows.
"""

from __future__ import annotations

import base64
import csv
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

PROBE: Final = "modelyard-probe"
"""The inference id of calls that nobody made but a probe: they say nothing of the traffic."""
CALLER: Final = "caller"
"""The custom attribute that names who called: `X-Amzn-SageMaker-Custom-Attributes: caller=mobile-app`."""

Row = tuple[str | float, ...]
"""The values of a row in their order: numbers where they are, text otherwise."""


@dataclass(frozen=True, slots=True)
class Call:
    """One captured call. `rows` were asked, `answers` given; either is empty where it can't be read."""

    id: str
    inference_id: str
    caller: str
    """Empty: nobody said."""
    at: str
    """When, as ISO 8601; empty where the line doesn't say."""
    rows: tuple[Row, ...]
    answers: tuple[Row, ...]

    @property
    def probed(self) -> bool:
        """Whether a probe made it."""
        return self.inference_id.startswith(PROBE)


def calls(lines: Iterable[str]) -> Iterator[Call | None]:
    """The call of each line that isn't blank; None for a line that is no captured call."""
    for line in lines:
        if line.strip():
            yield _call(line)


def _call(line: str) -> Call | None:
    try:
        said = json.loads(line)
        data: dict[str, Any] = said["captureData"]
        about: dict[str, Any] = said.get("eventMetadata") or {}
        asked, given = _rows(data.get("endpointInput")), _rows(data.get("endpointOutput"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Call(
        str(about.get("eventId", "")),
        str(about.get("inferenceId") or ""),
        _caller(about.get("customAttributes")),
        str(about.get("inferenceTime", "")),
        asked,
        given,
    )


def _caller(attributes: Any) -> str:
    texts: list[Any] = cast(list[Any], attributes) if isinstance(attributes, list) else [attributes or ""]
    for text in texts:
        for part in str(text).replace(";", ",").split(","):
            name, _, value = part.partition("=")
            if name.strip() == CALLER:
                return value.strip()
    return ""


def _rows(part: Any) -> tuple[Row, ...]:
    if not part or part.get("data") is None:
        return ()
    text, encoding = str(part["data"]), str(part.get("encoding", "")).upper()
    if encoding == "BASE64":
        text = base64.b64decode(text, validate=True).decode()
    if encoding == "JSON" or "json" in str(part.get("observedContentType", "")):
        return tuple(_json_rows(json.loads(text)))
    return tuple(_row(values) for values in csv.reader(text.splitlines()) if values)


def _json_rows(value: Any) -> Iterator[Row]:
    """Every innermost list, or object of plain values, of a JSON document: the forms in which servers take rows."""
    named = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    listed = cast(list[Any], value) if isinstance(value, list) else []
    items = [named[name] for name in sorted(named)] or listed
    nested: list[Any] = [item for item in items if isinstance(item, dict | list)]
    if nested:
        for item in nested:
            yield from _json_rows(item)
    elif items:
        yield _row(items)
    elif not isinstance(value, dict | list) and value is not None:
        yield _row([value])


def _row(values: Iterable[Any]) -> Row:
    return tuple(_value(value) for value in values)


def _value(value: Any) -> str | float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else str(value)
