"""What deploying language models and redaction asks of IAM, and that a team's deployment role may do it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.isolation.calls import Stack
from tests.isolation.judge import Judge, Question
from tests.isolation.test_deployment_role import (
    ENVIRONMENT,
    REGION,
    ROOT,
    Life,
    by_calls,
    by_the_native_provider,
    graph,
    refused,
)
from tests.isolation.trials import pattern
from tests.isolation.world import loosely

from modelyard import (
    Context,
    DataLake,
    EndpointSpec,
    InferenceEndpoint,
    KnownAudit,
    KnownKeys,
    LakeSpec,
    LanguageModelEndpoint,
    LanguageModelSpec,
    ModelRegistry,
    RegistrySpec,
)
from modelyard.assess.access import Access, collect
from modelyard.blueprints.programs import platform_program
from modelyard.core.contract import ReleaseKeysContract
from modelyard_sandbox.inprocess import Deployed, deploy

MODEL = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
GROUP = "ml-local-fraud-registry-writer"


def models(most: int) -> LanguageModelSpec:
    chat = {"model": "writer", "release": {"kind": "declared", "version": 1}, "weights_gib": 15}
    given = {
        "owner": "ada@acme.example",
        "instance_type": "ml.g5.12xlarge",
        "models": {"chat": chat},
        "machines": {"most": most},
        "vpc": False,
    }
    return LanguageModelSpec.model_validate(given)


@pytest.fixture(scope="module")
def lived(judge: Judge) -> Iterator[tuple[Life, Access]]:
    program = platform_program(ROOT, ENVIRONMENT)
    with deploy(program.run, project=program.project, stack=program.stack, region=REGION) as platform:
        contract = platform.outputs["contract"]
        fence = contract["teams"]["fraud"]
        fraud = Context(
            organization=contract["organization"],
            platform=contract["platform"],
            environment=ENVIRONMENT,
            region=REGION,
            account=contract["account"],
        ).for_team("fraud", boundary=fence["boundary_arn"])

        def team(serve: bool = False, most: int = 1) -> None:
            keys = KnownKeys(fence["keys"])
            lake = DataLake("lake", LakeSpec.model_validate({}), context=fraud, keys=keys)
            registry = ModelRegistry(
                "registry",
                RegistrySpec.model_validate({"models": {"writer": MODEL}}),
                context=fraud,
                keys=keys,
                audit=KnownAudit(fraud),
                release_keys=ReleaseKeysContract.model_validate(fence["releases"]),
            )
            if not serve:
                return
            LanguageModelEndpoint("assistant", models(most), context=fraud, registry=registry, keys=keys)
            served = {
                "model": "writer",
                "owner": "ada@acme.example",
                "release": {"kind": "declared", "version": 1},
                "served_by": {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large"}}},
                "vpc": False,
                "capture": {"redact": {"fields": {"email": "remove"}, "columns": ["email"]}},
            }
            spec = EndpointSpec.model_validate(served)
            InferenceEndpoint("answer", spec, context=fraud, registry=registry, lake=lake, keys=keys)

        with deploy(team, project="modelyard-team", stack=f"fraud-{ENVIRONMENT}", region=REGION) as deployed:
            deployed.client("sagemaker").create_model_package(
                ModelPackageGroupName=GROUP,
                ModelApprovalStatus="PendingManualApproval",
                InferenceSpecification={
                    "Containers": [{"Image": "i@sha256:0", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
                    "SupportedContentTypes": ["text/csv"],
                    "SupportedResponseMIMETypes": ["text/csv"],
                },
            )
            calls, resources = [*deployed.calls], dict[str, Deployed](deployed.resources)
            steps = (lambda: team(True), lambda: team(True, 2), lambda: team())
            seen = graph(deployed)
            for number, step in enumerate(steps):
                deployed.update(step)
                calls += deployed.calls
                resources = {**deployed.resources, **resources}
                seen = graph(deployed) if number == 1 else seen
            deployed.refresh()
            calls += deployed.calls
        path = f"/modelyard/{contract['platform']}/{ENVIRONMENT}/fraud/"
        stack = Stack(
            fence["deployment_role_arn"], contract["account"], REGION, path, fence["boundary_arn"], resources, judge
        )
        access = collect(graph(platform), seen)
        access = loosely(access, {"sagemaker": [pattern(arn) for arn in judge.table("sagemaker").arns.values()]})
        yield Life(stack, calls), access


ALARMS = "alarm:TargetTracking-inference-component/"


def test_the_deployment_role_may_make_every_call(judge: Judge, lived: tuple[Life, Access]):
    life, access = lived
    asked = [question for question in by_calls(life) if ALARMS not in question.resource]
    said = refused(judge, access, asked)
    assert not said, "\n".join(said)
    actions = {question.action for question in asked}
    assert {
        "sagemaker:CreateInferenceComponent",
        "sagemaker:DeleteInferenceComponent",
        "sagemaker:CreateEndpointConfig",
        "application-autoscaling:RegisterScalableTarget",
        "lambda:CreateFunction",
        "scheduler:CreateSchedule",
    } <= actions


def test_the_deployment_role_makes_the_alarms_of_what_tracks_copies(judge: Judge, lived: tuple[Life, Access]):
    life, access = lived
    asked = [question for question in by_calls(life) if ALARMS in question.resource]
    assert asked and refused(judge, access, asked) == []


def test_the_deployment_role_may_ask_what_the_native_provider_asks_beside(judge: Judge, lived: tuple[Life, Access]):
    life, access = lived
    assert refused(judge, access, by_the_native_provider(life)) == []


RAW, KEPT = (f"{place}/answer/ml-local-fraud-answer/main/a.jsonl" for place in ("_unredacted", "calls"))


@pytest.mark.parametrize(
    ("who", "action", "bucket", "key"),
    [
        ("answer-redactor", "s3:GetObject", "lake-capture", RAW),
        ("answer-redactor", "s3:DeleteObjectVersion", "lake-capture", RAW),
        ("answer-redactor", "s3:PutObject", "lake-capture", KEPT),
        ("answer-model", "s3:PutObject", "lake-capture", RAW),
        ("assistant-model", "s3:GetObject", "registry", "models/writer/0/weights/config.json"),
    ],
)
def test_the_boundary_leaves_what_redacts_and_what_serves_their_work(
    judge: Judge, lived: tuple[Life, Access], who: str, action: str, bucket: str, key: str
):
    _, access = lived
    (role,) = [arn for arn in access.identities if arn.endswith(f"-{who}")]
    (place,) = [
        arn for arn in access.things if arn.startswith(f"arn:aws:s3:::ml-local-fraud-{bucket}-") and "logs" not in arn
    ]
    (verdict,) = judge.ask(access, [Question(role, action, f"{place}/{key}")])
    assert verdict.allowed, str(verdict)


@pytest.mark.parametrize(
    "action", ["sagemaker:CreateInferenceComponent", "sagemaker:UpdateInferenceComponent", "sagemaker:InvokeEndpoint"]
)
def test_no_component_of_another_team_is_touched(judge: Judge, lived: tuple[Life, Access], action: str):
    life, access = lived
    other = f"arn:aws:sagemaker:{REGION}:123456789012:inference-component/ml-local-demand-assistant-chat"
    (verdict,) = judge.ask(access, [Question(life.stack.principal, action, other)])
    assert not verdict.allowed, str(verdict)
