"""What a training pool makes of its spec, and which jobs the code that submits them is let to ask for."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec
from modelyard.assess.graph import Graph, record
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.core.addresses import Addresses, TrainingPoolAddress
from modelyard.core.errors import SpecError
from modelyard.core.instances import InstanceCatalogue
from modelyard_jobs.submit import RefusedError, training_job, tuning_job

PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = PLATFORM.for_team("fraud")
SPOT = {"spot": {}, "checkpoints": {"prefix": "checkpoints"}}
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-train@sha256:0"


def spec(**changes: Any) -> TrainingSpec:
    return TrainingSpec.model_validate({"instance_types": ["ml.m5.xlarge", "ml.g5.xlarge"], **changes})


@cache
def recorded(text: str, region: str) -> Graph:
    given = TrainingSpec.model_validate_json(text)
    context = Context(
        organization="acme", platform="ml", environment="dev", region=region, account="123456789012", team="fraud"
    )

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": [f"{region}a", f"{region}b"]})
        network = Network("network", vpc, context=context, keys=keys)
        lake = DataLake("lake", LakeSpec.model_validate({"datasets": {}}), context=context, keys=keys)
        pool = TrainingPool("training", given, context=context, lake=lake, network=network)
        submitter = Role(
            "submitter",
            context=context,
            trusted=[trust_service("states.amazonaws.com", context=context)],
            description="submits",
        )
        pool.grant_submit(submitter)

    return record(program, project="p", stack="s", region=region)


def pool_of(given: TrainingSpec, region: str = "eu-west-1") -> Graph:
    return recorded(given.model_dump_json(), region)


def statements(given: TrainingSpec, name: str = "submitter-training-access") -> list[dict[str, Any]]:
    (policy,) = [node for node in pool_of(given).nodes if node.name == name]
    return json.loads(policy.properties["policy"])["Statement"]


def creating(given: TrainingSpec) -> list[dict[str, Any]]:
    return [s for s in statements(given) if "sagemaker:CreateTrainingJob" in s["Action"]]


def address_of(given: TrainingSpec) -> TrainingPoolAddress:
    (parameter,) = [node for node in pool_of(given).nodes if node.name == "submitter-training-address"]
    (address,) = Addresses.model_validate_json(parameter.properties["insecureValue"]).addresses
    assert isinstance(address, TrainingPoolAddress)
    return address


def faults(given: TrainingSpec) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        pool_of(given)
    return [str(fault) for fault in refusal.value.faults]


def test_every_way_to_create_a_job_names_both_keys_or_a_type_whose_hardware_encrypts():
    for statement in creating(spec()):
        keys = statement["Condition"]["ArnEquals"]
        types = statement["Condition"]["ForAllValues:StringEquals"]["sagemaker:InstanceTypes"]
        assert any("OutputKmsKey" in key for key in keys)
        if types == ["ml.m5.xlarge"]:
            assert any("VolumeKmsKey" in key for key in keys)
        else:
            assert types == ["ml.g5.xlarge"], "SageMaker refuses a volume key for types with local disks"
            assert statement["Condition"]["Null"]["sagemaker:VolumeKmsKey"] == "true"


def test_both_spellings_of_the_key_conditions_say_the_same():
    def normal(statement: dict[str, Any]) -> str:
        return json.dumps(statement, sort_keys=True).replace("KmsKeyArn", "KmsKey")

    written = [json.dumps(statement, sort_keys=True) for statement in creating(spec())]
    assert len(set(written)) == 4
    assert len({normal(statement) for statement in creating(spec())}) == 2


def test_a_list_that_a_request_leaves_out_is_not_taken_for_an_allowed_one():
    for statement in creating(spec()):
        condition = statement["Condition"]
        assert {condition["Null"][key] for key in condition["ForAllValues:StringEquals"]} == {"false"}


def test_only_the_job_role_is_passed_and_only_to_sagemaker():
    (passing,) = [s for s in statements(spec()) if s["Action"] == "iam:PassRole"]
    assert passing["Resource"] == "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/ml-dev-fraud-training-job"
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_the_job_role_is_assumed_for_the_pools_own_jobs_only():
    (role,) = [node for node in pool_of(spec()).nodes if node.name == "training-job-role"]
    (trust,) = json.loads(role.properties["assumeRolePolicy"])["Statement"]
    own = "arn:aws:sagemaker:eu-west-1:123456789012:*/ml-dev-fraud-training-*"
    assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": own}


def test_jobs_write_below_their_own_prefixes_and_nowhere_else():
    written = [s for s in statements(spec(**SPOT), "training-job-training-access") if "s3:PutObject" in s["Action"]]
    everything = [r for s in written for r in ([s["Resource"]] if isinstance(s["Resource"], str) else s["Resource"])]
    assert {r.partition("/")[2] for r in everything} == {"training/training/*", "checkpoints/training/*"}


def test_walls_come_down_only_where_the_spec_says_so():
    open_ones = spec(network_isolation=False, inter_container_encryption=False)
    assert all("Bool" not in statement["Condition"] for statement in creating(open_ones))
    assert all(len(statement["Condition"]["Bool"]) == 2 for statement in creating(spec()))


def test_a_warm_pool_is_allowed_for_as_long_as_the_spec_says():
    for statement in creating(spec(flavour={"kind": "sagemaker", "warm_seconds": 600})):
        assert statement["Condition"]["NumericLessThanEqualsIfExists"] == {"sagemaker:KeepAlivePeriod": "600"}
    for statement in creating(spec()):
        assert statement["Condition"]["Null"]["sagemaker:KeepAlivePeriod"] == "true"


def test_a_pool_of_many_types_still_fits_a_policy():
    many = [i.sagemaker for i in InstanceCatalogue.shipped().values() if i.trains and i.offered_in("eu-west-1")][:20]
    assert creating(spec(instance_types=many))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"instance_types": ["ml.g5.xlarg"]},
            "instance_types[0]: got 'ml.g5.xlarg'; is no instance type that is known. Did you mean \"ml.g5.xlarge\"?",
        ),
        ({"instance_types": ["ml.g5g.xlarge"]}, "is no type that SageMaker trains on"),
        ({"instance_types": ["ml.m5.xlarge"], "gpu": "required"}, "has no GPU, and gpu is required"),
        ({"instance_types": ["ml.m5.xlarge", "ml.m5.xlarge"]}, "listed twice"),
        ({"instance_types": ["ml.p5.48xlarge"]}, "isn't offered in eu-west-1"),
        ({"distributed": {"efa": True}}, "has no Elastic Fabric Adapter"),
        ({"distributed": {"instances": 2}}, "more than most_instances"),
        ({"tuning": {"most_jobs": 1}}, "more than most_jobs"),
        ({"spot": {}}, "without checkpoints loses all work"),
        ({**SPOT, "flavour": {"warm_seconds": 60}}, "can't be used with spot"),
        ({"checkpoints": {"prefix": "c"}, "spot": {"max_wait_minutes": 10}}, "less than max_runtime_minutes"),
    ],
)
def test_what_cannot_work_is_refused_with_its_reason(changes: dict[str, Any], message: str):
    told = " | ".join(faults(spec(**changes)))
    assert message in told


def test_all_faults_of_a_pool_are_told_at_once():
    told = faults(spec(instance_types=["ml.p5.48xlarge", "ml.nope.large"], spot={}))
    assert len(told) == 3


def test_a_type_that_a_region_has_come_to_sell_may_be_named():
    given = spec(instance_types=["ml.p5.48xlarge"], offered_anyway=["ml.p5.48xlarge"])
    assert address_of(given).local_disk_types == ("ml.p5.48xlarge",)


def test_a_pool_in_a_vpc_needs_a_network():
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        lake = DataLake("lake", LakeSpec.model_validate({"datasets": {}}), context=FRAUD, keys=keys)
        TrainingPool("training", spec(), context=FRAUD, lake=lake)

    with pytest.raises(SpecError, match="asks for a network, and there is none"):
        record(program, project="p", stack="s", region="eu-west-1")


def test_a_job_built_from_the_address_is_what_the_pool_allows():
    pool = address_of(spec(**SPOT))
    job = training_job(pool, "1", image=IMAGE, channels={"train": "s3://b/train/"})
    assert job["TrainingJobName"] == "ml-dev-fraud-training-1"
    assert job["ResourceConfig"]["VolumeKmsKeyId"] == job["OutputDataConfig"]["KmsKeyId"] == pool.key_arn
    assert job["CheckpointConfig"]["S3Uri"].endswith("/checkpoints/training/ml-dev-fraud-training-1/")
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 21_600, "MaxWaitTimeInSeconds": 43_200}
    assert len(job["VpcConfig"]["Subnets"]) == 2
    assert {"Key": "team", "Value": "fraud"} in job["Tags"]


def test_a_job_on_local_disks_names_no_volume_key():
    job = training_job(address_of(spec()), "1", image=IMAGE, instance_type="ml.g5.xlarge")
    assert "VolumeKmsKeyId" not in job["ResourceConfig"]
    assert "CheckpointConfig" not in job


def test_a_job_that_the_pool_would_refuse_is_not_even_built():
    pool = address_of(spec())
    with pytest.raises(RefusedError) as refusal:
        training_job(
            pool, "n" * 60, image=IMAGE, instance_type="ml.p4d.24xlarge", instances=2, max_runtime_seconds=10**6
        )
    told = str(refusal.value)
    assert all(part in told for part in ("at most 63", "ml.p4d.24xlarge: the pool", "2 instances", "1000000 seconds"))


def accepted(operation: str, request: dict[str, Any]) -> str:
    model = Session().get_service_model("sagemaker").operation_model(operation)
    return ParamValidator().validate(request, model.input_shape).generate_report()


def test_what_is_built_is_what_sagemakers_api_takes():
    pool = address_of(spec(**SPOT))
    channels = {"train": "s3://b/train/"}
    assert accepted("CreateTrainingJob", training_job(pool, "1", image=IMAGE, channels=channels)) == ""
    search = tuning_job(
        pool, "1", metric="auc", pattern="auc=(.*)", ranges={"rate": (0.1, 0.9)}, image=IMAGE, channels=channels
    )
    assert accepted("CreateHyperParameterTuningJob", search) == ""
    assert search["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 20
    assert search["TrainingJobDefinition"]["VpcConfig"]["Subnets"] == list(pool.subnets)


def test_a_search_has_a_shorter_name_than_a_job():
    with pytest.raises(RefusedError, match="at most 32 characters"):
        tuning_job(address_of(spec()), "n" * 11, metric="auc", pattern="x", ranges={}, image=IMAGE)


def test_the_pages_examples_run():
    page = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        exec(compile(example, "docs/training.md", "exec"), {})
