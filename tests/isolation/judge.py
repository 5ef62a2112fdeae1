"""The judge: a policy simulator in a process of its own, asked about calls on everything that graphs describe."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from tests.isolation.installed import installed

from modelyard.assess.access import Access, Identity, Policy

Context = Mapping[str, str | Sequence[str]]
Kind = Literal["identity", "resource", "trust", "endpoint", "scp", "rcp"]
BATCH: Final = 500
"""Questions of one message."""
MOST_PROCESSES: Final = 4


@dataclass(frozen=True, slots=True)
class Question:
    """May `principal` (a role's ARN) do `action` on `resource` (an ARN, or `*`)?

    `context`: what the call carries besides what every call of the principal does. `endpoint`: the VPC endpoint's
    service, where the call goes through one. `account`: of the resource; absent: told by its ARN, else the principal's.
    """

    principal: str
    action: str
    resource: str
    context: Context = field(default_factory=dict[str, str])
    endpoint: str = ""
    account: str = ""

    def through(self, endpoint: str) -> Question:
        """The same call through the VPC endpoint of a service."""
        return replace(self, endpoint=endpoint)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says; `because`: kind, policy and statement of whatever decided."""

    question: Question
    allowed: bool
    explicit: bool
    because: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        said = "may" if self.allowed else "may not"
        reasons = "; ".join(" ".join(part for part in reason if part) for reason in self.because)
        return f"{self.question.principal} {said} {self.question.action} on {self.question.resource} [{reasons}]"


@dataclass(frozen=True, slots=True)
class Action:
    """An action of the service authorization reference; `on`: the types that it takes, with their condition keys."""

    name: str
    level: str
    """`Read`, `List` or `Write`; with `Tagging, ` or `Permissions management, ` in front where it is that too."""
    keys: tuple[str, ...]
    on: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...] = ()
    """The types of which a call always has one, each of which must be allowed."""


@dataclass(frozen=True, slots=True)
class Table:
    """A service's actions, and the ARN patterns of its resource types."""

    actions: tuple[Action, ...]
    arns: Mapping[str, tuple[str, ...] | str]


USER_ID: Final = "AROAEXAMPLE:session"
"""Of whoever calls, unless a question says otherwise."""


class BadQuestion(AssertionError):
    """A question without sense: an unknown action, a resource that it doesn't take, a key that it doesn't know."""


class _Simulator:
    """One simulator process, and which policies it was told."""

    def __init__(self, node: Path, script: Path) -> None:
        self.process = subprocess.Popen(
            [node, "--max-semi-space-size=64", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def say(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What the process answers to one message."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate()
            raise RuntimeError(f"the judge has died: {errors[-2000:]}")
        said = json.loads(line)
        if "failed" in said:
            raise RuntimeError(f"the judge failed: {said['failed']}")
        return said


class Judge:
    """Simulator processes, one for each core; use it as a context manager.

    Raises `JudgeMissing` where they can't be had.
    """

    def __init__(self, processes: int = 0) -> None:
        node, script = installed()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._simulators = [_Simulator(node, script) for _ in range(processes or min(cores, MOST_PROCESSES))]
        self._known: dict[str, str] = {}
        self._ids: dict[tuple[Kind, int], tuple[str, Policy]] = {}
        """By the identity of a document, which is kept so that no other takes its place."""
        self._tables: dict[str, Table] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for simulator in self._simulators:
            simulator.process.communicate()

    def table(self, service: str) -> Table:
        """The authorization table of a service, such as `sagemaker`."""
        if service not in self._tables:
            said = self._simulators[0].say({"table": service})
            actions = (
                Action(
                    each["name"],
                    each["level"],
                    tuple(each["keys"]),
                    {kind: tuple(keys) for kind, keys in each["on"].items()},
                    tuple(each["required"]),
                )
                for each in said["actions"]
            )
            self._tables[service] = Table(tuple(actions), said["arns"])
        return self._tables[service]

    def ask(self, access: Access, questions: Sequence[Question]) -> list[Verdict]:
        """The verdicts, in the order of the questions. Raises `BadQuestion` for those that make no sense."""
        asked = [self._posed(access, question) for question in questions]
        verdicts: list[Verdict] = []
        bad: list[str] = []
        for question, given in zip(questions, self._answers(asked), strict=True):
            ignored = sorted(set(given.get("ignored", ())) & set(question.context))
            if "error" in given or ignored:
                why = given.get("error") or f"doesn't know {', '.join(ignored)}"
                bad.append(f"{question.action} on {question.resource}: {why}")
                continue
            result, because = given["result"], tuple(tuple(reason) for reason in given["because"])
            verdicts.append(Verdict(question, result == "Allowed", result == "ExplicitlyDenied", because))
        if bad:
            raise BadQuestion("\n".join(sorted(set(bad))))
        return verdicts

    def _answers(self, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The answers in order; the processes take every so many-th batch each."""
        batches = [asked[start : start + BATCH] for start in range(0, len(asked), BATCH)]
        count = len(self._simulators)

        def answer(number: int) -> list[list[dict[str, Any]]]:
            simulator = self._simulators[number]
            return [simulator.say({"questions": batch})["answers"] for batch in batches[number::count]]

        with ThreadPoolExecutor(count) as pool:
            shares = list(pool.map(answer, range(count)))
        return [each for index in range(len(batches)) for each in shares[index % count][index // count]]

    def _posed(self, access: Access, question: Question) -> dict[str, Any]:
        identity = access.identities[question.principal]
        account = question.account or _account(access, question.resource) or identity.account
        posed: dict[str, Any] = {
            "principal": identity.arn,
            "action": question.action,
            "resource": question.resource.replace("${aws:userid}", USER_ID),
            "account": account,
            "context": _posable({**_of_every_call(identity, question, account), **question.context}),
            "identity": [self._learned("identity", policy) for policy in identity.policies],
        }
        if identity.boundary:
            posed["boundary"] = self._learned("identity", identity.boundary)
        if question.action.startswith("sts:AssumeRole"):
            target = access.identities.get(question.resource)
            if target:
                posed["resourcePolicy"] = self._learned("trust", target.trust)
        elif found := access.policy_of(question.resource):
            posed["resourcePolicy"] = self._learned("resource", found[1])
        if question.endpoint:
            posed["endpoint"] = self._learned("endpoint", _for_everybody(access.endpoints[question.endpoint]))
        controls: tuple[tuple[Literal["scp", "rcp"], Mapping[str, tuple[Policy, ...]]], ...] = (
            ("scp", access.service_controls),
            ("rcp", access.resource_controls),
        )
        for key, levels in controls:
            if levels:
                posed[key] = [
                    {"level": level, "policies": [self._learned(key, policy) for policy in policies]}
                    for level, policies in levels.items()
                ]
        return posed

    def _learned(self, kind: Kind, policy: Policy) -> str:
        """The id of a policy that the process knows; it is told each text once. Raises `BadQuestion` for a bad one."""
        seen = (kind, id(policy.document))
        if seen in self._ids:
            return self._ids[seen][0]
        key = f"{kind} {json.dumps(policy.document, sort_keys=True)}"
        if key not in self._known:
            name = policy.name if policy.name not in self._known.values() else f"{policy.name} ({len(self._known)})"
            for simulator in self._simulators:
                told = {"kind": kind, "document": _posable(policy.document)}
                faults = simulator.say({"policies": {name: told}})["faults"]
                if faults:
                    raise BadQuestion(f"{policy.urn or policy.name}: {faults}")
            self._known[key] = name
        self._ids[seen] = (self._known[key], policy)
        return self._known[key]


def _posable(said: Any) -> Any:
    """A policy or a context with the keys of KMS's encryption context under a name that the simulator takes.

    It knows keys with a part of the caller's own only where a slash comes before that part. The same text stands in
    policies and contexts, so what is equal stays equal.
    """
    return json.loads(json.dumps(said).replace('"kms:EncryptionContext:', '"aws:RequestTag/kms:EncryptionContext:'))


@cache
def _written_out(name: str, text: str) -> Policy:
    return Policy(name, json.loads(text))


def _for_everybody(policy: Policy) -> Policy:
    """An endpoint's policy with `"*"` for `{"AWS": "*"}`, which means the same and which the simulator doesn't take."""
    text = json.dumps(policy.document).replace('"Principal": {"AWS": "*"}', '"Principal": "*"')
    return _written_out(policy.name, text)


def _account(access: Access, arn: str) -> str:
    part = arn.split(":")[4] if arn.count(":") >= 5 else ""
    if part.isdecimal():
        return part
    return access.accounts.get(arn.partition("/")[0], "")


def _of_every_call(identity: Identity, question: Question, account: str) -> dict[str, str]:
    """What AWS itself says of a call (IAM/latest/UserGuide/reference_policies_condition-keys)."""
    said = {
        "aws:PrincipalArn": identity.arn,
        "aws:PrincipalAccount": identity.account,
        "aws:PrincipalType": "Account" if identity.arn.endswith(":root") else "AssumedRole",
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
        "aws:userid": USER_ID,
        **{f"aws:PrincipalTag/{key}": value for key, value in identity.tags.items()},
    }
    if question.resource != "*":
        said["aws:ResourceAccount"] = account
    if question.action.startswith("s3:"):
        said["s3:TlsVersion"] = "1.3"
    return said
