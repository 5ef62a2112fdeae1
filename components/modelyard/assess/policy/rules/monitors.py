"""Rules on what watches endpoints: monitors, their jobs, and alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from modelyard.assess.graph.values import reveal
from modelyard.assess.policy.examples import Of, Part, part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.sagemaker import ENDPOINTS, asked, endpoints, says
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import ALARM, COMPOSITE_ALARM, DATA_QUALITY_JOB, ENDPOINT
from modelyard.assess.policy.watching import DEFINITIONS, RUNS_MONITORS, is_watched, monitoring_jobs

_OWNERS: Final = ("owner", "team")


def _watched(subject: Subject) -> Iterator[Violation]:
    for endpoint in endpoints(subject):
        if not is_watched(endpoint):
            yield Violation("may drift, and nothing compares its calls with what the model was trained on")


def _has_baseline(definition: Subject) -> Iterator[Violation]:
    path = f"{DEFINITIONS[definition.node.kind]}BaselineConfig"
    parts = ("constraintsResource.s3Uri", "statisticsResource.s3Uri", "baseliningJobName")
    if not any(says(definition, f"{path}.{each}") for each in parts):
        yield Violation("compares calls with nothing: it names no baseline", asked(definition, path))


def _isolated(subject: Subject) -> Iterator[Violation]:
    for job in monitoring_jobs(subject):
        path = "networkConfig.enableNetworkIsolation"
        if job.explains and job.says("networkConfig.vpcConfig"):
            continue
        if job.get(path) is not True:
            yield Violation("reads captured calls, and may call whom it likes", job.at(path))


def _encrypted(subject: Subject) -> Iterator[Violation]:
    for job in monitoring_jobs(subject):
        path = "networkConfig.enableInterContainerTrafficEncryption"
        if job.get(path) is not True:
            yield Violation("lets its instances talk in plain text", job.at(path))
        if not job.says(job.volume):
            yield Violation("leaves captured calls on disks without a key of its own", job.at(job.volume))
        if not job.says(job.output):
            yield Violation("writes what it found without a key of its own", job.at(job.output))


def _owned(alarm: Subject) -> Iterator[Violation]:
    tags: dict[str, Any] = {**reveal(alarm.get("tagsAll", {})), **reveal(alarm.tags)}
    if not any(name.lower() in _OWNERS and value for name, value in tags.items()):
        yield Violation("rings, and nobody knows for whom", "tags")


_NETWORK: Final = {"enableNetworkIsolation": True, "enableInterContainerTrafficEncryption": True}
_KEY: Final = "arn:aws:kms:eu-west-1:111122223333:key/a"
_OUTPUT: Final = {"monitoringOutputs": {"s3Output": {"s3Uri": "s3://found"}}}
_CLUSTER: Final = {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGb": 20}
_SCORE: Final = part(ENDPOINT, "endpoint", name="score", endpointConfigName="score-1")


def _job(**more: Any) -> Part:
    said: dict[str, Any] = {
        "dataQualityJobInput": {"endpointInput": {"endpointName": "score"}},
        "dataQualityJobOutputConfig": _OUTPUT,
        "jobResources": {"clusterConfig": _CLUSTER},
    }
    return part(DATA_QUALITY_JOB, "job", **{**said, **more})


def _alarm(**more: Any) -> Part:
    return part(ALARM, "alarm", comparisonOperator="GreaterThanThreshold", evaluationPeriods=1, **more)


RULES: Final = (
    Rule(
        "drift-monitor-per-endpoint",
        Severity.HIGH,
        Domain.SERVING,
        "Every endpoint is watched for drift",
        "A model answers as surely when the world has changed as before; its latency says nothing of it.",
        "Schedule a monitor of data, predictions or quality for the endpoint, and set an alarm on what it finds.",
        ENDPOINTS,
        _watched,
        bad=(_SCORE, _alarm(namespace="AWS/SageMaker", dimensions={"EndpointName": "score"})),
        good=(
            _SCORE,
            _alarm(namespace="aws/sagemaker/Endpoints/data-metrics", dimensions={"Endpoint": Of("endpoint", "name")}),
        ),
        maps=("AIA 72", "RMF MANAGE"),
    ),
    Rule(
        "baseline-exists-for-monitor",
        Severity.MEDIUM,
        Domain.SERVING,
        "Monitors have a baseline",
        "Without one a job reports figures, and no violation ever. Modelyard's own clock makes a missing one itself.",
        "Name constraints or statistics of the training data in the definition.",
        tuple(DEFINITIONS),
        _has_baseline,
        bad=(_job(),),
        good=(_job(dataQualityBaselineConfig={"constraintsResource": {"s3Uri": "s3://baselines/constraints.json"}}),),
        maps=("RMF MEASURE",),
    ),
    Rule(
        "monitor-jobs-isolated",
        Severity.MEDIUM,
        Domain.SERVING,
        "Monitoring jobs call nobody",
        "They read what people asked and were answered. Clarify's explanations ask a model over the network, "
        "so that theirs must stand in a network of the team's instead.",
        "Enable network isolation in the job's network settings.",
        RUNS_MONITORS,
        _isolated,
        bad=(_job(),),
        good=(_job(networkConfig=_NETWORK),),
        maps=("FSBP SageMaker.11", "FSBP SageMaker.12", "FSBP SageMaker.14"),
    ),
    Rule(
        "monitor-jobs-encrypted",
        Severity.MEDIUM,
        Domain.SERVING,
        "Monitoring jobs encrypt what they hold and send",
        "Captured calls lie on their disks and go between their instances.",
        "Encrypt traffic between containers, and name keys for disks and for what is written.",
        RUNS_MONITORS,
        _encrypted,
        bad=(_job(),),
        good=(
            _job(
                networkConfig=_NETWORK,
                dataQualityJobOutputConfig={**_OUTPUT, "kmsKeyId": _KEY},
                jobResources={"clusterConfig": {**_CLUSTER, "volumeKmsKeyId": _KEY}},
            ),
        ),
        maps=("FSBP SageMaker.9", "FSBP SageMaker.10", "FSBP SageMaker.13", "FSBP SageMaker.15"),
    ),
    Rule(
        "alarm-has-owner",
        Severity.MEDIUM,
        Domain.SERVING,
        "Alarms say whose they are",
        "An alarm that is everybody's is answered by nobody.",
        "Tag the alarm with its owner or its team.",
        (ALARM, COMPOSITE_ALARM),
        _owned,
        bad=(_alarm(tags={"component": "score"}),),
        good=(_alarm(tags={"owner": "fraud@acme.example"}),),
        maps=("SOC 2 CC7.3",),
    ),
)
