"""A real preview, `pulumi preview --json`, told in the words of a forecast: the engine's own decision of each step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelyard.assess.graph.readers import from_preview
from modelyard.assess.impact.forecast import Forecast, Op, Verdict, forecast
from modelyard.core.errors import Fault, InputError, Source

COMMAND: Final = "pulumi preview --json --show-sames"
_REPLACING: Final = frozenset(
    {"replace", "create-replacement", "delete-replaced", "import-replacement", "read-replacement"}
)
_OPS: Final[Mapping[str, Op]] = {
    "create": Op.CREATE,
    "update": Op.UPDATE,
    "delete": Op.DELETE,
    "import": Op.IMPORT,
}


def previewed(text: str, *, file: str = "") -> Forecast:
    """What a preview says: the answer of `pulumi preview --json`, with `--show-sames` or without.

    What is lost, what depends on it and what seems renamed comes from the graphs that the preview holds: without
    `--show-sames` from what changes alone. Which of two goes first isn't in a preview, and is foreseen. Raises
    `InputError`, which names `file`, for anything else.
    """
    after, before = from_preview(text, file=file), from_preview(text, file=file, side="oldState")
    if not after.stack and not before.stack:
        raise InputError(Fault("says nothing of any stack", f"Write it with: {COMMAND}", Source(file)))
    said: dict[str, list[Mapping[str, Any]]] = {}
    for step in json.loads(text)["steps"]:
        said.setdefault(step["urn"], []).append(step)
    return forecast(before, after, verdicts={urn: _verdict(steps) for urn, steps in said.items()})


def _verdict(steps: Sequence[Mapping[str, Any]]) -> Verdict:
    ops = [step["op"] for step in steps]
    if not _REPLACING.intersection(ops):
        return Verdict(next((_OPS[op] for op in ops if op in _OPS), Op.SAME))
    reasons = [reason for step in steps for reason in step.get("replaceReasons") or ()]
    return Verdict(Op.REPLACE, frozenset(reason.partition(".")[0].partition("[")[0] for reason in reasons))
