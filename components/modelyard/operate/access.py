"""Who of a team can do what to what: identities, their grants as far as the fence lets them, who may become them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from modelyard.assess.access import Access, Identity, Policy, Used, collect, decide, example, tests, uses, words
from modelyard.assess.graph import Graph, reveal
from modelyard.assess.graph.stacks import record_platform, record_team
from modelyard.blueprints.project import Project
from modelyard.core.addresses import Addresses
from modelyard.core.errors import Fault, InputError, Source

VERSION: Final = 1
"""Of the JSON; grows when a field changes its meaning or goes away."""
_THROUGH: Final = "kms:ViaService"
_PARAMETER: Final = "aws:ssm/parameter:Parameter"


@dataclass(frozen=True, slots=True)
class Row:
    """What one statement lets an identity do.

    `thing`: the component that granted it. `fenced`: what the statement names and something else refuses, as
    `action on resource`, and what that is. `through`: the only service that a key may be used through.
    """

    thing: str
    intents: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    through: str = ""
    fenced: Mapping[str, str] = field(default_factory=dict[str, str])
    statement: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may become an identity, and under which conditions."""

    who: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Who:
    """One identity of the team."""

    identity: Identity
    role: str
    """What it is: `deployment`, or the component that it works for."""
    trust: tuple[Trust, ...]
    rows: tuple[Row, ...]
    never: tuple[Row, ...]
    """What its own policies deny."""


@dataclass(frozen=True, slots=True)
class TeamAccess:
    """The access of one team in one environment."""

    team: str
    environment: str
    who: tuple[Who, ...]
    boundary: Policy | None
    never: tuple[Row, ...]
    """What the boundary denies to all of the team's roles."""
    unread: tuple[str, ...]
    access: Access = field(repr=False)
    things: tuple[Used, ...] = ()
    """The team's models and endpoints, and who can put them to use."""

    def of(self, name: str) -> TeamAccess:
        """The same, of the things called `name` alone. Raises `InputError` where nothing is."""
        found = tuple(thing for thing in self.things if thing.name == name)
        if not found:
            known = ", ".join(f"{thing.name} ({thing.kind})" for thing in self.things) or "none"
            problem = f"is no endpoint and no model of {self.team} in {self.environment}; there are: {known}"
            raise InputError(Fault(problem, "Name one of them.", Source("--of"), name))
        return replace(self, things=found)

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "version": VERSION,
            "team": self.team,
            "environment": self.environment,
            "identities": [
                {
                    "name": who.identity.name,
                    "arn": who.identity.arn,
                    "role": who.role,
                    "people": list(who.identity.people),
                    "description": who.identity.description,
                    "boundary": who.identity.boundary.name if who.identity.boundary else None,
                    "trust": [{"who": list(t.who), "conditions": list(t.conditions)} for t in who.trust],
                    "may": [_row(row) for row in who.rows],
                    "never": [_row(row) for row in who.never],
                }
                for who in self.who
            ],
            "fence": {
                "boundary": self.boundary.name if self.boundary else None,
                "never": [_row(row) for row in self.never],
            },
            "things": [_thing(thing) for thing in self.things],
            "unread": list(self.unread),
        }


def team_access(root: Path, team: str, environment: str) -> TeamAccess:
    """The access of `team`, from the recorded graphs of the platform and of the team. Raises `InputError` where the
    project has no such team or environment."""
    project = Project(root)
    if team not in project.teams():
        known = ", ".join(project.teams()) or "none"
        raise InputError(
            Fault(f"is no team of this project; there are: {known}", "Name one of them.", Source("TEAM"), team)
        )
    platform = record_platform(root, environment)
    return access_of(team, environment, platform, record_team(root, team, environment, platform=platform))


def access_of(team: str, environment: str, platform: Graph, stack: Graph) -> TeamAccess:
    """The access of `team` that two graphs describe: the platform's and the team's own."""
    access = collect(platform, stack)
    intents = _intents(stack)
    who = tuple(_who(access, identity, intents) for identity in access.of(team))
    boundary = next((each.identity.boundary for each in who if each.identity.boundary), None)
    never = tuple(_denials(boundary)) if boundary else ()
    return TeamAccess(team, environment, who, boundary, never, access.unread, access, uses(access, stack))


def _who(access: Access, identity: Identity, intents: Mapping[tuple[str, str], tuple[str, ...]]) -> Who:
    rows: list[Row] = []
    for policy in identity.policies:
        for statement in policy.statements:
            if statement["Effect"] == "Allow":
                known = intents.get((identity.component, policy.name), ())
                rows += _allowed(access, identity, policy, statement, known)
    rows += _let_in(access, identity)
    trust = tuple(
        Trust(_principals(statement), conditions_of(statement))
        for statement in identity.trust.statements
        if statement["Effect"] == "Allow"
    )
    role = "deployment" if identity.name.endswith("-fence-deployment") else identity.component
    return Who(
        identity, role, trust, tuple(rows), tuple(row for policy in identity.policies for row in _denials(policy))
    )


def _allowed(
    access: Access, identity: Identity, policy: Policy, statement: Mapping[str, Any], intents: tuple[str, ...]
) -> Iterator[Row]:
    """A statement without what the boundary, a denial or a key's policy takes out of it; one row for each set of
    resources that is left."""
    rows: dict[tuple[str, ...], list[str]] = {}
    fenced: dict[str, str] = {}
    resources = words(statement.get("Resource", "*"))
    for action in words(statement.get("Action", ())):
        kept: list[str] = []
        for resource in resources:
            found = decide(access, identity, action, example(resource))
            if found.outcome == "refused":
                fenced[f"{action} on {resource}"] = found.refused_by
            else:
                kept.append(resource)
        rows.setdefault(tuple(kept), []).append(action)
    through = ", ".join(value for _, key, values in tests(statement) if key == _THROUGH for value in values)
    conditions = conditions_of(statement)
    for index, (left, actions) in enumerate(rows.items()):
        back = {} if index else fenced
        yield Row(policy.name, intents, tuple(actions) if left else (), left, conditions, through, back, statement)


def _let_in(access: Access, identity: Identity) -> Iterator[Row]:
    """What policies of things give to the identity by its ARN, whatever its own policies say."""
    for arn, policy in access.things.items():
        for statement in policy.statements:
            if statement["Effect"] == "Allow" and identity.arn in _principals(statement):
                resources = words(statement.get("Resource", arn))
                yield Row(
                    policy.name,
                    ("let in by the thing itself",),
                    words(statement.get("Action", ())),
                    tuple(arn if resource == "*" else resource for resource in resources),
                    conditions_of(statement),
                    statement=statement,
                )


def _denials(policy: Policy) -> Iterator[Row]:
    for statement in policy.statements:
        if statement["Effect"] == "Deny":
            actions = words(statement.get("Action") or [f"all but {a}" for a in words(statement.get("NotAction", ()))])
            resources = words(statement.get("Resource") or [f"all but {r}" for r in words(statement["NotResource"])])
            name = str(statement.get("Sid", policy.name))
            yield Row(name, (), actions, resources, conditions_of(statement), statement=statement)


def conditions_of(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """A statement's conditions, one line each: `s3:prefix is like events/*`."""
    return tuple(_said(operator, key, values) for operator, key, values in tests(statement))


def _said(operator: str, key: str, values: tuple[str, ...]) -> str:
    each, _, plain = operator.rpartition(":")
    if plain == "Null":
        return f"{key} is {'absent' if 'true' in values else 'there'}"
    verb = _VERBS.get(plain.removesuffix("IfExists"), plain)
    subject = {"ForAllValues": f"every {key}", "ForAnyValue": f"any {key}"}.get(each, key)
    absent = " absent or" if plain.endswith("IfExists") else ""
    return f"{subject} {verb.split(' ')[0]}{absent}{verb.removeprefix(verb.split(' ')[0])} {' or '.join(values)}"


_VERBS: Final = {
    "ArnEquals": "is like",
    "ArnLike": "is like",
    "ArnNotEquals": "is not like",
    "ArnNotLike": "is not like",
    "Bool": "is",
    "DateGreaterThan": "is after",
    "DateLessThan": "is before",
    "StringEquals": "is",
    "StringEqualsIgnoreCase": "is",
    "StringLike": "is like",
    "StringNotEquals": "is not",
    "StringNotLike": "is not like",
}


def _principals(statement: Mapping[str, Any]) -> tuple[str, ...]:
    principal = statement.get("Principal", {})
    if not isinstance(principal, Mapping):
        return (str(principal),)
    return tuple(who for named in principal.values() for who in words(named))


def _intents(stack: Graph) -> dict[tuple[str, str], tuple[str, ...]]:
    """The intents of each grant that published where its thing is found: by the identity's component and the thing."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for node in stack.of_type(_PARAMETER):
        component = stack.component_of(node)
        value = reveal(node.properties.get("insecureValue"))
        if component is None or not isinstance(value, str):
            continue
        try:
            said = Addresses.model_validate(json.loads(value))
        except ValueError:
            continue
        found[component.name, said.thing] = said.intents
    return found


def _thing(thing: Used) -> dict[str, Any]:
    return {
        "kind": thing.kind,
        "name": thing.name,
        "arn": thing.arn,
        "uses": {
            use: [{"identity": user.identity.arn, "conditional": user.conditional} for user in users]
            for use, users in thing.uses.items()
        },
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "thing": row.thing,
        "intents": list(row.intents),
        "actions": list(row.actions),
        "resources": list(row.resources),
        "conditions": list(row.conditions),
        "through": row.through or None,
        "fenced": dict(row.fenced),
    }
