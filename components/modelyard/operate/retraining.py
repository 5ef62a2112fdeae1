"""Retraining by hand: a loop is started with the same guards that hold for its triggers."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelyard.blueprints.platform import platform_context
from modelyard.core.champions import Champion, champion_parameter
from modelyard.core.context import Context
from modelyard.core.errors import EnvironmentFault, Fault, InputError, Source
from modelyard.operate.cloud import Cloud
from modelyard.operate.deployments import Place
from modelyard.operate.models.place import Client, asking, code_of
from modelyard.run.retraining import RetrainingSpec, machine_name

TRIGGER: Final = "person"
LONGEST_WHY: Final = 1_024
GUARDS_SECONDS: Final = 60
"""How long one waits for the guards' answer; a run that they let through goes on by itself."""
_LOOK_SECONDS: Final = 1.0
_SIGN_IN: Final = "Sign in as a persona that may start it: `retraining` in the team's file says who."
_REMEDIES: Final = {
    "budget-exhausted": "Raise the loop's budget in the team's file, or wait for the next month.",
    "cooling-down": "Wait, or lower the loop's cooldown_hours in the team's file.",
    "lock-held": "Follow the run that holds the lock; stop it if it must not go on.",
    "runs-exhausted": "Raise most_runs_a_month in the team's file, or wait for the next month.",
}
_UNFIT: Final = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop of one team in one environment; `client` asks AWS."""

    context: Context
    name: str
    spec: RetrainingSpec
    client: Client
    model: str = ""
    """The model that its endpoint serves, as the registry calls it."""

    @property
    def team(self) -> str:
        """The team that it belongs to."""
        return self.context.owner

    @property
    def arn(self) -> str:
        """The ARN of its state machine."""
        return self.context.arn("states", f"stateMachine:{machine_name(self.context, self.name)}")

    def champion(self) -> Champion | None:
        """Who serves; None where nothing was released yet, or where the caller may not see it."""
        ssm = self.client("ssm")
        try:
            text = ssm.get_parameter(Name=champion_parameter(self.context.names, self.spec.endpoint))
        except ssm.exceptions.ClientError as error:
            if code_of(error) in ("ParameterNotFound", "AccessDeniedException"):
                return None
            raise
        return Champion.model_validate_json(text["Parameter"]["Value"])


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was started; `by` is the caller, as AWS names them. `running`: the guards let it through."""

    loop: Loop
    execution: str
    by: str
    why: str
    running: bool
    champion: Champion | None


def loops_of(where: Place, teams: Sequence[str] | None = None) -> list[Loop]:
    """The loops of `teams`, absent of all teams of the environment."""
    platform = platform_context(where.project.platform(where.environment), where.environment)
    found: list[Loop] = []
    for team in teams if teams is not None else [name for name in where.names if name != "platform"]:
        spec = where.project.team(team, where.environment)
        cloud, context = Cloud(where, account=spec.account or ""), platform.for_team(team, account=spec.account)
        found += [
            Loop(context, name, each, cloud.client, spec.serving[each.endpoint].model)
            for name, each in sorted(spec.retraining.items())
            if each.endpoint in spec.serving
        ]
    return found


def loop_of(where: Place, name: str, team: str | None = None) -> Loop:
    """The loop called `name`, of `team` or of the one team that has it.

    Raises `InputError` where no team has it, and where several do.
    """
    known = loops_of(where, [team] if team else None)
    having = [loop for loop in known if loop.name == name]
    if len(having) == 1:
        return having[0]
    source = Source("NAME")
    if having:
        teams = ", ".join(loop.team for loop in having)
        raise InputError(Fault(f"several teams have one: {teams}", "Say whose it is: --team", source, name))
    there = ", ".join(sorted({loop.name for loop in known})) or "none"
    whose = f"of {team}" if team else "of any team"
    raise InputError(
        Fault(
            f"is no retraining loop {whose} in {where.environment}; there are: {there}",
            "Name one, or declare it under retraining.",
            source,
            name,
        )
    )


def start(loop: Loop, why: str, *, version: int | None = None, pause: Callable[[float], None] = time.sleep) -> Started:
    """Start a run, and hear what its guards say. `version`: one that is registered, instead of training another.

    Raises `InputError` for an empty reason, for what the guards refuse, and where AWS refuses the caller.
    """
    reason = " ".join(why.split())
    option = Source("--why")
    if not reason:
        raise InputError(Fault("is empty, and the reason stands in the run's record", 'Say it: --why "…"', option, why))
    if version is None and loop.spec.pipeline is None:
        problem = f"is needed: {loop.name} trains nothing, and brings what others registered"
        remedy = f"See what there is: yard model list {loop.model}"
        raise InputError(Fault(problem, remedy, Source("--version")))
    if len(reason) > LONGEST_WHY:
        raise InputError(Fault(f"has more than {LONGEST_WHY} characters", "Say it shorter.", option, len(reason)))
    with asking("the caller"):
        caller = str(loop.client("sts").get_caller_identity()["Arn"])
    who = _UNFIT.sub("-", caller.rpartition("/")[2])[:40].strip("-") or "somebody"
    said: dict[str, Any] = {"trigger": TRIGGER, "why": reason, "by": caller, "parameters": {}}
    if version is not None:
        said["package"] = _registered(loop, version)
    machines = loop.client("stepfunctions")
    with asking(f"the loop {loop.name} of {loop.team}", _SIGN_IN, of=loop.context):
        execution = str(
            machines.start_execution(
                stateMachineArn=loop.arn, name=f"{who}-{uuid.uuid4().hex[:12]}", input=json.dumps(said)
            )["executionArn"]
        )
        running = _let_through(loop, machines, execution, pause)
        return Started(loop, execution, caller, reason, running, loop.champion())


def _registered(loop: Loop, version: int) -> str:
    """The ARN of a version of the loop's model. Raises `InputError` for one that there isn't."""
    group = loop.context.names.of("sagemaker", "registry", loop.model)
    package = loop.context.arn("sagemaker", f"model-package/{group}/{version}")
    with asking(f"{loop.model} {version}"):
        sagemaker = loop.client("sagemaker")
        try:
            sagemaker.describe_model_package(ModelPackageName=package)
            return package
        except sagemaker.exceptions.ClientError as error:
            if "does not exist" not in str(error) and "not found" not in str(error).lower():
                raise
    remedy = f"See what there is: yard model list {loop.model}"
    raise InputError(Fault(f"{loop.model} of {loop.team} has no such version", remedy, Source("--version"), version))


def _let_through(loop: Loop, machines: Any, execution: str, pause: Callable[[float], None]) -> bool:
    """Whether the run goes on when the guards have spoken. Raises `InputError` where they refuse it."""
    waited = 0.0
    while True:
        found = machines.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            break
        if waited >= GUARDS_SECONDS or _trains(machines, execution):
            return True
        pause(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
    ended = json.loads(found.get("output") or found.get("cause") or "{}")
    code, reason = str(ended.get("code", "")), str(ended.get("reason", ""))
    if found["status"] == "SUCCEEDED" and ended.get("outcome") == "refused":
        remedy = _REMEDIES.get(code, "The run's end says what stands against it.")
        raise InputError(Fault(f"refuses the run ({code}): {reason}", remedy, Source(f"the loop {loop.name}")))
    if found["status"] != "SUCCEEDED":
        problem = f"ended as {found['status']} ({code or found.get('error', 'no error is given')}): {reason}"
        raise EnvironmentFault(
            Fault(problem, "The champion keeps serving. Look into the execution, then try again.", Source(execution))
        )
    return False


def _trains(machines: Any, execution: str) -> bool:
    """Whether the run is past its guards."""
    history = machines.get_execution_history(executionArn=execution, maxResults=100)["events"]
    return any(event.get("stateEnteredEventDetails", {}).get("name") in ("Train", "TakeGiven") for event in history)


def as_json(found: Started) -> dict[str, Any]:
    """The start as JSON."""
    champion = found.champion
    return {
        "loop": found.loop.name,
        "team": found.loop.team,
        "environment": found.loop.context.environment,
        "endpoint": found.loop.spec.endpoint,
        "execution": found.execution,
        "by": found.by,
        "why": found.why,
        "running": found.running,
        "champion": champion.version if champion else None,
    }


def told(found: Started) -> list[str]:
    """The start in lines: which execution, who serves meanwhile, and how to follow."""
    loop, champion = found.loop, found.champion
    serves = f"version {champion.version} keeps serving until a better one is released" if champion else "nothing yet"
    return [
        f"{loop.name} of {loop.team} in {loop.context.environment} "
        + ("runs: its guards let it through" if found.running else "has run to its end"),
        f"  by         {found.by}",
        f"  because    {found.why}",
        f"  champion   {serves}",
        f"  execution  {found.execution}",
        f"  follow     aws stepfunctions describe-execution --execution-arn {found.execution}",
        f"  the end    is told to {loop.spec.owner}, and on the platform's bus (modelyard.retraining)",
    ]
