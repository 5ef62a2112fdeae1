"""One way out of a team's fence: calls that a role of one team tries on another's things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.isolation.world import Team

Values = Mapping[str, str | tuple[str, ...]]

TAGGED: Final = {"aws:RequestTag/team": "{team}", "aws:TagKeys": ("team",)}
UNTAGGED: Final = {"aws:TagKeys": ("team",)}


@dataclass(frozen=True, slots=True)
class Escape:
    """Actions of one service tried on things of the types `on`, in every combination that the reference knows.

    `context` is what the call carries; `{arn:service:type}` in a value stands for the other team's thing of that type,
    `{team}` for its name. `mine`: the thing itself is the attacker's own, and the context is what reaches out.
    `twin`: what the owner's own call carries, where it needs more or something else.
    """

    what: str
    service: str
    actions: tuple[str, ...]
    on: tuple[str, ...]
    context: Values = field(default_factory=dict[str, str])
    twin: Values | None = None
    mine: bool = False


def each(service: str, what: str, actions: str, on: str, **more: Any) -> Escape:
    """An escape whose actions and types are words of a text."""
    return Escape(what, service, tuple(actions.split()), tuple(on.split()), **more)


def filled(values: Values, team: Team, arns: Mapping[str, Mapping[str, str]]) -> dict[str, str | tuple[str, ...]]:
    """The context of a call with the team's own name and things in it."""

    def one(value: str) -> str:
        if value.startswith("{arn:"):
            _, service, kind = value.strip("{}").split(":")
            return team.thing(arns[service][kind])
        return value.replace("{team}", team.name)

    return {key: one(value) if isinstance(value, str) else tuple(map(one, value)) for key, value in values.items()}
