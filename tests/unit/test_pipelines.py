"""What a training pipeline makes of its spec: faults told at once, and one graph in both flavours."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import pytest

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec
from modelyard.assess.graph import Graph, record
from modelyard.build.features import FeaturesSpec, FeatureStore
from modelyard.build.pipelines import ImageRepositories, ImagesSpec, PipelineSpec, TrainingPipeline
from modelyard.build.pipelines.graph import Parallel, Sequence, arranged, circle, order
from modelyard.build.registry import ModelRegistry, RegistrySpec
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.core.errors import SpecError
from modelyard.core.spec import SourceMap
from modelyard.foundation.audit import KnownAudit

PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = PLATFORM.for_team("fraud")
DIGEST = f"sha256:{'a' * 64}"
OWN = {"repository": "train", "digest": DIGEST}
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
IMAGE = f"{ECR}/ml-dev-fraud-train@{DIGEST}"
COLUMNS = [
    {"name": "customer_id", "type": "string"},
    {"name": "at", "type": "timestamp"},
    {"name": "amount", "type": "double"},
]
LAKE = LakeSpec.model_validate(
    {
        "datasets": {
            name: {"classification": "internal", "owner": "ada@acme.example", "columns": COLUMNS}
            for name in ("transactions", "labels")
        }
    }
)
FEATURES = FeaturesSpec.model_validate(
    {
        "views": {
            "customer": {
                "owner": "ada@acme.example",
                "entity": [{"name": "customer_id"}],
                "event_time": "at",
                "features": [{"name": "amount", "type": "float"}],
                "dataset": "transactions",
            }
        }
    }
)
MODEL = {"description": "d", "owner": "ada@acme.example", "metrics": ["recall"]}
RECALL = {"gates": {"recall": {"kind": "accuracy", "metric": "recall", "threshold": 0.8}}}
UNGATED = {"ungated_because": "a test"}
STEPS: dict[str, Any] = {
    "bring": {"kind": "ingest", "image": OWN, "outputs": {"labels": {}}},
    "look": {
        "kind": "validate_data",
        "image": OWN,
        "inputs": {"data": {"kind": "dataset", "name": "transactions"}},
        "outputs": {"report": {}},
    },
    "build": {
        "kind": "build_features",
        "image": IMAGE,
        "inputs": {
            "data": {"kind": "dataset", "name": "transactions"},
            "labels": {"kind": "output", "of": "bring.labels"},
            "customers": {"kind": "view", "name": "customer", "version": 1},
        },
        "outputs": {"train": {}, "test": {}},
        "after": ["look"],
    },
    "train": {
        "kind": "train",
        "image": IMAGE,
        "command": ["train.py"],
        "launcher": "torchrun",
        "inputs": {"train": {"kind": "output", "of": "build.train"}},
        "parameters": {"rate": {"of": "rate"}, "epochs": "3"},
        "retries": 2,
    },
    "judge": {
        "kind": "evaluate",
        "image": IMAGE,
        "inputs": {
            "model": {"kind": "output", "of": "train.model"},
            "test": {"kind": "output", "of": "build.test"},
        },
        "outputs": {"report": {}},
    },
    "keep": {
        "kind": "register",
        "image": OWN,
        "model": "scores",
        "artifact": "train.model",
        "report": "judge.report",
    },
}
WHOLE: dict[str, Any] = {
    "owner": "ada@acme.example",
    "commit": "a1b2c3d",
    "parameters": {"rate": "0.1"},
    "steps": STEPS,
    "triggers": {
        "nightly": {"kind": "schedule", "expression": "rate(1 day)"},
        "pushed": {"kind": "push", "repository": "acme/fraud"},
        "arrived": {"kind": "data", "dataset": "transactions"},
        "versioned": {"kind": "features", "view": "customer"},
    },
}


def whole(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(WHOLE), **changes}


def with_steps(**steps: Any) -> dict[str, Any]:
    """The whole pipeline, some steps changed by a few fields, or gone (None)."""
    found = copy.deepcopy(STEPS)
    for name, changes in steps.items():
        found[name] = {**found.get(name, {}), **changes} if changes is not None else None
    return whole(steps={name: step for name, step in found.items() if step is not None})


@cache
def recorded(
    text: str, pool: str = "{}", parts: str = "features registry images audit", gates: str = json.dumps(RECALL)
) -> Graph:
    models = RegistrySpec.model_validate({"models": {"scores": {**MODEL, **json.loads(gates)}}})
    given, has = PipelineSpec.model_validate_json(text), parts.split()
    given.locate(SourceMap("teams/fraud.yaml"), "training_pipelines.scores")

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]})
        network = Network("network", vpc, context=PLATFORM, keys=keys)
        lake = DataLake("lake", LAKE, context=FRAUD, keys=keys)
        types = {"instance_types": ["ml.m5.xlarge", "ml.g5.xlarge"], "network_isolation": False}
        spec = TrainingSpec.model_validate({**types, **json.loads(pool)})
        made = TrainingPool("training", spec, context=FRAUD, lake=lake, network=network)
        audit = KnownAudit(FRAUD)
        pipeline = TrainingPipeline(
            "scores",
            given,
            context=FRAUD,
            pool=made,
            lake=lake,
            keys=keys,
            features=FeatureStore("features", FEATURES, context=FRAUD, lake=lake) if "features" in has else None,
            registry=ModelRegistry("registry", models, context=FRAUD, keys=keys, audit=audit)
            if "registry" in has
            else None,
            images=ImageRepositories(
                "images", ImagesSpec.model_validate({"repositories": {"train": {}}}), context=FRAUD, keys=keys
            )
            if "images" in has
            else None,
            audit=audit if "audit" in has else None,
        )
        trusted = [trust_service("lambda.amazonaws.com", context=FRAUD)]
        pipeline.grant_start(Role("starter", context=FRAUD, trusted=trusted, description="starts"))
        pipeline.grant_read(Role("watcher", context=FRAUD, trusted=trusted, description="watches"))

    return record(program, project="p", stack="s", region="eu-west-1")


def graph_of(given: dict[str, Any], **more: str) -> Graph:
    return recorded(json.dumps(given), **more)


def faults(given: dict[str, Any], **more: str) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        graph_of(given, **more)
    return [str(fault) for fault in refusal.value.faults]


def node(graph: Graph, name: str) -> Any:
    (found,) = [found for found in graph.nodes if found.name == name]
    return found


def output(of: str) -> dict[str, str]:
    return {"kind": "output", "of": of}


@pytest.mark.parametrize(
    ("given", "where", "message"),
    [
        (with_steps(bring={"after": ["keep"]}), "steps.", "waits for itself: "),
        (
            with_steps(train={"inputs": {"d": output("build.valid")}}),
            "steps.train.inputs.d.of",
            "is no output of build",
        ),
        (with_steps(train={"inputs": {"d": output("make.x")}}), "steps.train.inputs.d.of", "make, which is no step"),
        (with_steps(train={"after": ["nothing"]}), "steps.train.after[0]", "is no step"),
        (
            with_steps(build={"outputs": {"train": {}, "test": {}, "rest": {}}}),
            "steps.build.outputs.rest",
            "goes nowhere: no step takes it",
        ),
        (
            with_steps(
                bring={"outputs": {"labels": {"dataset": "labels"}}}, look={"outputs": {"x": {"dataset": "labels"}}}
            ),
            "steps.look.outputs.x.dataset",
            "is filled by bring.labels already",
        ),
        (
            with_steps(train={"image": f"{ECR}/ml-dev-fraud-train:latest"}),
            "steps.train.image",
            "names an image by a tag",
        ),
        (with_steps(train={"image": f"{ECR}/ml-dev-fraud-train"}), "steps.train.image", "names an image by a tag"),
        (with_steps(train={"image": "pytorch/pytorch@sha256:1"}), "steps.train.image", "is no image of ECR"),
        (with_steps(judge=None, keep={"report": None}), "steps.keep", "without an evaluation of it before"),
        (
            with_steps(keep={"report": "look.report", "after": ["judge"]}),
            "steps.keep.report",
            "is no evaluation of this model",
        ),
        (with_steps(keep={"artifact": "build.train"}), "steps.keep.artifact", "is no model"),
        (with_steps(judge={"inputs": {"test": output("build.test")}}), "steps.judge.inputs", "lack a model"),
        (with_steps(train={"inputs": {}}), "steps.train.inputs", "it has nothing to train on"),
        (with_steps(look={"inputs": {}}), "steps.look.inputs", "it has nothing to look at"),
        (
            with_steps(bring={"outputs": {}}, build={"inputs": {"d": {"kind": "dataset", "name": "labels"}}}),
            "steps.bring.outputs",
            "are missing",
        ),
        (with_steps(train={"command": []}), "steps.train.launcher", "has no program to launch"),
        (with_steps(train={"parameters": {"x": {"of": "speed"}}}), "steps.train.parameters.x.of", "is no parameter"),
        (whole(parameters={"rate": "1", "commit": "x"}), "parameters.commit", "is a parameter of every run already"),
        (whole(commit=None), "commit", "a run that nightly, arrived, versioned started wouldn't know it"),
        (
            with_steps(look={"inputs": {"d": {"kind": "dataset", "name": "labels"}}}),
            "steps.keep",
            "comes from several datasets",
        ),
    ],
)
def test_what_cannot_run_is_refused_where_it_is_written(given: dict[str, Any], where: str, message: str):
    told = faults(given)
    assert any(where in each and message in each for each in told), told
    assert all(each.startswith("teams/fraud.yaml: training_pipelines.scores") for each in told), told


@pytest.mark.parametrize(
    ("given", "where", "message"),
    [
        (
            with_steps(look={"inputs": {"d": {"kind": "dataset", "name": "no"}}}, keep={"dataset": "labels"}),
            "steps.look.inputs.d.name",
            "is no dataset of the lake",
        ),
        (
            with_steps(look={"outputs": {"x": {"dataset": "no"}}}),
            "steps.look.outputs.x.dataset",
            "is no dataset of the lake",
        ),
        (with_steps(keep={"model": "no"}), "steps.keep.model", "is no model of the registry"),
        (
            with_steps(judge={"outputs": {"report": {"dataset": "labels"}}}),
            "steps.keep.report",
            "lies in a dataset, which other jobs write too",
        ),
        (
            with_steps(bring={"image": {"repository": "no", "digest": DIGEST}}),
            "steps.bring.image.repository",
            "is no repository of the team",
        ),
        (
            with_steps(bring={"image": f"{ECR}/ml-dev-churn-train@{DIGEST}"}),
            "steps.bring.image",
            "the pool's jobs can't pull from",
        ),
        (
            with_steps(train={"resources": {"instance_type": "ml.p4d.24xlarge"}}),
            "steps.train.resources.instance_type",
            "is no type of the pool",
        ),
        (
            with_steps(train={"resources": {"instances": 2}}),
            "steps.train.resources.instances",
            "are more than the pool's 1",
        ),
        (with_steps(train={"timeout_minutes": 361}), "steps.train.timeout_minutes", "is more than the pool's 360"),
        (whole(triggers={"t": {"kind": "data", "dataset": "no"}}), "triggers.t.dataset", "is no dataset of the lake"),
        (
            whole(triggers={"t": {"kind": "features", "view": "no"}}),
            "triggers.t.view",
            "is no view of the feature store",
        ),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(given: dict[str, Any], where: str, message: str):
    told = faults(given)
    assert any(where in each and message in each for each in told), told


def test_a_feature_view_cannot_be_asked_for_from_behind_network_isolation():
    (told,) = faults(WHOLE, pool=json.dumps({"network_isolation": True}))
    assert "steps.build.inputs" in told and "network isolation keeps it in" in told


def test_events_need_a_bus():
    told = faults(WHOLE, parts="features registry images")
    assert len([each for each in told if "there is no bus" in each]) == 3


def test_all_faults_of_a_pipeline_are_told_at_once():
    given = with_steps(
        train={"image": "x", "inputs": {"d": output("no.x")}}, bring={"outputs": {}}, look={"inputs": {}}
    )
    assert len(faults(given)) >= 5


def test_a_circle_is_told_in_its_order():
    needs = {"a": frozenset({"c"}), "b": frozenset({"a"}), "c": frozenset({"b"}), "d": frozenset[str]()}
    found = circle(needs)
    assert found[0] == found[-1] and len(found) == 4
    assert all(earlier in needs[later] for earlier, later in zip(found, found[1:], strict=False))


def test_what_does_not_wait_for_each_other_runs_side_by_side():
    needs = {
        "a": frozenset[str](),
        "b": frozenset({"a"}),
        "c": frozenset({"b"}),
        "d": frozenset({"a"}),
        "e": frozenset({"c", "d"}),
    }
    branches = Parallel((Sequence(("b", "c")), Sequence(("d",))))
    assert arranged(needs) == Sequence(("a", branches, "e"))
    assert order(needs) == ["a", "b", "d", "c", "e"]


def test_steps_that_no_nesting_fits_still_run_after_what_they_wait_for():
    needs = {"a": frozenset[str](), "b": frozenset[str](), "c": frozenset({"a"}), "d": frozenset({"a", "b"})}
    found = arranged(needs)
    assert found == Sequence(
        (Parallel((Sequence(("a",)), Sequence(("b",)))), Parallel((Sequence(("c",)), Sequence(("d",)))))
    )


def test_a_job_is_what_the_pool_lets_in():
    machine = json.loads(node(graph_of(WHOLE), "scores-machine").properties["definition"])
    request = machine["States"]["train"]["Parameters"]
    assert request["EnableInterContainerTrafficEncryption"] is True
    assert request["OutputDataConfig"]["KmsKeyId"] == request["ResourceConfig"]["VolumeKmsKeyId"]
    assert len(request["VpcConfig"]["Subnets"]) == 2
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 21_600}
    assert request["AlgorithmSpecification"]["ContainerEntrypoint"][-2:] == ["torchrun", "train.py"]
    assert request["TrainingJobName.$"].startswith("States.Format('ml-dev-fraud-training-train-{}'")
    assert {"Key": "team", "Value": "fraud"} in request["Tags"]


def test_local_disks_take_no_volume_key():
    given = with_steps(train={"resources": {"instance_type": "ml.g5.xlarge", "volume_gib": 200}})
    machine = json.loads(node(graph_of(given), "scores-machine").properties["definition"])
    resources = machine["States"]["train"]["Parameters"]["ResourceConfig"]
    assert "VolumeKmsKeyId" not in resources and resources["VolumeSizeInGB"] == 200


def test_jobs_are_granted_what_the_steps_name_and_nothing_else():
    graph = graph_of(with_steps(look={"outputs": {"labels": {"dataset": "labels"}}}))
    text = str(node(graph, "training-job-lake-access").properties["policy"])
    assert "transactions/*" in text and "labels/*" in text
    written = [s for s in json.loads(text)["Statement"] if "s3:PutObject" in s["Action"] and "athena" not in str(s)]
    assert len(written) == 1 and "labels/*" in str(written) and "transactions" not in str(written)


def test_no_job_can_register_and_the_function_that_does_can_nothing_else():
    graph = graph_of(WHOLE)
    jobs = [n for n in graph.nodes if n.name.startswith("training-job-") and "policy" in n.properties]
    assert not any("CreateModelPackage" in str(n.properties["policy"]) for n in jobs)
    policies = [n for n in graph.nodes if n.name.startswith("scores-registrar-") and "policy" in n.properties]
    text = "".join(str(n.properties["policy"]) for n in policies)
    assert "sagemaker:CreateModelPackage" in text and "sagemaker:CreateTrainingJob" not in text
    assert "training/training/scores/*" in text and "s3:DeleteObject" not in text


def policies(graph: Graph, role: str) -> str:
    """All that a role may do, as text."""
    found = [n for n in graph.nodes if n.name.startswith(f"{role}-") and "policy" in n.properties]
    return "".join(str(n.properties["policy"]) for n in found)


def test_what_a_gate_trusts_is_measured_and_put_down_by_roles_that_no_training_job_has():
    given = {
        "labels": {"kind": "dataset", "name": "labels"},
        "model": output("train.model"),
        "test": output("build.test"),
    }
    graph = graph_of(with_steps(judge={"inputs": given}, keep={"dataset": "transactions"}))
    judge, jobs = policies(graph, "scores-judge"), policies(graph, "training-job")
    assert "training-judged/scores/*" in judge and "training-judged" not in jobs
    assert "labels/*" in judge and "labels/*" not in jobs, "who trains doesn't see what it is measured by"
    assert "gates/" not in judge + jobs + policies(graph, "scores-registrar")
    reporter = policies(graph, "scores-reporter")
    assert "gates/scores/*" in reporter and "training-judged/scores/*" in reporter
    assert "CreateModelPackage" not in "".join(reporter.split("OnlyThePromotionDecides")[::2])
    machine = json.loads(node(graph, "scores-machine").properties["definition"])
    assert machine["States"]["judge"]["Parameters"]["RoleArn"] == node(graph, "scores-judge").outputs["arn"]
    assert machine["States"]["keep"]["Next"] == "keep_gates"


@pytest.mark.parametrize(
    ("given", "gates"), [(WHOLE, UNGATED), (with_steps(keep={"report": None, "after": ["judge"]}), RECALL)]
)
def test_where_no_gate_listens_nobody_reports(given: dict[str, Any], gates: dict[str, Any]):
    graph = graph_of(given, gates=json.dumps(gates))
    machine = json.loads(node(graph, "scores-machine").properties["definition"])
    assert "keep_gates" not in machine["States"]
    assert not [n.name for n in graph.nodes if n.name.startswith(("scores-judge", "scores-reporter"))]


def test_each_trigger_is_heard_for_the_team_alone_and_passes_what_it_knows():
    graph = graph_of(WHOLE)
    heard = {
        name: json.loads(node(graph, f"scores-{name}").properties["eventPattern"]) for name in ("pushed", "arrived")
    }
    assert heard["pushed"] == {
        "detail-type": ["modelyard.code"],
        "source": ["modelyard.fraud"],
        "detail": {"repository": ["acme/fraud"], "branch": ["main"]},
    }
    assert heard["arrived"]["detail"] == {"dataset": ["transactions"]}
    passed = node(graph, "scores-pushed-target").properties["inputTransformer"]
    assert passed["inputPaths"] == {"author": "$.detail.author", "commit": "$.detail.commit"}
    assert node(graph, "scores-versioned-target").properties["input"] == "{}"
    assert node(graph, "scores-nightly").properties["target"]["input"] == "{}"


def test_triggers_of_sagemakers_pipeline_pass_parameters():
    graph = graph_of(whole(flavour={"kind": "sagemaker"}))
    passed = node(graph, "scores-arrived-target").properties["sagemakerPipelineTarget"]
    assert passed == {"pipelineParameterLists": [{"name": "snapshot", "value": "$.detail.snapshot"}]}
    text = str(node(graph, "scores-listener-work").properties["policy"])
    assert "sagemaker:StartPipelineExecution" in text and ":pipeline/ml-dev-fraud-scores" in text


@pytest.mark.parametrize("kind", ["step_functions", "sagemaker"])
def test_a_failed_run_rings_and_its_owner_hears(kind: str):
    alarm = node(graph_of(whole(flavour={"kind": kind})), "scores-failed").properties
    assert alarm["metricName"] in ("ExecutionsFailed", "ExecutionFailed") and alarm["threshold"] == 0
    assert alarm["alarmActions"]


@pytest.mark.parametrize("kind", ["step_functions", "sagemaker"])
def test_whoever_starts_a_pipeline_finds_it_and_whoever_watches_starts_none(kind: str):
    graph = graph_of(whole(flavour={"kind": kind}))
    found = json.loads(node(graph, "starter-scores-address").properties["insecureValue"])["addresses"][0]
    assert (found["kind"], found["flavour"]) == ("pipeline", kind)
    assert found["parameters"] == "author,commit,snapshot,rate"
    start = "sagemaker:StartPipelineExecution" if kind == "sagemaker" else "states:StartExecution"
    assert start in str(node(graph, "starter-scores-access").properties["policy"])
    assert start not in str(node(graph, "watcher-scores-access").properties["policy"])


def test_a_pool_behind_aws_batch_runs_no_pipeline():
    programs = {"train": {"image": IMAGE, "command": ["train.py"]}}
    batch = {"flavour": {"kind": "batch", "programs": programs}, "instance_types": ["g5.xlarge"]}
    told = faults(WHOLE, pool=json.dumps(batch))
    assert any("the pool's go through AWS Batch" in each for each in told), told
