"""What people are shown of the comparison with what is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelyard.operate.deployed.looking import Checked

VERSION: Final = 1
"""Of the JSON; grows when a field changes its meaning or goes away."""


def shown(found: Sequence[Checked]) -> Iterator[str]:
    """The lines of `yard drift`."""
    for one in found:
        if one.drift:
            yield f"{one.stack}: {_counted(len(one.drift), 'difference')} that the engine doesn't find"
        else:
            yield f"{one.stack}: {_counted(len(one.looked), 'resource')} as deployed, of those the engine can't compare"
        for each in one.drift:
            yield f"  {each}"
            if each.held.source:
                yield f"    declared at {each.held.source}"
        for urn, why in one.unread:
            yield f"  not looked at: {urn.rpartition('::')[2]}, {why}"
    if any(one.drift for one in found):
        yield ""
        yield "An up changes nothing about it. Put it back by hand, or have the resource made anew:"
        for urn in dict.fromkeys(each.held.urn for one in found for each in one.drift):
            yield f"  pulumi up --replace '{urn}'"


def as_json(environment: str, found: Sequence[Checked]) -> dict[str, Any]:
    """The same, for `--json`."""
    return {
        "version": VERSION,
        "environment": environment,
        "stacks": [one.as_json() for one in found],
    }


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
