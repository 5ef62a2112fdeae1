"""What a pool makes of AWS Batch, of a queue before SageMaker and of a file system, and which ones it refuses."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec
from modelyard.assess.graph import Graph, Node, record
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.core.addresses import Addresses, BatchPoolAddress, TrainingPoolAddress
from modelyard.core.errors import InputError, SpecError
from modelyard_jobs.queues import batch_job, queued_job
from modelyard_jobs.submit import RefusedError

REGION = "eu-west-1"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012")
FRAUD = PLATFORM.for_team("fraud")
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-train@sha256:{'0' * 64}"
TRAIN = {"image": IMAGE, "command": ["train.py"]}
SPOT = {"spot": {}, "checkpoints": {"prefix": "checkpoints"}}
LUSTRE = {"dataset": "sales", "capacity_gib": 1200, "ends": "2027-01-31"}
DATASETS = {
    "sales": {
        "zone": "raw",
        "columns": [{"name": "day", "type": "date"}],
        "owner": "data@acme.example",
        "description": "Sales by day",
        "classification": "internal",
    }
}


def batch(programs: dict[str, Any] | None = None, capacity: dict[str, Any] | None = None, **more: Any) -> TrainingSpec:
    flavour: dict[str, Any] = {"kind": "batch", "programs": programs or {"train": TRAIN}, "capacity": capacity}
    return TrainingSpec.model_validate(
        {"flavour": flavour, "instance_types": ["g5.xlarge", "g5.12xlarge"], "network_isolation": False, **more}
    )


def nodes(count: int, **more: Any) -> TrainingSpec:
    given = {"instance_types": ["p4d.24xlarge"], "offered_anyway": ["p4d.24xlarge"], **more}
    return batch(
        {"train": {**TRAIN, "nodes": count}},
        inter_container_encryption=False,
        distributed={"most_instances": count, "efa": True},
        **given,
    )


def queued(borrow: bool = False, **more: Any) -> TrainingSpec:
    return TrainingSpec.model_validate(
        {
            "flavour": {"queue": {"walls": "convention", "borrow": borrow}},
            "instance_types": ["ml.g5.xlarge"],
            "quota": {"instances": {"ml.g5.xlarge": 4}, "shares": {"research": 1, "release": 3}},
            **more,
        }
    )


@cache
def recorded(text: str, grant: str) -> Graph:
    given = TrainingSpec.model_validate_json(text)

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})
        network = Network("network", vpc, context=FRAUD, keys=keys)
        lake = DataLake("lake", LakeSpec.model_validate({"datasets": DATASETS}), context=FRAUD, keys=keys)
        pool = TrainingPool("training", given, context=FRAUD, lake=lake, network=network)
        trusted = [trust_service("states.amazonaws.com", context=FRAUD)]
        role = Role("submitter", context=FRAUD, trusted=trusted, description="submits")
        if grant == "register":
            pool.grant_register(role)
        else:
            pool.grant_submit(role, shares=grant.split(",") if grant else None)

    return record(program, project="p", stack="s", region=REGION)


def pool_of(given: TrainingSpec, grant: str = "") -> Graph:
    return recorded(given.model_dump_json(), grant)


def node(given: TrainingSpec, name: str) -> Node:
    (found,) = [node for node in pool_of(given).nodes if node.name == f"training-{name}"]
    return found


def statements(given: TrainingSpec, action: str, grant: str = "") -> list[dict[str, Any]]:
    (policy,) = [node for node in pool_of(given, grant).nodes if node.name == "submitter-training-access"]
    return [s for s in json.loads(policy.properties["policy"])["Statement"] if action in s["Action"]]


def address_of(given: TrainingSpec, grant: str = "") -> Any:
    (parameter,) = [node for node in pool_of(given, grant).nodes if node.name == "submitter-training-address"]
    (address,) = Addresses.model_validate_json(parameter.properties["insecureValue"]).addresses
    return address


def container(given: TrainingSpec, program: str = "train") -> dict[str, Any]:
    return json.loads(node(given, f"run-{program}").properties["containerProperties"])


def told(given: TrainingSpec) -> str:
    with pytest.raises(SpecError) as refusal:
        pool_of(given)
    return " | ".join(str(fault) for fault in refusal.value.faults)


def test_no_instance_stands_while_no_job_waits():
    resources = node(batch(), "compute").properties["computeResources"]
    assert (resources["minVcpus"], resources["maxVcpus"]) == (0, 48), "one job on the largest allowed type"
    assert (resources["type"], resources["instanceTypes"]) == ("EC2", ["g5.xlarge", "g5.12xlarge"])
    assert resources["ec2Configurations"] == [{"imageType": "ECS_AL2023_NVIDIA"}]
    assert len(resources["subnets"]) == 2


def test_instances_are_encrypted_private_and_keep_their_role_from_containers():
    template = node(batch(), "template").properties
    assert template["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpPutResponseHopLimit": 1,
        "httpTokens": "required",
    }
    (interface,) = template["networkInterfaces"]
    assert interface["associatePublicIpAddress"] == "false" and len(interface["securityGroups"]) == 1


def test_a_quota_is_as_many_vcpus_as_its_instances_have():
    given = batch(quota={"instances": {"g5.xlarge": 4, "g5.12xlarge": 1}, "shares": {"research": 1, "release": 4}})
    assert node(given, "compute").properties["computeResources"]["maxVcpus"] == 4 * 4 + 48
    shares = node(given, "policy").properties["fairSharePolicy"]["shareDistributions"]
    assert {s["shareIdentifier"]: s["weightFactor"] for s in shares} == {"research": 1, "release": 0.25}, (
        "Batch gives more to the smaller factor"
    )


def test_spot_waits_no_longer_than_it_says_and_is_tried_again_when_it_is_lost():
    given = batch(**SPOT)
    resources = node(given, "compute").properties["computeResources"]
    assert (resources["type"], resources["allocationStrategy"]) == ("SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED")
    limits = node(given, "queue").properties["jobStateTimeLimitActions"]
    assert {limit["reason"]: limit["maxTimeSeconds"] for limit in limits}[
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
    ] == 43_200
    retry = node(given, "run-train").properties["retryStrategy"]
    assert retry["attempts"] == 3
    assert [ending["action"] for ending in retry["evaluateOnExits"]] == ["retry", "exit"]


def test_a_container_gets_what_every_allowed_type_has():
    found = container(batch())
    needs = {need["type"]: need["value"] for need in found["resourceRequirements"]}
    assert needs == {"GPU": "1", "VCPU": "4", "MEMORY": str(14 * 1024)}
    assert found["image"] == IMAGE and found["privileged"] is False
    assert found["command"] == ["train.py"]
    environment = {entry["name"]: entry["value"] for entry in found["environment"]}
    assert environment["MODELYARD_RESOURCES"] == "/modelyard/ml/dev/fraud/training-job"
    assert environment["MODELYARD_OUTPUT"].endswith("/training/training/")
    assert found["logConfiguration"]["options"]["awslogs-group"] == "/modelyard/ml/dev/fraud/training/jobs"


def test_several_gpus_are_driven_by_torchrun_and_several_nodes_meet_at_the_main_one():
    alone = batch(instance_types=["g5.12xlarge"])
    assert container(alone)["command"] == ["torchrun", "--standalone", "--nproc-per-node=4", "train.py"]
    definition = node(nodes(2), "run-train").properties
    properties = json.loads(definition["nodeProperties"])
    assert (definition["type"], properties["numNodes"], properties["mainNode"]) == ("multinode", 2, 0)
    inside = properties["nodeRangeProperties"][0]["container"]
    assert "--nproc-per-node=8" in inside["command"][2] and inside["command"][-1] == "train.py"
    assert len(inside["linuxParameters"]["devices"]) == 4, "one device for each adapter"


def test_nodes_stand_close_together_and_have_an_adapter_for_each_card():
    assert node(nodes(2), "placement").properties["strategy"] == "cluster"
    interfaces = node(nodes(2), "template").properties["networkInterfaces"]
    assert [i["networkCardIndex"] for i in interfaces] == [0, 1, 2, 3]
    assert {i["interfaceType"] for i in interfaces} == {"efa"}
    assert all("associatePublicIpAddress" not in i for i in interfaces), "EC2 gives several interfaces none"


def test_reserved_capacity_is_targeted_and_a_block_bought_before():
    reserved = nodes(2, capacity={"kind": "reservation", "id": "cr-0123456789abcdef0"})
    template = node(reserved, "template").properties
    target = template["capacityReservationSpecification"]["capacityReservationTarget"]
    assert target == {"capacityReservationId": "cr-0123456789abcdef0"}
    assert not [n for n in pool_of(reserved).nodes if n.name == "training-placement"], "a reservation has its own place"
    block = node(nodes(2, capacity={"kind": "block", "id": "cr-0123456789abcdef0"}), "template").properties
    assert block["instanceMarketOptions"] == {"marketType": "capacity-block"}


def test_the_job_role_is_assumed_by_tasks_and_the_instance_role_joins_one_cluster_only():
    (role,) = [n for n in pool_of(batch()).nodes if n.name == "training-job-role"]
    (trust,) = json.loads(role.properties["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    joins = json.loads(node(batch(), "instance-work").properties["policy"])["Statement"]
    (registers,) = [s for s in joins if "ecs:RegisterContainerInstance" in s["Action"]]
    assert all("ml-dev-fraud-training-compute" in arn for arn in registers["Resource"])


def test_only_own_definitions_go_into_the_own_queue_under_granted_shares_and_own_tags():
    given = batch(quota={"instances": {"g5.xlarge": 4, "g5.12xlarge": 1}, "shares": {"research": 1, "release": 4}})
    into, job = statements(given, "batch:SubmitJob", "research")
    own = {"aws:RequestTag/component": "training", "aws:RequestTag/team": "fraud"}
    share = {"batch:ShareIdentifier": ["research"]}
    assert into["Condition"] == {"StringEquals": own, "StringEqualsIfExists": share}
    assert job["Condition"] == {"StringEquals": {**own, **share}}
    assert all(":ml-dev-fraud-training" in arn.replace("/", ":") for arn in into["Resource"])
    assert address_of(given, "research").shares == ("research",)
    with pytest.raises(InputError, match="no share of this pool"):
        pool_of(given, "nobody")


def test_a_queue_counts_instances_by_type_and_splits_them_by_weight():
    given = queued()
    states = {n.name.removeprefix("training-"): (n.kind, n.desired) for n in pool_of(given).nodes if "Batch" in n.kind}
    assert {kind for kind, _ in states.values()} == {
        "AWS::Batch::ServiceEnvironment",
        "AWS::Batch::SchedulingPolicy",
        "AWS::Batch::JobQueue",
        "AWS::Batch::QuotaShare",
    }
    whole = {"CapacityUnit": "ml.g5.xlarge"}
    assert states["capacity"][1]["CapacityLimits"] == [{**whole, "MaxCapacity": 4}]
    assert states["share-research"][1]["CapacityLimits"] == [{**whole, "MaxCapacity": 1}]
    assert states["share-release"][1]["CapacityLimits"] == [{**whole, "MaxCapacity": 3}]
    assert states["share-release"][1]["ResourceSharingConfiguration"] == {"Strategy": "RESERVE"}
    assert states["queue"][1]["Tags"]["team"] == "fraud"


def test_whoever_goes_by_the_queue_creates_no_job_by_itself():
    assert statements(queued(), "sagemaker:CreateTrainingJob") == []
    assert statements(queued(), "sagemaker:CreateHyperParameterTuningJob") == []
    assert statements(queued(), "sagemaker:CreateProcessingJob") == []
    (submit,) = statements(queued(), "batch:SubmitServiceJob", "release")
    queue = "arn:aws:batch:eu-west-1:123456789012:job-queue/ml-dev-fraud-training"
    assert submit["Resource"][:2] == [queue, f"{queue}/quota-share/release"]
    (role,) = [n for n in pool_of(queued()).nodes if n.name == "training-job-role"]
    (trust,) = json.loads(role.properties["assumeRolePolicy"])["Statement"]
    own = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/AWSBatchml-dev-fraud-training-*"
    assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": own}


def test_a_file_system_shows_a_dataset_and_gives_nothing_back():
    given = TrainingSpec.model_validate({"instance_types": ["ml.g5.xlarge"], "lustre": LUSTRE})
    link = node(given, "lustre-dataset").properties
    assert link["dataRepositoryPath"].endswith("/sales") and "autoExportPolicy" not in link["s3"]
    assert node(given, "lustre").properties["rootSquashConfiguration"] == {"rootSquash": "65534:65534"}
    assert node(given, "lustre-ends").properties["scheduleExpression"] == "at(2027-01-31T00:00:00)"
    for statement in statements(given, "sagemaker:CreateTrainingJob"):
        only = statement["Condition"]["StringEqualsIfExists"]
        assert only["sagemaker:FileSystemAccessMode"] == "ro" and only["sagemaker:FileSystemId"].startswith("fs-")
    assert address_of(given).file_system_path.endswith("/data")


def test_a_persistent_file_system_has_the_lakes_key_and_instances_of_batch_mount_it_to_read():
    lustre = {**LUSTRE, "storage": {"kind": "persistent", "mbps_per_tib": 250}}
    assert node(batch(lustre=lustre), "lustre").properties["kmsKeyId"].startswith("arn:aws:kms:")
    script = base64.b64decode(node(batch(lustre=lustre), "template").properties["userData"]).decode()
    assert "mount -t lustre -o ro," in script
    (mount,) = container(batch(lustre=lustre))["mountPoints"]
    assert mount == {"containerPath": "/data", "readOnly": True, "sourceVolume": "data"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (batch(instance_types=["ml.g5.xlarge"]), "is SageMaker's name, and Batch runs EC2 instances"),
        (TrainingSpec.model_validate({"instance_types": ["g5.xlarge"]}), "SageMaker's begins with ml."),
        (batch(instance_types=["g5.xlarg"]), 'Did you mean "g5.xlarge"?'),
        (batch(instance_types=["trn1.2xlarge"]), "accelerators that Batch hands to no container"),
        (batch(network_isolation=True), "can't be held by Batch: a container uses its instance's network"),
        (batch(vpc=False), "Batch's instances stand in a network"),
        (batch(volume_gib=20), "less than Amazon's image takes"),
        (nodes(2, **SPOT), "runs no multi-node jobs"),
        (batch(**{**SPOT, "spot": {"max_wait_minutes": 2000}}), "no time that Batch waits"),
        (batch({"train": {**TRAIN, "gpus": 8}}), "is more than an allowed type has, 1"),
        (batch({"train": {**TRAIN, "nodes": 2}}, inter_container_encryption=False), "than distributed.most_instances"),
        (nodes(2, quota={"instances": {"p4d.24xlarge": 1}}), "more than the quota lets run, 1"),
        (batch(quota={"instances": {"g5.xlarge": 1}}), "has no g5.12xlarge"),
        (batch(quota={"instances": {"g5.xlarge": 1, "g5.12xlarge": 1, "p3.2xlarge": 1}}), "is no allowed type"),
        (
            batch(quota={"instances": {"g5.xlarge": 12, "g5.12xlarge": 1}, "most_gpus": 16}),
            "less than the 24 GPUs that could run at a time",
        ),
        (queued(quota={"instances": {"ml.g5.xlarge": 1}, "shares": {"a": 1, "b": 9}}), "gets no instance at all"),
        (queued(borrow=True), "without checkpoints loses all work"),
        (queued(quota=None), "has nothing to count"),
        (queued(flavour={"kind": "sagemaker"}), 'Add "queue: {walls: convention}"'),
        (batch(lustre={**LUSTRE, "dataset": "nope"}), "is no dataset of the lake"),
        (batch(lustre={**LUSTRE, "capacity_gib": 2000}), "Use 1200 or a multiple of 2400, say 2400"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_its_reason(given: TrainingSpec, message: str):
    assert message in told(given)


def test_a_flavour_that_nobody_names_is_sagemakers():
    assert TrainingSpec.model_validate({"instance_types": ["ml.g5.xlarge"], "flavour": {}}).flavour.kind == "sagemaker"


def test_programs_are_registered_for_batch_alone():
    with pytest.raises(InputError, match="registers no programs"):
        pool_of(queued(), "register")


def accepted(operation: str, request: dict[str, Any]) -> str:
    model = Session().get_service_model("batch").operation_model(operation)
    return ParamValidator().validate(request, model.input_shape).generate_report()


def test_a_job_of_batch_is_built_from_the_address_alone():
    pool = address_of(batch())
    assert isinstance(pool, BatchPoolAddress)
    job = batch_job(pool, "monday", program="train", parameters={"rate": 0.1})
    assert accepted("SubmitJob", job) == ""
    assert job["jobDefinition"] == "ml-dev-fraud-training-run-train" and job["shareIdentifier"] == "default"
    assert (job["tags"]["team"], job["tags"]["component"]) == ("fraud", "training")
    several = batch_job(address_of(nodes(2)), "monday", program="train")
    assert accepted("SubmitJob", several) == "" and "nodeOverrides" in several
    with pytest.raises(RefusedError, match="other: the pool training runs train; 1 seconds: the pool"):
        batch_job(pool, "x", program="other", max_runtime_seconds=1)


def test_a_job_that_waits_before_sagemaker_is_the_one_that_would_be_created():
    pool = address_of(queued())
    assert isinstance(pool, TrainingPoolAddress)
    request = queued_job(pool, "monday", share="research", image=IMAGE)
    assert accepted("SubmitServiceJob", request) == ""
    payload = json.loads(request["serviceRequestPayload"])
    assert payload["RoleArn"] == pool.role_arn and payload["EnableNetworkIsolation"] is True
    with pytest.raises(RefusedError, match="name a share: the pool training gives you research, release"):
        queued_job(pool, "monday", image=IMAGE)
    with pytest.raises(RefusedError, match="has no queue"):
        queued_job(pool.model_copy(update={"queue": ""}), "monday", image=IMAGE)
