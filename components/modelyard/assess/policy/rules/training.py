"""Rules on training jobs, and on who may start which."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from modelyard.assess.policy.documents import words
from modelyard.assess.policy.examples import Part, part
from modelyard.assess.policy.grants import GRANTING, Document, Statement, covers, documents, reaches, values_of
from modelyard.assess.policy.jobs import WRITING, Job, Kind, each_job
from modelyard.assess.policy.machines import encrypts_its_own_disks
from modelyard.assess.policy.rule import Check, Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.policy.types import BATCH_ENVIRONMENT, BATCH_JOB, ROLE_POLICY, STATE_MACHINE, TRAINING_JOB

TRAINS: Final = (Kind.TRAINING, Kind.TUNING)
RUNS: Final = (*TRAINS, Kind.PROCESSING)
REASON: Final = "on-demand"
"""The tag that says why a job doesn't run on spare capacity."""

_CREATING: Final = {
    "sagemaker:CreateTrainingJob": "training-job",
    "sagemaker:CreateHyperParameterTuningJob": "hyper-parameter-tuning-job",
}

OfJob = Callable[[Job], Iterator[Violation]]
OfGrant = Callable[[Document, Statement, str], bool]


def may_train(subject: Subject) -> Iterator[tuple[Document, Statement, str]]:
    """The statements that let somebody start jobs that train, with one action that they allow."""
    for document in documents(subject):
        for statement in document.allowing():
            for action, kind in _CREATING.items():
                if covers(statement, action) and reaches(statement, "sagemaker", kind) and not document.denied(action):
                    yield document, statement, action
                    break


def _walled(of_job: OfJob, of_grant: OfGrant, problem: str, kinds: tuple[Kind, ...] = TRAINS) -> Check:
    """A check of the jobs that a stack writes, and of the permissions to start others."""

    def check(subject: Subject) -> Iterator[Violation]:
        if subject.node.type in WRITING:
            yield from each_job(subject, kinds, of_job)
        else:
            for document, statement, action in may_train(subject):
                if not of_grant(document, statement, action):
                    yield Violation(f"{_called(statement)} lets jobs start {problem}", document.path)

    return check


def _called(statement: Statement) -> str:
    name = statement.get("Sid")
    return f"its statement {name}" if name else "a statement"


def _isolated(job: Job) -> Iterator[Violation]:
    path = f"{job.network}EnableNetworkIsolation"
    if job.get(path) is not True:
        yield Violation("lets the container call out", job.at(path))


def _in_network(job: Job) -> Iterator[Violation]:
    path = f"{job.network}VpcConfig.Subnets"
    if not job.says(path):
        yield Violation("runs outside of the network", job.at(path))


def _encrypted_between(job: Job) -> Iterator[Violation]:
    path = f"{job.network}EnableInterContainerTrafficEncryption"
    if job.get(path) is not True and sum(each.count for each in job.machines()) > 1:
        yield Violation("sends gradients and data between its instances in plain text", job.at(path))


def _volume_under_key(job: Job) -> Iterator[Violation]:
    path = f"{job.cluster}.VolumeKmsKeyId"
    plain = [each.type for each in job.machines() if not encrypts_its_own_disks(each.type)]
    if plain and not job.says(path):
        yield Violation(f"leaves data on disks of {plain[0]} without a key of its own", job.at(path))


def _key_demanded(document: Document, statement: Statement, action: str) -> bool:
    types = values_of(statement, "sagemaker:InstanceTypes")
    if types and all(map(encrypts_its_own_disks, types)):
        return True
    return document.demands(statement, action, "sagemaker:VolumeKmsKey", "sagemaker:VolumeKmsKeyArn")


def _ends(job: Job) -> Iterator[Violation]:
    path = "StoppingCondition.MaxRuntimeInSeconds"
    if not job.says(path):
        yield Violation("says no end: what hangs is paid for until SageMaker ends it", job.at(path))


_JOB_ENDS: Final = _walled(
    _ends,
    lambda document, statement, action: document.demands(statement, action, "sagemaker:MaxRuntimeInSeconds"),
    "that run without end",
    RUNS,
)


def _has_an_end(subject: Subject) -> Iterator[Violation]:
    if subject.node.type != BATCH_JOB:
        yield from _JOB_ENDS(subject)
    elif not subject.says("timeout.attemptDurationSeconds"):
        yield Violation("has no end: what hangs is paid for until somebody looks", "timeout.attemptDurationSeconds")


def _on_spare(job: Job) -> Iterator[Violation]:
    if job.get("EnableManagedSpotTraining") is not True and not job.tags().get(REASON):
        yield Violation(f'runs on demand, and no tag "{REASON}" says why', job.at("EnableManagedSpotTraining"))


def _spare_or_said(subject: Subject) -> Iterator[Violation]:
    if subject.node.type in WRITING:
        yield from each_job(subject, TRAINS, _on_spare)
        return
    path = "computeResources.type"
    managed = subject.get("type", "MANAGED") == "MANAGED"
    if managed and "SPOT" not in str(subject.get(path, "")) and not subject.tags.get(REASON):
        yield Violation(f'runs on demand, and no tag "{REASON}" says why', path)


def _keeps_how_far(job: Job) -> Iterator[Violation]:
    if job.get("EnableManagedSpotTraining") is True and not job.says("CheckpointConfig.S3Uri"):
        yield Violation("begins anew whenever its capacity is taken back", job.at("CheckpointConfig"))


def _checkpoints(subject: Subject) -> Iterator[Violation]:
    yield from each_job(subject, TRAINS, _keeps_how_far)


def _demanded(key: str, value: str = "") -> OfGrant:
    return lambda document, statement, action: document.demands(statement, action, f"sagemaker:{key}", value=value)


_GOOD_JOB: Final[dict[str, Any]] = {
    "EnableNetworkIsolation": True,
    "EnableInterContainerTrafficEncryption": True,
    "EnableManagedSpotTraining": True,
    "CheckpointConfig": {"S3Uri": "s3://a/b"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeKmsKeyId": "key"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
}
_GOOD_CONDITION: Final[dict[str, Any]] = {
    "Bool": {"sagemaker:NetworkIsolation": "true", "sagemaker:InterContainerTrafficEncryption": "true"},
    "Null": {"sagemaker:VpcSubnets": "false", "sagemaker:VolumeKmsKey": "false"},
    "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": "3600"},
}


def machine(**changes: Any) -> Part:
    """A state machine that trains well, but for `changes`."""
    said = {name: value for name, value in {**_GOOD_JOB, **changes}.items() if value is not None}
    train = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync", "Parameters": said}
    return part(STATE_MACHINE, definition=json.dumps({"StartAt": "Train", "States": {"Train": {**train, "End": True}}}))


def trainer(condition: dict[str, Any]) -> Part:
    """A permission to start training jobs."""
    allow = {"Effect": "Allow", "Action": words("sagemaker:CreateTrainingJob"), "Resource": "*", "Condition": condition}
    return part(ROLE_POLICY, "may-train", role="r", policy=json.dumps({"Statement": [allow]}))


_MAY_WELL: Final = trainer(_GOOD_CONDITION)

RULES: Final = (
    Rule(
        "training-network-isolation",
        Severity.HIGH,
        Domain.TRAINING,
        "Training reaches no network",
        "A library that a training program loads can send the data away; an isolated container can't.",
        "Enable network isolation, and ask for it in every permission to start training jobs.",
        (*WRITING, *GRANTING),
        _walled(_isolated, _demanded("NetworkIsolation", "true"), "whose container calls out"),
        bad=(machine(EnableNetworkIsolation=False), trainer({})),
        good=(machine(), _MAY_WELL),
        maps=("NIST SC-7",),
    ),
    Rule(
        "training-in-vpc",
        Severity.HIGH,
        Domain.TRAINING,
        "Training runs inside the network",
        "Outside of it no security group, no endpoint policy and no flow log sees what a job does.",
        "Name subnets and security groups, and ask for them in every permission to start training jobs.",
        (*WRITING, *GRANTING),
        _walled(_in_network, _demanded("VpcSubnets"), "outside of the network"),
        bad=(machine(VpcConfig=None), trainer({})),
        good=(machine(), _MAY_WELL),
        maps=("NIST SC-7",),
    ),
    Rule(
        "intercontainer-encryption",
        Severity.MEDIUM,
        Domain.TRAINING,
        "Instances of one job encrypt what they tell each other",
        "Distributed training sends parts of the data and of the model from instance to instance. "
        "A job of one instance has nobody to talk to.",
        "Enable encryption between containers, and ask for it in every permission to start training jobs.",
        (*WRITING, *GRANTING),
        _walled(
            _encrypted_between,
            _demanded("InterContainerTrafficEncryption", "true"),
            "that talk between instances in plain text",
            RUNS,
        ),
        bad=(machine(EnableInterContainerTrafficEncryption=False), trainer({})),
        good=(machine(), _MAY_WELL),
        maps=("NIST SC-8",),
    ),
    Rule(
        "training-volume-kms",
        Severity.MEDIUM,
        Domain.TRAINING,
        "Disks of training are encrypted under a key",
        "The whole dataset lies on them while a job runs. Types with local disks are left out: those encrypt "
        "themselves, and SageMaker takes no key for them.",
        "Name a key for the volumes, and ask for it in every permission to start training jobs.",
        (*WRITING, *GRANTING),
        _walled(_volume_under_key, _key_demanded, "whose disks have no key"),
        bad=(machine(ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}), trainer({})),
        good=(machine(), _MAY_WELL),
        maps=("NIST SC-28",),
    ),
    Rule(
        "max-runtime-set",
        Severity.MEDIUM,
        Domain.TRAINING,
        "Jobs end by themselves",
        "A job that hangs on Friday evening is paid for until Monday.",
        "Say how long a job may run, and ask for it in every permission to start training jobs.",
        (*WRITING, BATCH_JOB, *GRANTING),
        _has_an_end,
        bad=(machine(StoppingCondition=None), part(BATCH_JOB, "score", type="container")),
        good=(machine(), part(BATCH_JOB, "score", type="container", timeout={"attemptDurationSeconds": 60}), _MAY_WELL),
    ),
    Rule(
        "spot-or-justified",
        Severity.LOW,
        Domain.TRAINING,
        "Training runs on spare capacity, or says why not",
        "Spare capacity costs a third of the price, and less; a program that keeps checkpoints loses little by it.",
        f'Use managed spot training, or say in a tag "{REASON}" why not.',
        (*WRITING, BATCH_ENVIRONMENT),
        _spare_or_said,
        bad=(machine(EnableManagedSpotTraining=False),),
        good=(
            machine(),
            part(TRAINING_JOB, "short", enableManagedSpotTraining=False, tags={REASON: "ends within minutes"}),
        ),
    ),
    Rule(
        "checkpoint-when-spot",
        Severity.MEDIUM,
        Domain.TRAINING,
        "Training on spare capacity keeps checkpoints",
        "Without them every interruption begins anew, and the cheap job becomes the dearer one.",
        "Say in the job's checkpoint configuration where it keeps how far it is.",
        WRITING,
        _checkpoints,
        bad=(machine(CheckpointConfig=None),),
        good=(machine(),),
        maps=("NIST CP-10",),
    ),
)
