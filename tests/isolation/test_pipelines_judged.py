"""What a training pipeline may do, as the judge decides it from the policies and the definition in the graph.

The jobs are those that the definition asks for: their conditions are read from the requests, as SageMaker would.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.isolation.judge import Judge, Question

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import Graph, record
from modelyard.build.pipelines import (
    ImageCache,
    ImageCacheSpec,
    ImageRepositories,
    ImagesSpec,
    PipelineSpec,
    TrainingPipeline,
)
from modelyard.build.registry import ModelRegistry, RegistrySpec
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.foundation.audit import KnownAudit

REGION, ACCOUNT = "eu-west-1", "123456789012"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region=REGION, account=ACCOUNT)
FRAUD, CHURN = PLATFORM.for_team("fraud"), PLATFORM.for_team("churn")
DIGEST = f"sha256:{'a' * 64}"
COLUMNS = [{"name": "amount", "type": "double"}]
DATASET = {"classification": "internal", "owner": "ada@acme.example", "columns": COLUMNS}
GATES = {"recall": {"kind": "accuracy", "metric": "recall", "threshold": 0.8}}
MODELS = {"scores": {"description": "d", "owner": "ada@acme.example", "metrics": ["recall"], "gates": GATES}}


def steps(context: Context) -> dict[str, Any]:
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/ml-dev-{context.team}-train@{DIGEST}"
    data = {"data": {"kind": "dataset", "name": "transactions"}}
    return {
        "look": {"kind": "validate_data", "image": image, "inputs": data},
        "train": {
            "kind": "train",
            "image": image,
            "inputs": data,
            "after": ["look"],
            "resources": {"instance_type": "ml.g5.xlarge"},
        },
        "judge": {
            "kind": "evaluate",
            "image": image,
            "inputs": {"model": {"kind": "output", "of": "train.model"}},
            "outputs": {"report": {}},
            "timeout_minutes": 30,
        },
        "keep": {
            "kind": "register",
            "image": image,
            "model": "scores",
            "artifact": "train.model",
            "report": "judge.report",
        },
    }


def program() -> None:
    platform_keys = Keys("keys", KeysSpec(), context=PLATFORM)
    vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]})
    network = Network("network", vpc, context=PLATFORM, keys=platform_keys)

    def role(name: str, context: Context) -> Role:
        trusted = [trust_service("lambda.amazonaws.com", context=context)]
        return Role(name, context=context, trusted=trusted, description=name)

    for context in (FRAUD, CHURN):
        team = str(context.team)
        keys, audit = Keys(f"{team}-keys", KeysSpec(), context=context), KnownAudit(context)
        lake = DataLake(
            f"{team}-lake", LakeSpec.model_validate({"datasets": {"transactions": DATASET}}), context=context, keys=keys
        )
        types = TrainingSpec.model_validate({"instance_types": ["ml.m5.xlarge", "ml.g5.xlarge"]})
        registry = ModelRegistry(
            f"{team}-registry", RegistrySpec.model_validate({"models": MODELS}), context=context, keys=keys, audit=audit
        )
        images = ImageRepositories(
            f"{team}-images", ImagesSpec.model_validate({"repositories": {"train": {}}}), context=context, keys=keys
        )
        for name, kind in (("machine", "step_functions"), ("line", "sagemaker")):
            pool = TrainingPool(f"{team}-{name}-pool", types, context=context, lake=lake, network=network)
            spec = PipelineSpec.model_validate(
                {
                    "owner": "ada@acme.example",
                    "commit": "a1b2c3d",
                    "flavour": {"kind": kind},
                    "steps": steps(context),
                    "triggers": {
                        "clock": {"kind": "schedule", "expression": "rate(1 day)"},
                        "push": {"kind": "push", "repository": "acme/fraud"},
                    },
                }
            )
            pipeline = TrainingPipeline(
                f"{team}-{name}",
                spec,
                context=context,
                pool=pool,
                lake=lake,
                keys=keys,
                registry=registry,
                images=images,
                audit=audit,
            )
            pipeline.grant_start(
                role(f"starts-{name}", context) if team == "fraud" else role(f"stranger-{name}", context)
            )
            pipeline.grant_read(role(f"{team}-watches-{name}", context))
        images.grant_pull(role(f"{team}-pulls", context))
        images.grant_push(role(f"{team}-pushes", context))
    cache = ImageCacheSpec.model_validate({"rules": {"quay": {"upstream": "quay.io"}}})
    ImageCache("cache", cache, context=PLATFORM).grant_import(role("importer", PLATFORM))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return record(program, project="p", stack="s", region=REGION)


@pytest.fixture(scope="module")
def access(graph: Graph) -> Access:
    return collect(graph)


def arn(access: Access, name: str) -> str:
    (found,) = [found for found in access.identities if found.endswith(f"/{name}")]
    return found


def decided(
    judge: Judge, access: Access, who: str, action: str, resource: str, context: dict[str, Any] | None = None
) -> bool:
    (verdict,) = judge.ask(access, [Question(arn(access, who), action, resource, context or {})])
    return verdict.allowed


def made(graph: Graph, name: str, kind: str = "") -> str:
    """The ARN of what is called so in the program."""
    (found,) = [n.outputs["arn"] for n in graph.nodes if n.name == name and n.type.startswith(kind or "aws:")]
    return found


def requests(graph: Graph, pipeline: str) -> dict[str, dict[str, Any]]:
    """The requests that a pipeline makes, by step."""
    (found,) = [n for n in graph.nodes if n.name in (f"{pipeline}-machine", f"{pipeline}-pipeline")]
    if found.name.endswith("-machine") and "definition" in found.properties:
        states = json.loads(found.properties["definition"])["States"]
        return {name: each["Parameters"] for name, each in states.items() if ":sagemaker:" in each.get("Resource", "")}
    listed = json.loads(found.properties["pipelineDefinition"])["Steps"]
    return {each["Name"]: each["Arguments"] for each in listed if each["Type"] in ("Processing", "Training")}


def as_asked(request: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The action, the job's ARN and the condition keys of a request, as SageMaker tells IAM of it.

    Source: service-authorization/latest/reference/list_amazonsagemakerai.
    """
    kind = "Training" if "ResourceConfig" in request else "Processing"
    cluster = request.get("ResourceConfig") or request["ProcessingResources"]["ClusterConfig"]
    network = request if kind == "Training" else request["NetworkConfig"]
    given = request.get(f"{kind}JobName") or request[f"{kind}JobName.$"].split("'")[1].replace("{}", "0a1b2c3d")
    name = given if given.endswith("-0a1b2c3d") else f"{given}-abcdefghijkl-0a1b2c3d"
    output = request["OutputDataConfig" if kind == "Training" else "ProcessingOutputConfig"]
    keys = {
        "InstanceTypes": [cluster["InstanceType"]],
        "MaxRuntimeInSeconds": str(request["StoppingCondition"]["MaxRuntimeInSeconds"]),
        "VpcSubnets": network["VpcConfig"]["Subnets"],
        "VpcSecurityGroupIds": network["VpcConfig"]["SecurityGroupIds"],
        "OutputKmsKeyArn": output["KmsKeyId"],
        "NetworkIsolation": str(network["EnableNetworkIsolation"]).lower(),
        "InterContainerTrafficEncryption": str(network["EnableInterContainerTrafficEncryption"]).lower(),
    }
    if "VolumeKmsKeyId" in cluster:
        keys["VolumeKmsKeyArn"] = cluster["VolumeKmsKeyId"]
    resource = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind.lower()}-job/{name}"
    return f"sagemaker:Create{kind}Job", resource, {f"sagemaker:{key}": value for key, value in keys.items()}


CONDUCTORS = [
    ("fraud-machine", "ml-dev-fraud-fraud-machine-conductor"),
    ("fraud-line", "ml-dev-fraud-fraud-line-conductor"),
]
both = pytest.mark.parametrize(("pipeline", "conductor"), CONDUCTORS, ids=["step_functions", "sagemaker"])


@both
def test_a_pipelines_role_may_create_each_job_that_its_definition_asks_for(
    judge: Judge, access: Access, graph: Graph, pipeline: str, conductor: str
):
    asked = requests(graph, pipeline)
    assert set(asked) == {"look", "train", "judge"}
    for step, request in asked.items():
        action, resource, context = as_asked(request)
        assert decided(judge, access, conductor, action, resource, context), step
        role = request["RoleArn"]
        passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
        assert decided(judge, access, conductor, "iam:PassRole", role, passed), step


@both
@pytest.mark.parametrize(
    "changes",
    [
        {"InstanceTypes": ["ml.p4d.24xlarge"]},
        {"MaxRuntimeInSeconds": "21601"},
        {"VpcSubnets": ["subnet-0aaaaaaaaaaaaaaaa"]},
        {"VpcSecurityGroupIds": None},
        {"OutputKmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"},
        {"NetworkIsolation": "false"},
        {"InterContainerTrafficEncryption": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_job_outside_the_pool_is_refused_to_it(
    judge: Judge, access: Access, graph: Graph, pipeline: str, conductor: str, changes: dict[str, Any]
):
    for request in requests(graph, pipeline).values():
        action, resource, context = as_asked(request)
        context |= {f"sagemaker:{key}": value for key, value in changes.items()}
        context = {key: value for key, value in context.items() if value is not None}
        assert not decided(judge, access, conductor, action, resource, context)


@both
def test_a_pipeline_creates_no_job_of_another_pool_and_passes_no_other_role(
    judge: Judge, access: Access, graph: Graph, pipeline: str, conductor: str
):
    action, resource, context = as_asked(requests(graph, pipeline)["look"])
    name = f"ml-dev-fraud-{pipeline}-pool"
    assert name in resource
    for other in ("ml-dev-churn-churn-machine-pool", "ml-dev-fraud-other", "pipelines"):
        assert not decided(judge, access, conductor, action, resource.replace(name, other), context)
    passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    for other in ("ml-dev-churn-churn-machine-pool-job", conductor, f"ml-dev-fraud-{pipeline}-registrar"):
        assert not decided(judge, access, conductor, "iam:PassRole", arn(access, other), passed)


@both
def test_only_the_registrar_registers_and_only_as_waiting(
    judge: Judge, access: Access, graph: Graph, pipeline: str, conductor: str
):
    group = made(graph, "fraud-registry-scores")
    package = f"{group.replace('model-package-group/', 'model-package/')}/1"
    create, waiting = "sagemaker:CreateModelPackage", {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}
    registrar = f"ml-dev-fraud-{pipeline}-registrar"
    assert decided(judge, access, registrar, create, package, waiting)
    assert not decided(judge, access, registrar, create, package, {"sagemaker:ModelApprovalStatus": "Approved"})
    assert not decided(judge, access, conductor, create, package, waiting)
    assert not decided(judge, access, f"ml-dev-fraud-{pipeline}-pool-job", create, package, waiting)
    function = made(graph, f"{pipeline}-registrar", "aws:lambda/function:Function")
    assert decided(judge, access, conductor, "lambda:InvokeFunction", function)
    assert not decided(judge, access, f"ml-dev-fraud-{pipeline}-pool-job", "lambda:InvokeFunction", function)


@both
def test_only_the_judge_writes_what_gates_trust_and_only_the_reporter_puts_it_down(
    judge: Judge, access: Access, graph: Graph, pipeline: str, conductor: str
):
    (registry,) = [
        thing
        for thing in access.things
        if thing.startswith("arn:aws:s3:::ml-dev-fraud-fraud-registry-")
        if "logs" not in thing
    ]
    (output,) = requests(graph, pipeline)["judge"]["ProcessingOutputConfig"]["Outputs"]
    place = json.dumps(output["S3Output"]).partition("s3://")[2].partition("/")[0]
    report = f"arn:aws:s3:::{place}/training-judged/{pipeline}/run-1/judge/report/gates.json"
    measures, reports = f"ml-dev-fraud-{pipeline}-judge", f"ml-dev-fraud-{pipeline}-reporter"
    others = [f"ml-dev-fraud-{pipeline}-{role}" for role in ("pool-job", "registrar", "conductor")]
    assert decided(judge, access, measures, "s3:PutObject", report)
    assert decided(judge, access, reports, "s3:GetObject", report)
    for other in (*others, reports, "ml-dev-churn-churn-machine-judge"):
        assert not decided(judge, access, other, "s3:PutObject", report), other
    gates = f"{registry}/gates/scores/1.json"
    assert decided(judge, access, reports, "s3:PutObject", gates)
    for other in (*others, measures, "ml-dev-churn-churn-machine-reporter"):
        assert not decided(judge, access, other, "s3:PutObject", gates), other
    function = made(graph, f"{pipeline}-reporter", "aws:lambda/function:Function")
    assert decided(judge, access, conductor, "lambda:InvokeFunction", function)
    for other in (measures, f"ml-dev-fraud-{pipeline}-pool-job"):
        assert not decided(judge, access, other, "lambda:InvokeFunction", function), other
    passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    role = arn(access, measures)
    assert decided(judge, access, conductor, "iam:PassRole", role, passed)
    starts = "ml-dev-fraud-starts-machine" if pipeline.endswith("machine") else "ml-dev-fraud-starts-line"
    assert not decided(judge, access, starts, "iam:PassRole", role, passed), "who starts it runs nothing as the judge"


MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:ml-dev-fraud-fraud-machine"
LINE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/ml-dev-fraud-fraud-line"


@pytest.mark.parametrize(
    ("who", "action", "resource", "allowed"),
    [
        ("ml-dev-fraud-starts-machine", "states:StartExecution", MACHINE, True),
        ("ml-dev-fraud-starts-line", "sagemaker:StartPipelineExecution", LINE, True),
        ("ml-dev-fraud-starts-line", "sagemaker:StopPipelineExecution", f"{LINE}/execution/abc", True),
        ("ml-dev-fraud-starts-machine", "sagemaker:StartPipelineExecution", LINE, False),
        ("ml-dev-churn-stranger-machine", "states:StartExecution", MACHINE, False),
        ("ml-dev-churn-stranger-line", "sagemaker:StartPipelineExecution", LINE, False),
        ("ml-dev-fraud-fraud-watches-machine", "states:StartExecution", MACHINE, False),
        ("ml-dev-fraud-fraud-watches-machine", "states:ListExecutions", MACHINE, True),
        ("ml-dev-fraud-fraud-watches-line", "sagemaker:DescribePipeline", LINE, True),
        ("ml-dev-fraud-fraud-watches-line", "sagemaker:UpdatePipeline", LINE, False),
        ("ml-dev-churn-churn-watches-line", "sagemaker:DescribePipeline", LINE, False),
        ("ml-dev-fraud-fraud-machine-starter", "states:StartExecution", MACHINE, True),
        ("ml-dev-fraud-fraud-machine-listener", "states:StartExecution", MACHINE, True),
        ("ml-dev-fraud-fraud-line-listener", "sagemaker:StartPipelineExecution", LINE, True),
        ("ml-dev-fraud-fraud-line-listener", "states:StartExecution", MACHINE, False),
    ],
)
def test_a_pipeline_is_started_and_watched_by_whom_it_was_granted_to(
    judge: Judge, access: Access, who: str, action: str, resource: str, allowed: bool
):
    assert decided(judge, access, who, action, resource) is allowed


OWN = "the team's own"
CACHED = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/ml-dev-platform-cache-quay/library/base"


@pytest.mark.parametrize(
    ("who", "action", "resource", "allowed"),
    [
        ("ml-dev-fraud-fraud-pulls", "ecr:BatchGetImage", OWN, True),
        ("ml-dev-fraud-fraud-pulls", "ecr:PutImage", OWN, False),
        ("ml-dev-fraud-fraud-pushes", "ecr:PutImage", OWN, True),
        ("ml-dev-fraud-fraud-pushes", "ecr:BatchDeleteImage", OWN, False),
        ("ml-dev-churn-churn-pulls", "ecr:BatchGetImage", OWN, False),
        ("ml-dev-churn-churn-pushes", "ecr:PutImage", OWN, False),
        ("ml-dev-platform-importer", "ecr:BatchImportUpstreamImage", CACHED, True),
        ("ml-dev-fraud-fraud-pulls", "ecr:BatchImportUpstreamImage", CACHED, False),
    ],
)
def test_images_are_pulled_and_pushed_by_whom_it_was_granted_to(
    judge: Judge, access: Access, graph: Graph, who: str, action: str, resource: str, allowed: bool
):
    place = made(graph, "fraud-images-train") if resource == OWN else resource
    assert decided(judge, access, who, action, place) is allowed
