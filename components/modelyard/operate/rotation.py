"""Who still runs with a secret's value that was rotated away: servers, endpoints and jobs that read it when they began.

A container gets a secret's value once, at its start (AmazonECS/latest/developerguide/secrets-envvar-secrets-manager,
batch/latest/userguide/specifying-sensitive-data-secrets): one that began before the current value was made holds
another. What reads the value itself, whenever it needs it, is always right, and can't be seen from outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from modelyard import engine
from modelyard.assess.access import collect, decide, declared_endpoints
from modelyard.assess.graph import Graph, Node, reveal
from modelyard.core.errors import Fault, InputError, Source
from modelyard.operate.cloud import Cloud
from modelyard.operate.deployments import PLATFORM, Place, standing, targets
from modelyard.operate.models.place import asking, code_of

Client = Callable[[str, str], Any]
"""Gives the boto3 client of a service in a region; an empty one is the stack's own."""

_SECRET: Final = "aws:secretsmanager/secret:Secret"
_SERVICE: Final = "aws:ecs/service:Service"
_QUEUE: Final = "aws:batch/jobQueue:JobQueue"
_DEFINITION: Final = "aws:batch/jobDefinition:JobDefinition"
_CURRENT: Final = "AWSCURRENT"
_ARN: Final = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[^:]+")
_SIGN_IN: Final = "Sign in as somebody who may describe the team's secrets, services, endpoints and jobs."
_AT_ONCE: Final = 100
"""Tasks, jobs and versions that one call tells of (API_DescribeTasks, API_DescribeJobs, API_ListSecretVersionIds)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A secret as a consumer names it; `stage` and `version` are empty where it takes whatever is current."""

    arn: str
    stage: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Consumer:
    """What runs with secrets' values: since when, and how it comes to take the new ones.

    `began`: absent for a definition, which doesn't run by itself.
    """

    kind: str
    name: str
    uses: tuple[Reference, ...]
    began: datetime | None
    remedy: str


@dataclass(frozen=True, slots=True)
class Stale:
    """A consumer that holds an old value of a secret, or will."""

    consumer: Consumer
    secret: str
    why: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was looked at in one stack. `readers`: roles that read each secret by themselves, which nobody sees."""

    stack: str
    consumers: tuple[Consumer, ...]
    stale: tuple[Stale, ...]
    readers: Mapping[str, tuple[str, ...]]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of a stack."""
        return {
            "stack": self.stack,
            "consumers": [
                {
                    "kind": one.kind,
                    "name": one.name,
                    "secrets": [use.arn for use in one.uses],
                    "began": one.began.isoformat() if one.began else None,
                }
                for one in self.consumers
            ],
            "stale": [
                {
                    "kind": one.consumer.kind,
                    "name": one.consumer.name,
                    "secret": one.secret,
                    "why": one.why,
                    "remedy": one.consumer.remedy,
                }
                for one in self.stale
            ],
            "readers": {secret: list(roles) for secret, roles in self.readers.items()},
        }


@dataclass(slots=True)
class _Values:
    """The current version of secrets, asked once each."""

    client: Client
    _known: dict[str, tuple[str, datetime] | None] = field(default_factory=dict[str, tuple[str, datetime] | None])

    def current(self, arn: str) -> tuple[str, datetime] | None:
        """The id of a secret's current version, and since when it is; None for a secret that is gone."""
        if arn not in self._known:
            self._known[arn] = self._ask(arn)
        return self._known[arn]

    def _ask(self, arn: str) -> tuple[str, datetime] | None:
        from botocore.exceptions import ClientError

        manager = self.client("secretsmanager", arn.split(":")[3])
        with asking(arn, _SIGN_IN):
            try:
                rotated = manager.describe_secret(SecretId=arn).get("LastRotatedDate")
                versions = manager.list_secret_version_ids(SecretId=arn, MaxResults=_AT_ONCE)["Versions"]
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise
        for one in versions:
            if _CURRENT in one.get("VersionStages", ()):
                made: datetime = one["CreatedDate"]
                return str(one["VersionId"]), max(made, rotated) if rotated else made
        return None


def check(where: Place, team: str | None) -> list[Rotation]:
    """The rotation of the secrets of `team`, absent of all teams that are deployed.

    Raises `InputError` for a team that isn't deployed, and where the caller may not see its things.
    """
    names = [team] if team is not None else [name for name in where.names if name != PLATFORM]
    stacks = standing(where)[False]
    found: list[Rotation] = []
    for name, target in targets(where, names).items():
        if not stacks.get(target.stack):
            if team is None:
                continue
            remedy = f"Deploy it first: yard up {name} --env {where.environment}"
            raise InputError(Fault(f"isn't deployed in {where.environment}", remedy, Source("TEAM"), name))
        account = where.project.team(name, where.environment).account or ""
        graph = Graph.from_state(engine.stack_state(target))
        found.append(checked(name, graph, Cloud(where, account=account).client))
    return found


def checked(stack: str, graph: Graph, client: Client) -> Rotation:
    """The same of one deployed stack, whose state `graph` is."""
    values = _Values(client)
    with asking(stack, _SIGN_IN):
        consumers = tuple((*_servers(graph, client), *_endpoints(graph, client), *_jobs(graph, client)))
    stale = tuple(each for consumer in consumers for each in _stale(consumer, values))
    return Rotation(stack, consumers, stale, _readers(graph))


def _stale(consumer: Consumer, values: _Values) -> Iterator[Stale]:
    for use in consumer.uses:
        current, name = values.current(use.arn), secret_name(use.arn)
        if current is None:
            yield Stale(consumer, name, "the secret is gone, or has no current value")
            continue
        version, since = current
        if use.version and use.version != version:
            yield Stale(consumer, name, f"it names version {use.version}, and {version} is current")
        elif use.stage and use.stage != _CURRENT:
            yield Stale(consumer, name, f"it takes {use.stage}, not the current value")
        elif consumer.began is not None and consumer.began < since:
            yield Stale(consumer, name, f"it began at {_moment(consumer.began)}, and the value is of {_moment(since)}")


def _servers(graph: Graph, client: Client) -> Iterator[Consumer]:
    """Tasks of services that run now."""
    for node in graph.of_type(_SERVICE):
        ecs = client("ecs", _region(node))
        cluster, name = (str(reveal(node.outputs.get(key)) or "") for key in ("cluster", "name"))
        pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=name, desiredStatus="RUNNING")
        arns = [arn for page in pages for arn in page["taskArns"]]
        remedy = f"aws ecs update-service --cluster {cluster} --service {name} --force-new-deployment"
        for some in _batches(arns):
            for task in ecs.describe_tasks(cluster=cluster, tasks=some)["tasks"]:
                defined = ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
                uses = _named(
                    secret["valueFrom"]
                    for container in defined["containerDefinitions"]
                    for secret in container.get("secrets", ())
                )
                if uses:
                    label = f"{name}/{task['taskArn'].rpartition('/')[2]}"
                    yield Consumer("task", label, uses, task.get("startedAt"), remedy)


def _endpoints(graph: Graph, client: Client) -> Iterator[Consumer]:
    """What endpoints serve now. Containers begin after their configuration is made, and no API says when."""
    from botocore.exceptions import ClientError

    for node, asked, _ in declared_endpoints(graph):
        sagemaker, name = client("sagemaker", _region(node)), str(asked.get("EndpointName") or "")
        remedy = (
            'Put another value into the endpoint\'s "environment", such as the day, and deploy: '
            "it rolls out as another model does."
        )
        try:
            serving = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        except ClientError as error:
            if code_of(error) != "ValidationException":
                raise
            continue
        config = sagemaker.describe_endpoint_config(EndpointConfigName=serving)
        variants = [*config["ProductionVariants"], *config.get("ShadowProductionVariants", ())]
        models = sorted({variant["ModelName"] for variant in variants if variant.get("ModelName")})
        said = [sagemaker.describe_model(ModelName=model) for model in models]
        containers = [
            each for one in said for each in (one.get("PrimaryContainer"), *one.get("Containers", ())) if each
        ]
        if uses := _in_environments(containers):
            yield Consumer("endpoint", name, uses, config["CreationTime"], remedy)
        pages = sagemaker.get_paginator("list_inference_components").paginate(EndpointNameEquals=name)
        for component in (one["InferenceComponentName"] for page in pages for one in page["InferenceComponents"]):
            found = sagemaker.describe_inference_component(InferenceComponentName=component)
            container = (found.get("Specification") or {}).get("Container") or {}
            if uses := _in_environments([container]):
                yield Consumer("inference component", component, uses, found["LastModifiedTime"], remedy)


def _jobs(graph: Graph, client: Client) -> Iterator[Consumer]:
    """Jobs of AWS Batch that run now, and definitions that name one version of a secret."""
    for node in graph.of_type(_DEFINITION):
        name = str(reveal(node.outputs.get("name")) or node.name)
        pinned = tuple(use for use in _in_properties(node) if use.version or use.stage)
        if pinned:
            yield Consumer("job definition", name, pinned, None, "Take the version off its valueFrom, and deploy.")
    for node in graph.of_type(_QUEUE):
        batch, queue = client("batch", _region(node)), str(reveal(node.outputs.get("arn")) or "")
        pages = batch.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus="RUNNING")
        ids = [one["jobId"] for page in pages for one in page["jobSummaryList"]]
        for some in _batches(ids):
            for job in batch.describe_jobs(jobs=some)["jobs"]:
                uses = _named(secret["valueFrom"] for secret in (job.get("container") or {}).get("secrets", ()))
                if uses and job.get("startedAt"):
                    began = datetime.fromtimestamp(job["startedAt"] / 1000, UTC)
                    remedy = (
                        f"Let it end, or end it and submit it again: aws batch terminate-job --job-id {job['jobId']}"
                    )
                    yield Consumer("job", f"{job['jobName']}/{job['jobId']}", uses, began, remedy)


def _in_properties(node: Node) -> tuple[Reference, ...]:
    text = reveal(node.properties.get("containerProperties"))
    try:
        said = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return ()
    return _named(secret["valueFrom"] for secret in said.get("secrets") or ())


def _named(values: Iterable[str]) -> tuple[Reference, ...]:
    """Secrets as `valueFrom` names them: an ARN, and behind it a key of the value's JSON, a stage and a version."""
    found: dict[Reference, None] = {}
    for value in values:
        if match := _ARN.match(value):
            _, stage, version = (*value[match.end() :].removeprefix(":").split(":"), "", "", "")[:3]
            found[Reference(match[0], stage, version)] = None
    return tuple(found)


def _in_environments(containers: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    """Secrets whose ARNs stand in variables, for containers that read the value when they begin."""
    texts = (str(value) for container in containers for value in (container.get("Environment") or {}).values())
    return tuple(dict.fromkeys(Reference(text) for text in texts if _ARN.fullmatch(text)))


def _readers(graph: Graph) -> dict[str, tuple[str, ...]]:
    access = collect(graph)
    return {
        secret_name(arn): tuple(
            sorted(
                identity.name
                for identity in access.identities.values()
                if decide(access, identity, "secretsmanager:GetSecretValue", arn).outcome != "refused"
            )
        )
        for node in graph.of_type(_SECRET)
        if isinstance(arn := reveal(node.outputs.get("arn")), str)
    }


def secret_name(arn: str) -> str:
    """What people call a secret: its ARN's last part, without the six characters that Secrets Manager adds."""
    return arn.rpartition(":")[2].rpartition("-")[0]


def _region(node: Node) -> str:
    return str(reveal(node.properties.get("region")) or "")


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def shown(found: Iterable[Rotation]) -> Iterator[str]:
    """The lines of `yard secrets check`."""
    for one in found:
        count = len(one.consumers)
        yield f"{one.stack}: {len(one.stale)} of {count} consumer{'' if count == 1 else 's'} with an old value"
        for stale in one.stale:
            yield f"  {stale.consumer.kind} {stale.consumer.name}, secret {stale.secret}: {stale.why}"
            yield f"    {stale.consumer.remedy}"
        for secret, roles in one.readers.items():
            yield f"  {secret} is read by {', '.join(roles) or 'nobody'}; who asks anew each time has what is current"
