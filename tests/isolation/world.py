"""The teams of a project as the judge sees them: their roles, their things, and two roles that nobody wrote."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from modelyard.assess.access import Access, Identity, Policy, collect, words
from modelyard.assess.graph import Graph, reveal
from modelyard.assess.graph.stacks import record_platform, record_team
from modelyard.blueprints.project import Project
from modelyard.core.names import Names

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENT: Final = "dev"
TEAMS: Final = ("alpha", "bravo", "charlie", "delta", "echo")
SHAPES: Final = len(list((ROOT / "stacks" / "teams").glob("*.yaml")))
"""How many of the teams differ in more than their names: as many as are shipped."""
EVERYTHING: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_ANYBODY: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
_OPAQUE: Final = re.compile(r"(Id|ID|Token|UUID|String|Digest|HashOfArtifactSource|Hex|Revision|Version|Timpstamp)$")
_FIXED: Final = {
    "IamIdentityType": "role",
    "JobCategory": "AgentRFT",
    "HubContentType": "Model",
    "AppType": "JupyterLab",
    "StreamType": "stream",
    "CapabilityType": "ACK",
    "IdentityProviderType": "oidc",
    "ResourceType": "table",
    "Operation": "create",
    "SourceType": "partner",
    "Stage": "prod",
    "Method": "POST",
    "Alias": "live",
    "Version": "1",
    "VersionId": "1",
    "LayerVersion": "1",
    "Revision": "1",
    "RoleTemplateMajorVersion": "1",
}
"""What stands for variables of ARN patterns that are neither names that a team chose nor ids."""


@dataclass(frozen=True)
class Team:
    """One team: where its names begin, and the ARNs of what it has, real or as its names would make them."""

    name: str
    names: Names
    account: str
    region: str
    real: tuple[str, ...]
    """ARNs of everything in its graph, and of its keys and fence in the platform's."""
    roles: tuple[Identity, ...]
    deployment: Identity | None
    boundary: Policy | None
    boundary_arn: str = ""
    key: str = ""
    greedy: Identity = field(init=False)
    """A role below the team's path and boundary whose own policy allows everything."""

    def __post_init__(self) -> None:
        arn = f"arn:aws:iam::{self.account}:role{self.names.path}{self.prefix}greedy"
        object.__setattr__(
            self,
            "greedy",
            Identity(
                arn=arn,
                name=f"{self.prefix}greedy",
                path=self.names.path,
                policies=(Policy(f"everything for {self.name}", EVERYTHING),),
                trust=Policy(f"trust of greedy {self.name}", _ANYBODY),
                boundary=self.boundary,
                tags={"team": self.name},
            ),
        )

    @property
    def prefix(self) -> str:
        """What the team's names begin with."""
        return "-".join((*self.names.owner, ""))

    @cached_property
    def _by_service(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for arn in self.real:
            found.setdefault(arn.split(":")[2], []).append(arn)
        return found

    def thing(self, pattern: str, inner: Team | None = None) -> str:
        """An ARN of the form of `pattern` (as the authorization reference writes it) that is the team's.

        A real one where the graph has it. `inner`: the team whose names stand in every part of the name but the first.
        """
        service = pattern.split(":")[2]
        if pattern == _OBJECT:
            return f"{self.thing(_BUCKET)}/{self.prefix}work"
        if inner is None:
            form = re.compile(re.sub(r"\\\$\\\{\w+\\\}", r"[^/:]+", re.escape(pattern)) + "$")
            for arn in self._by_service.get(service, ()):
                if form.match(arn):
                    return arn
        variables = [name for name in re.findall(r"\$\{(\w+)\}", pattern) if name not in _PLACE]
        made = pattern
        outermost = next((index for index, variable in enumerate(variables) if variable not in _FIXED), 0)
        for index, variable in enumerate(variables):
            team = self if index <= outermost or inner is None else inner
            value = team.named(service, variable)
            made = made.replace("${" + variable + "}", value, 1)
        for variable, value in (("Partition", "aws"), ("Region", self.region), ("Account", self.account)):
            made = made.replace("${" + variable + "}", value)
        return made

    def named(self, service: str, variable: str) -> str:
        """What a variable of an ARN pattern says for this team."""
        if variable in _FIXED:
            return _FIXED[variable]
        if variable == "LogGroupName":
            return f"{self.names.path}work"
        if variable == "ParameterNameWithoutLeadingSlash":
            return f"{self.names.path[1:]}work/thing"
        if variable.endswith("WithPath") or variable == "RoleName":
            return f"{self.names.path[1:]}{self.prefix}work"
        if _OPAQUE.search(variable) and variable not in _CHOSEN_IDS:
            return f"id0{self.name}"
        return f"{self.prefix}work".replace("-", "_") if service == "glue" else f"{self.prefix}work"


_KIND: Final = re.compile(r"[^/:]*[/:]")
_BUCKET: Final = "arn:${Partition}:s3:::${BucketName}"
_OBJECT: Final = f"{_BUCKET}/${{ObjectName}}"
_PLACE: Final = ("Partition", "Region", "Account")
_CHOSEN_IDS: Final = ("SecretId", "StateMachineName", "ChannelId", "DatasetId", "UsageProfileId", "AccessPointAlias")


@dataclass(frozen=True)
class World:
    """Everything that is judged."""

    access: Access
    teams: Mapping[str, Team]
    platform: Team
    administrator: Identity
    """A role of the account that no fence holds: what it may do shows that a question makes sense."""
    root: Identity
    """The account's root user."""

    def others(self, team: Team) -> Iterator[Team]:
        """The other teams."""
        return (other for other in self.teams.values() if other.name != team.name)

    def changed(self, access: Access) -> World:
        """The same world under other policies."""
        return replace(self, access=access)

    def with_thing(self, arn: str, document: Mapping[str, object]) -> World:
        """The same world, and a thing whose policy says this."""
        things = {**self.access.things, arn: Policy(f"policy of {arn}", document)}
        return self.changed(replace(self.access, things=things))

    def with_identity(self, identity: Identity) -> World:
        """The same world, and this role in it, new or otherwise than it was."""
        return self.changed(replace(self.access, identities={**self.access.identities, identity.arn: identity}))


def project(root: Path, teams: Sequence[str] = TEAMS) -> Path:
    """A copy of the shipped project with these teams and no others; they have what the shipped teams have, in turn."""
    shutil.copytree(ROOT / "platform", root / "platform", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "stacks", root / "stacks", ignore=shutil.ignore_patterns("__pycache__", "teams"))
    (root / "stacks" / "teams").mkdir()
    shipped = sorted((ROOT / "stacks" / "teams").glob("*.yaml"))
    file, yaml = root / "platform" / "platform.yaml", YAML()
    platform = yaml.load(file)
    workbenches = platform.pop("workbenches")
    platform["workbenches"] = {}
    for index, team in enumerate(teams):
        model = shipped[index % len(shipped)]
        text = re.sub(rf"\b{model.stem}\b", team, model.read_text())
        (root / "stacks" / "teams" / f"{team}.yaml").write_text(text)
        if model.stem in workbenches:
            platform["workbenches"][team] = workbenches[model.stem]
    yaml.dump(platform, file)
    return root


def arn_of(access: Access, name: str) -> str:
    """The role that a component, or a test, called so in its team: `ml-dev-fraud-reader` is called `reader`."""
    (found,) = [found for found in access.identities if found.endswith((f"-{name}", f"/{name}"))]
    return found


def recorded(root: Path, teams: Sequence[str] = TEAMS) -> tuple[Graph, dict[str, Graph]]:
    """The graphs of the platform and of each team."""
    return record_platform(root, ENVIRONMENT), {team: record_team(root, team, ENVIRONMENT) for team in teams}


def world(platform: Graph, teams: Mapping[str, Graph]) -> World:
    """The world that these graphs describe, with a greedy role for each team and two principals without a fence."""
    access = collect(platform, *teams.values())
    spec = Project(ROOT).platform(ENVIRONMENT)
    names = Names(spec.platform, ENVIRONMENT, None, (spec.organization, spec.account, spec.region))
    in_platform = _owned(platform)
    seen = {
        name: _team(
            name, access, replace(names, team=name), spec.account, spec.region, (*_arns(graph), *in_platform[name])
        )
        for name, graph in teams.items()
    }
    theirs = {arn for arns in in_platform.values() for arn in arns}
    base = _team(
        "platform", access, names, spec.account, spec.region, tuple(arn for arn in _arns(platform) if arn not in theirs)
    )
    administrator = Identity(
        arn=f"arn:aws:iam::{spec.account}:role/administrator",
        name="administrator",
        path="/",
        policies=(Policy("everything for administrators", EVERYTHING),),
        trust=Policy("trust of administrators", {"Version": "2012-10-17", "Statement": []}),
    )
    root = replace(administrator, arn=f"arn:aws:iam::{spec.account}:root", name="root")
    more = (administrator, root, *(team.greedy for team in seen.values()))
    identities = {**access.identities, **{identity.arn: identity for identity in more}}
    return World(replace(access, identities=identities), seen, base, administrator, root)


def loosely(access: Access, forms: Mapping[str, Iterable[str]]) -> Access:
    """The same access where a wildcard in the place of a resource's type stands for every type.

    The IAM user guide allows none there and the judge matches none; AWS writes some in policies of its own. What must
    be refused, must be so under either reading. `forms`: the ARN patterns of each service's types.
    """
    starts = {
        service: sorted({kind[0] for form in patterns if (kind := _KIND.match(form.split(":", 5)[-1]))})
        for service, patterns in forms.items()
    }

    def policy(before: Policy) -> Policy:
        statements = [
            {
                key: _types_written_out(value, starts) if key in ("Resource", "NotResource") else value
                for key, value in statement.items()
            }
            for statement in before.statements
        ]
        return replace(before, document={**before.document, "Statement": statements})

    identities = {
        arn: replace(
            identity,
            policies=tuple(map(policy, identity.policies)),
            boundary=policy(identity.boundary) if identity.boundary else None,
        )
        for arn, identity in access.identities.items()
    }
    return replace(access, identities=identities)


def services_of_wildcards(access: Access) -> frozenset[str]:
    """The services of which a policy of an identity, or a boundary, names things by a wildcard for the type."""
    policies = [policy for each in access.identities.values() for policy in (*each.policies, each.boundary) if policy]
    named = (
        resource
        for policy in policies
        for statement in policy.statements
        for key in ("Resource", "NotResource")
        for resource in words(statement.get(key, ()))
    )
    return frozenset(resource.split(":")[2] for resource in named if _is_wild(resource))


def _is_wild(resource: str) -> bool:
    *head, last = resource.split(":", 5)
    kind = _KIND.match(last) if len(head) == 5 else None
    return kind is not None and "*" in kind[0] and head[3] + head[4] != ""


def _types_written_out(resources: str | Sequence[str], starts: Mapping[str, Sequence[str]]) -> list[str]:
    """Each ARN; those with a wildcard for the type once for each type, and once more with something in between."""
    written: list[str] = []
    for resource in words(resources):
        *head, last = resource.split(":", 5)
        kind = _KIND.match(last) if len(head) == 5 else None
        if kind is None or "*" not in kind[0] or head[2] not in starts:
            written.append(resource)
            continue
        rest = last.removeprefix(kind[0])
        for start in starts[head[2]]:
            written += [":".join((*head, f"{start}{rest}")), ":".join((*head, f"{start}*{kind[0][-1]}{rest}"))]
    return written


def _team(name: str, access: Access, names: Names, account: str, region: str, real: tuple[str, ...]) -> Team:
    roles = access.of(name)
    deployment = next((role for role in roles if role.name.endswith("-fence-deployment")), None)
    boundary_arn = next((arn for arn in real if ":policy/" in arn and arn.endswith("-fence-boundary")), "")
    key = next((arn for arn in real if ":kms:" in arn and ":key/" in arn), "")
    return Team(
        name, names, account, region, real, roles, deployment, access.managed.get(boundary_arn), boundary_arn, key
    )


def _arns(graph: Graph) -> tuple[str, ...]:
    found = (reveal(node.outputs.get("arn")) for node in graph if node.custom and not node.external)
    return tuple(dict.fromkeys(arn for arn in found if isinstance(arn, str)))


def _owned(platform: Graph) -> dict[str, tuple[str, ...]]:
    """ARNs in the platform's graph that are some team's, by the tag that says so."""
    found: dict[str, list[str]] = {}
    for node in platform:
        arn, tags = reveal(node.outputs.get("arn")), reveal(node.outputs.get("tagsAll")) or {}
        if isinstance(arn, str) and tags.get("team", "platform") != "platform":
            found.setdefault(tags["team"], []).append(arn)
    return {team: tuple(arns) for team, arns in found.items()}
