"""What is tried: escapes by every role, the whole authorization table by the greediest, and the fence itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.isolation.escapes import ESCAPES, filled
from tests.isolation.examples import examples, granted, in_person
from tests.isolation.judge import Action, Judge, Question, Table, Verdict
from tests.isolation.shared import shared_by_all
from tests.isolation.world import SHAPES, Team, World, loosely, services_of_wildcards

from modelyard.assess.access import Identity

SERVICES: Final = (
    *("athena", "batch", "budgets", "cloudwatch", "dynamodb", "ecr", "eks", "elasticfilesystem", "events"),
    *("execute-api", "firehose", "fsx", "glue", "iam", "kinesis", "kms", "lambda", "logs", "rds-db", "s3"),
    *("sagemaker", "sagemaker-mlflow", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "states", "sts"),
)
"""Services whose whole table is tried."""
EC2_TYPES: Final = ("image", "instance", "launch-template", "network-interface", "security-group", "snapshot", "volume")
"""Of EC2, what could be a team's; networks are the platform's."""
ACCOUNT_WIDE: Final = (*SERVICES, "cloudtrail", "ec2", "lakeformation", "organizations", "ram", "account")
"""Services whose actions without a thing of anybody's are tried too."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One try, and what must be allowed so that its refusal says something: any of `twins`."""

    service: str
    what: str
    question: Question
    twins: tuple[Question, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What came of the trials."""

    trials: list[Trial] = field(default_factory=list[Trial])
    leaks: list[tuple[Trial, Verdict]] = field(default_factory=list[tuple[Trial, Verdict]])
    hollow: list[Trial] = field(default_factory=list[Trial])
    """Trials that nobody at all may do: their refusal proves nothing."""
    twins: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    """By service: twins that the owner itself may do."""
    by_administrator: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    """By service: twins that only a principal outside of every fence may do."""

    def joined(self, other: Outcome) -> Outcome:
        """This outcome and another in one."""
        made = Outcome(self.trials + other.trials, self.leaks + other.leaks, self.hollow + other.hollow)
        for mine, theirs, ours in (
            (self.twins, other.twins, made.twins),
            (self.by_administrator, other.by_administrator, made.by_administrator),
        ):
            for service in {*mine, *theirs}:
                ours[service] = mine.get(service, 0) + theirs.get(service, 0)
        return made


def things(team: Team, table: Table, types: Iterable[str]) -> dict[str, str]:
    """The ARN of the team's thing of each type of a service's table."""
    return {kind: team.thing(pattern(table.arns[kind])) for kind in types if kind in table.arns}


def pattern(arns: str | Sequence[str]) -> str:
    """A resource type's ARN as the reference writes it; the first where it has several."""
    return arns if isinstance(arns, str) else arns[0]


_IN_A_WORKBENCH: Final = re.compile(r":(app|space|user-profile)/")


class Trials:
    """Makes the trials of one world."""

    def __init__(self, judge: Judge, world: World) -> None:
        self.judge = judge
        self.world = world
        self.teams = tuple(world.teams.values())
        self.arns: dict[str, dict[str, str]] = {
            service: {kind: pattern(arn) for kind, arn in judge.table(service).arns.items()}
            for service in {*SERVICES, "ec2"}
        }

    def loosely(self) -> World:
        """The world under the other reading of wildcards that stand for types."""
        forms = {service: tuple(kinds.values()) for service, kinds in self.arns.items()}
        return self.world.changed(loosely(self.world.access, forms))

    def outcome(self) -> Outcome:
        """What comes of all trials; where a wildcard stands for a type, under the reading that lets more through."""
        trials = [trial for group in GROUPS for trial in group(self)]
        wild = services_of_wildcards(self.world.access)
        read_loosely = [trial for trial in trials if trial.question.action.partition(":")[0] in wild]
        others = [trial for trial in trials if trial.question.action.partition(":")[0] not in wild]
        return judged(self.judge, self.world, others).joined(judged(self.judge, self.loosely(), read_loosely))

    def classic(self) -> Iterator[Trial]:
        """Every escape, on every other team, by the greedy and the deployment role; on one other team by every role.

        The roles are those of the teams that differ: the others are theirs under other names.
        """
        different = [team.name for team in self.teams[:SHAPES]]
        for escape in ESCAPES:
            known = {action.name: action for action in self.judge.table(escape.service).actions}
            for name in escape.actions:
                action = known[f"{escape.service}:{name}"]
                for kind in escape.on:
                    if kind not in _told_apart(action):
                        continue
                    for victim in self.teams:
                        theirs = victim.thing(self.arns[escape.service][kind])
                        reaching = filled(escape.context, victim, self.arns)
                        own = filled(escape.context if escape.twin is None else escape.twin, victim, self.arns)
                        twins = self._twins(action.name, theirs, own, victim)
                        for team in self.world.others(victim):
                            on = team.thing(self.arns[escape.service][kind]) if escape.mine else theirs
                            every = team.name in different and self._next(team).name == victim.name
                            for identity in (*team.roles, team.greedy) if every else _strongest(team):
                                question = Question(identity.arn, action.name, on, reaching)
                                yield Trial(escape.service, escape.what, question, twins)

    def table(self) -> Iterator[Trial]:
        """Every action on every type that it takes, by a greedy and a deployment role, on another team's things."""
        number = 0
        for service in (*SERVICES, "ec2"):
            for action, kind in self._on_things(service):
                number += 1
                team = self.teams[number % len(self.teams)]
                victim = self._next(team)
                theirs = victim.thing(self.arns[service][kind])
                if theirs == team.thing(self.arns[service][kind]):
                    continue
                context = _tags(action, kind, victim)
                twins = self._twins(action.name, theirs, context, victim)
                for identity in _strongest(team):
                    yield Trial(service, "the whole table", Question(identity.arn, action.name, theirs, context), twins)

    def nested(self) -> Iterator[Trial]:
        """Another team's things with the attacker's names inside: what a star in front of a pattern takes for own.

        They carry the other team's tag, but for those that the attacker is about to make. A call that needs more than
        the one thing needs the other team's plain one as well, which is tried elsewhere.
        """
        team, victim = self.teams[0], self.teams[1]
        for service in (*SERVICES, "ec2"):
            for action, kind in self._on_things(service):
                form = self.arns[service][kind]
                disguised = victim.thing(form, team)
                plain = disguised.replace("_", "-")
                beside = [each for each in action.required if each != kind]
                if beside or disguised == victim.thing(form, victim) or team.prefix not in plain:
                    continue
                verb = action.name.partition(":")[2]
                makes = verb.startswith(_MAKE) and "Presigned" not in verb
                context = {} if makes else _tags(action, kind, victim)
                twins = self._twins(action.name, disguised, context, victim)
                for identity in _strongest(team):
                    question = Question(identity.arn, action.name, disguised, context)
                    yield Trial(service, "own names inside another's", question, twins)

    def platform(self) -> Iterator[Trial]:
        """Every action on what the platform has."""
        team, base = self.teams[0], self.world.platform
        for service in (*SERVICES, "ec2"):
            for action, kind in self._on_things(service):
                theirs = base.thing(self.arns[service][kind])
                common = shared_by_all(Question(team.greedy.arn, action.name, theirs))
                if theirs in base.real and not common:
                    twins = self._twins(action.name, theirs, {}, base)
                    for identity in _strongest(team):
                        yield Trial(
                            service, "the platform's things", Question(identity.arn, action.name, theirs), twins
                        )

    def forged(self) -> Iterator[Trial]:
        """Events on the platform's bus in the name of another team, or of the platform itself."""
        for bus in (arn for arn in self.world.platform.real if ":event-bus/" in arn):
            for team in self.teams:
                own = Question(team.greedy.arn, "events:PutEvents", bus, {"events:source": f"modelyard.{team.name}"})
                for name in (*(other.name for other in self.world.others(team)), "platform", "other"):
                    for identity in _strongest(team):
                        forged = Question(identity.arn, own.action, bus, {"events:source": f"modelyard.{name}"})
                        yield Trial("events", "in another's name", forged, (own,))

    def fence(self) -> Iterator[Trial]:
        """Every way to change the boundary, the deployment role, or a role so that the boundary is off."""
        for team in self.teams:
            if team.deployment is None:
                continue
            role = next(role for role in team.roles if role.boundary and role.path == team.names.path)
            outside = f"arn:aws:iam::{team.account}:role/{team.prefix}outside"
            bounded = {"iam:PermissionsBoundary": team.boundary_arn}
            attempts: list[tuple[str, str, dict[str, str | tuple[str, ...]]]] = [
                ("iam:DeleteRolePermissionsBoundary", role.arn, {}),
                (
                    "iam:PutRolePermissionsBoundary",
                    role.arn,
                    {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
                ),
                ("iam:CreateRole", role.arn, {}),
                ("iam:CreateRole", role.arn, {"iam:PermissionsBoundary": f"{team.boundary_arn}-2"}),
                ("iam:CreateRole", outside, dict(bounded)),
                ("iam:PutRolePolicy", outside, {}),
                ("iam:AttachRolePolicy", outside, {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}),
                ("iam:PutRolePolicy", role.arn, {}),
                ("iam:CreateUser", f"arn:aws:iam::{team.account}:user/{team.prefix}me", {}),
                ("iam:CreateAccessKey", f"arn:aws:iam::{team.account}:user/{team.prefix}me", {}),
                (
                    "iam:CreateServiceLinkedRole",
                    f"arn:aws:iam::{team.account}:role/aws-service-role/x.amazonaws.com/X",
                    {},
                ),
                ("iam:UpdateAssumeRolePolicy", team.deployment.arn, dict(bounded)),
                ("kms:PutKeyPolicy", team.key, {}),
                ("kms:CreateGrant", team.key, {"kms:GrantIsForAWSResource": "false"}),
            ]
            for action in self.judge.table("iam").actions:
                if "Write" in action.level:
                    attempts += [(action.name, team.boundary_arn, {})] if "policy" in action.on else []
                    attempts += [(action.name, team.deployment.arn, {})] if "role" in action.on else []
            for name, arn, context in attempts:
                bounded_too = {**context, **bounded} if name in _BY_BOUNDARY else context
                twins = self._twins(name, arn, bounded_too, team)
                for identity in (*team.roles, team.greedy):
                    if identity.boundary is None and identity is not team.deployment:
                        continue
                    yield Trial(
                        name.split(":")[0], "the fence itself", Question(identity.arn, name, arn, context), twins
                    )

    def account_wide(self) -> Iterator[Trial]:
        """Actions on no thing of anybody's: what is allowed here is shared by all, and must be known to be."""
        for service in ACCOUNT_WIDE:
            table = self.judge.table(service)
            for action in table.actions:
                nobodys = ["*"] if not action.on else []
                for kind in action.required or action.on:
                    form = pattern(table.arns[kind])
                    team, other = self.teams[0], self.teams[1]
                    if team.thing(form) == other.thing(form):
                        nobodys.append(team.thing(form))
                    elif kind in action.required:
                        nobodys = []
                        break
                for arn in nobodys:
                    twins = (Question(self.world.administrator.arn, action.name, arn),)
                    for identity in _strongest(self.teams[0]):
                        yield Trial(service, "the whole account", Question(identity.arn, action.name, arn), twins)

    def grants(self) -> Iterator[tuple[Question, Mapping[str, Any]]]:
        """Every grant that the roles for code and people hold, as calls, with its statement; none may be refused.

        Those on a workbench hang on who opened it and are judged by themselves (test_workbench_judged).
        """
        for team in self.teams:
            for identity in team.roles:
                if identity is not team.deployment:
                    for statement in granted(self.world.access, identity):
                        for question in examples(self.judge, identity, statement):
                            if not _IN_A_WORKBENCH.search(question.resource):
                                yield in_person(identity, question), statement

    def doors(self) -> Iterator[Trial]:
        """Every person's way in, tried on every persona of every team, under their own name and another's."""
        ways = [
            (door, in_person(door, question))
            for team in self.teams
            for door in team.roles
            if door.people
            for statement in granted(self.world.access, door)
            for question in examples(self.judge, door, statement)
        ]
        for door, own in ways:
            for other, way in ways:
                for name in {*door.people[:1], *other.people[:1], "stranger@elsewhere.example"}:
                    if (way.resource, name) == (own.resource, door.people[0]) or name in door.people and other is door:
                        continue
                    session = {"sts:RoleSessionName": name, "aws:userid": f"AROAEXAMPLE:{door.people[0]}"}
                    tried = Question(door.arn, "sts:AssumeRole", way.resource, session)
                    yield Trial("sts", "through another's door", tried, (way,))

    def _next(self, team: Team) -> Team:
        return self.teams[(self.teams.index(team) + 1) % len(self.teams)]

    def _on_things(self, service: str) -> Iterator[tuple[Action, str]]:
        for action in self.judge.table(service).actions:
            for kind in _told_apart(action):
                if service != "ec2" or kind in EC2_TYPES:
                    yield action, kind

    def _twins(
        self, action: str, arn: str, context: Mapping[str, str | tuple[str, ...]], owner: Team
    ) -> tuple[Question, ...]:
        """The same call by the owner's own roles, and by principals that no fence holds."""
        mine = _strongest(owner) if owner.boundary else ()
        identities = (*mine, self.world.administrator, self.world.root)
        return tuple(Question(identity.arn, action, arn, context) for identity in identities)


GROUPS: Final = (
    Trials.classic,
    Trials.table,
    Trials.nested,
    Trials.platform,
    Trials.forged,
    Trials.doors,
    Trials.fence,
    Trials.account_wide,
)
"""Everything that must be refused, or known to be shared."""
_MAKE: Final = ("Create", "Import", "Put", "Register")
"""How actions begin that may make a thing, which has no tag yet."""
_BY_BOUNDARY: Final = ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy")


def _strongest(team: Team) -> tuple[Identity, ...]:
    return (team.greedy, *([team.deployment] if team.deployment else []))


def _told_apart(action: Action) -> tuple[str, ...]:
    """The types that an action takes, but for those that the judge would take for others."""
    if {"function alias", "function version"} <= action.on.keys():
        return tuple(kind for kind in action.on if not kind.startswith("function "))
    return tuple(kind for kind in action.on if kind != "consumer" or "stream" not in action.on)


def _tags(action: Action, kind: str, owner: Team) -> dict[str, str | tuple[str, ...]]:
    """The tags of the thing, where the service tells of them."""
    known = (
        "aws:ResourceTag/${TagKey}" in (*action.keys, *action.on[kind])
        and "bucket" not in kind
        and "object" not in kind
    )
    return {"aws:ResourceTag/team": owner.name} if known else {}


def judged(judge: Judge, world: World, trials: Sequence[Trial]) -> Outcome:
    """The outcome of trials: what was allowed is a leak, unless all teams share it."""
    outcome = Outcome(list(trials))
    asked = [trial.question for trial in trials]
    for trial, verdict in zip(trials, judge.ask(world.access, asked), strict=True):
        if verdict.allowed and not shared_by_all(trial.question):
            outcome.leaks.append((trial, verdict))
    pending = list({id(trial.twins): trial for trial in trials if trial.twins}.values())
    depth = 0
    while pending:
        outcome.hollow += [trial for trial in pending if len(trial.twins) <= depth]
        pending = [trial for trial in pending if len(trial.twins) > depth]
        verdicts = judge.ask(world.access, [trial.twins[depth] for trial in pending])
        still: list[Trial] = []
        for trial, verdict in zip(pending, verdicts, strict=True):
            if not verdict.allowed:
                still.append(trial)
                continue
            unfenced = verdict.question.principal in (world.administrator.arn, world.root.arn)
            (outcome.by_administrator if unfenced else outcome.twins)[trial.service] += 1
        pending, depth = still, depth + 1
    return outcome
