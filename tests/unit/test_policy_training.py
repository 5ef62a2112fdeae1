"""Rules on training: where jobs are written, what permissions must ask for, and which machines cost how long."""

from __future__ import annotations

import json
from typing import Any

from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.engine import Verdict, judge
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.rules.training import machine
from modelyard.assess.policy.subject import Surroundings
from modelyard.assess.policy.types import (
    APP,
    BATCH_ENVIRONMENT,
    BATCH_LIMITS,
    DOMAIN,
    ENDPOINT_CONFIGURATION,
    INSTANCE,
    NOTEBOOK,
    PIPELINE,
    POLICY,
    ROLE,
    ROLE_POLICY,
    ROLE_POLICY_ATTACHMENT,
    SERVICE_QUOTA,
    STATE_MACHINE,
    TRAINING_JOB,
    TUNING_JOB,
    USER_PROFILE,
)

PRODUCTION = Surroundings(environment="prod", production=True, region="eu-west-1", account="111122223333", team="fraud")
RULES = {rule.id: rule for rule in CATALOGUE}
CREATE = "sagemaker:CreateTrainingJob"
ISOLATION = "sagemaker:NetworkIsolation"
VIOLATED, UNDECIDED = Verdict.VIOLATED, Verdict.UNDECIDED


ROLES = (part(ROLE, "role", assumeRolePolicy="{}"), part(ROLE, "other", assumeRolePolicy="{}"))


def found(rule: str, *parts: Part, around: Surroundings = PRODUCTION) -> list[Verdict]:
    return [result.verdict for result in judge(graph_of([*ROLES, *parts]), [RULES[rule]], around).results]


def problems(rule: str, *parts: Part) -> list[str]:
    return [result.problem for result in judge(graph_of(parts), [RULES[rule]], PRODUCTION).results]


def policy(*statements: dict[str, Any], name: str = "policy") -> Part:
    return part(ROLE_POLICY, name, role=Of("role"), policy=json.dumps({"Statement": list(statements)}))


def allow(action: str = CREATE, resource: str = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def deny(action: str = CREATE, **condition: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition}


def states(**found: Any) -> Part:
    return part(STATE_MACHINE, definition=json.dumps({"States": found}))


def task(kind: str = "Training", said: str = "Parameters", **values: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:sagemaker:create{kind}Job", said: values}


# Where jobs are written


def test_a_job_inside_a_branch_or_a_map_is_found():
    inner = {"States": {"Train": task()}}
    assert found("training-network-isolation", states(Both={"Type": "Parallel", "Branches": [inner]})) == [VIOLATED]
    assert found("training-network-isolation", states(All={"Type": "Map", "ItemProcessor": inner})) == [VIOLATED]


def test_what_an_execution_tells_is_undecided():
    assert found(
        "training-network-isolation", machine(**{"EnableNetworkIsolation": None, "EnableNetworkIsolation.$": "$.i"})
    ) == [UNDECIDED]
    said = task(said="Arguments", EnableNetworkIsolation="{% $isolated %}")
    assert found("training-network-isolation", states(Train=said)) == [UNDECIDED]


def test_an_undecided_job_hides_no_other():
    open_ = task(**{"EnableNetworkIsolation.$": "$.i"})
    assert sorted(found("training-network-isolation", states(A=open_, B=task()))) == [UNDECIDED, VIOLATED]


def test_a_definition_that_nobody_knows_is_undecided():
    assert found("training-network-isolation", part(STATE_MACHINE, definition=UNKNOWN)) == [UNDECIDED]
    assert found("training-network-isolation", part(STATE_MACHINE, definition="StartAt: Train")) == [UNDECIDED]


def test_steps_of_a_pipeline_are_jobs_and_its_parameters_are_not_known():
    def pipeline(isolated: Any) -> Part:
        train = {"Name": "t", "Type": "Training", "Arguments": {"EnableNetworkIsolation": isolated}}
        either = {"Name": "c", "Type": "Condition", "Arguments": {"IfSteps": [train], "ElseSteps": []}}
        return part(PIPELINE, pipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [either]}))

    assert found("training-network-isolation", pipeline(True)) == []
    assert found("training-network-isolation", pipeline(False)) == [VIOLATED]
    assert found("training-network-isolation", pipeline({"Get": "Parameters.Isolated"})) == [UNDECIDED]


def test_a_search_is_judged_by_its_definitions():
    tuning = part(TUNING_JOB, trainingJobDefinitions=[{"enableNetworkIsolation": True}, {"roleArn": "r"}])
    assert found("training-network-isolation", tuning) == [VIOLATED]
    search = task("HyperParameterTuning", TrainingJobDefinition={"EnableNetworkIsolation": True})
    assert found("training-network-isolation", states(Search=search)) == []


def test_processing_may_call_out_and_must_end():
    process = task("Processing", NetworkConfig={"EnableNetworkIsolation": False})
    assert found("training-network-isolation", states(Fill=process)) == []
    assert found("max-runtime-set", states(Fill=process)) == [VIOLATED]


# What a job says


def test_a_subnet_of_the_network_is_known_to_be_one_before_it_has_an_id():
    config = {"subnets": [Of("subnet")], "securityGroupIds": ["sg-1"]}
    subnet = part("aws:ec2/subnet:Subnet", "subnet", vpcId="vpc-1")
    assert found("training-in-vpc", subnet, part(TRAINING_JOB, trainingJobName="t", vpcConfig=config)) == []


def test_one_instance_has_nobody_to_talk_to():
    def resources(count: int) -> dict[str, Any]:
        return {"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": count, "VolumeKmsKeyId": "k"}}

    assert (
        found("intercontainer-encryption", machine(EnableInterContainerTrafficEncryption=False, **resources(1))) == []
    )
    assert found("intercontainer-encryption", machine(EnableInterContainerTrafficEncryption=False, **resources(2))) == [
        VIOLATED
    ]


def test_instances_of_several_groups_talk_to_each_other():
    groups = [
        {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
    ]
    job = machine(EnableInterContainerTrafficEncryption=False, ResourceConfig={"InstanceGroups": groups})
    assert found("intercontainer-encryption", job) == [VIOLATED]


def test_local_disks_encrypt_themselves():
    assert found("training-volume-kms", machine(ResourceConfig={"InstanceType": "ml.g5.xlarge"})) == []
    assert found("training-volume-kms", machine(ResourceConfig={"InstanceType": "ml.m5.xlarge"})) == [VIOLATED]


def test_a_reason_is_as_good_as_spare_capacity():
    reason = {"Key": "on-demand", "Value": "ends within minutes"}
    assert found("spot-or-justified", machine(EnableManagedSpotTraining=False, Tags=[reason])) == []
    assert found("spot-or-justified", machine(EnableManagedSpotTraining=False, Tags=[{**reason, "Value": ""}])) == [
        VIOLATED
    ]


def test_checkpoints_are_asked_for_on_spare_capacity_alone():
    assert found("checkpoint-when-spot", machine(CheckpointConfig=None, EnableManagedSpotTraining=False)) == []


# What permissions must ask for


def test_a_permission_must_ask_for_isolation_as_true():
    assert found("training-network-isolation", policy(allow(Bool={ISOLATION: "true"}))) == []
    assert found("training-network-isolation", policy(allow(Bool={ISOLATION: ["true", "false"]}))) == [VIOLATED]
    assert found("training-network-isolation", policy(allow(BoolIfExists={ISOLATION: "true"}))) == [VIOLATED]


def test_a_condition_on_all_of_no_values_asks_for_nothing():
    every: dict[str, Any] = {"ForAllValues:StringEquals": {"sagemaker:VpcSubnets": ["subnet-1"]}}
    assert found("training-in-vpc", policy(allow(**every))) == [VIOLATED]
    assert found("training-in-vpc", policy(allow(**every, Null={"sagemaker:VpcSubnets": "false"}))) == []


def test_a_wildcard_lets_jobs_start_too_and_other_resources_of_the_service_do_not():
    assert found("training-in-vpc", policy(allow("sagemaker:*"))) == [VIOLATED]
    assert found("training-in-vpc", policy(allow("sagemaker:*", "arn:aws:sagemaker:*:*:*/fraud-*"))) == [VIOLATED]
    assert found("training-in-vpc", policy(allow("sagemaker:*", "arn:aws:sagemaker:*:*:endpoint/fraud-*"))) == []


def test_a_denial_asks_as_well_beside_the_permission_or_in_another_policy_of_the_role():
    without = deny(Null={"sagemaker:VpcSubnets": "true"})
    assert found("training-in-vpc", policy(allow(), without)) == []
    assert found("training-in-vpc", policy(allow()), policy(without, name="denials")) == []
    outside = deny(BoolIfExists={ISOLATION: "false"})
    assert found("training-network-isolation", policy(allow()), policy(outside, name="denials")) == []


def test_a_denial_with_more_conditions_leaves_a_way_around():
    narrow = deny(Null={"sagemaker:VpcSubnets": "true"}, StringEquals={"aws:PrincipalTag/x": "y"})
    assert found("training-in-vpc", policy(allow(), narrow)) == [VIOLATED]


def test_who_is_denied_training_may_be_allowed_everything_else():
    every = deny("sagemaker:Create*Job")
    assert found("training-in-vpc", policy(allow("sagemaker:*")), policy(every, name="denials")) == []
    assert found("gpu-quota-per-team", policy(allow("sagemaker:*")), policy(every, name="denials")) == []


def test_a_policy_of_two_roles_must_be_limited_for_both():
    shared = part(POLICY, "shared", policy=json.dumps({"Statement": [allow()]}))
    both = [
        part(ROLE_POLICY_ATTACHMENT, f"{r.name}-has", role=Of(r.name), policyArn=Of("shared", "arn")) for r in ROLES
    ]
    denial = policy(deny(Null={"sagemaker:VpcSubnets": "true"}), name="denials")
    assert found("training-in-vpc", shared, both[0], denial) == []
    assert found("training-in-vpc", shared, *both, denial) == [VIOLATED]


def test_permissions_for_types_with_local_disks_need_no_key():
    local: dict[str, Any] = {"ForAnyValue:StringEquals": {"sagemaker:InstanceTypes": ["ml.g5.xlarge"]}}
    assert found("training-volume-kms", policy(allow(**local))) == []
    assert found("training-volume-kms", policy(allow())) == [VIOLATED]


def test_a_longest_run_may_be_any_number():
    assert found("max-runtime-set", policy(allow(NumericLessThanEquals={"sagemaker:MaxRuntimeInSeconds": "60"}))) == []


# Dear machines


def test_a_tag_for_the_end_is_asked_of_dear_machines_alone():
    assert found("gpu-ttl-tag", part(INSTANCE, instanceType="m5.large")) == []
    assert found("gpu-ttl-tag", part(NOTEBOOK, instanceType="ml.p3.2xlarge")) == [VIOLATED]
    assert found("gpu-ttl-tag", part(APP, resourceSpec={"instanceType": "ml.g4dn.xlarge"})) == [VIOLATED]
    assert found("gpu-ttl-tag", part(INSTANCE, instanceType=UNKNOWN)) == [UNDECIDED]


def test_a_family_that_nobody_has_listed_yet_is_told_by_its_name():
    assert found("gpu-ttl-tag", part(INSTANCE, instanceType="p99.48xlarge")) == [VIOLATED]


def test_a_compute_environment_that_goes_down_to_nothing_neither_stands_nor_idles():
    def environment(least: int) -> Part:
        return part(BATCH_ENVIRONMENT, computeResources={"instanceTypes": ["g5"], "minVcpus": least, "maxVcpus": 8})

    for rule in ("gpu-ttl-tag", "gpu-idle-shutdown"):
        assert found(rule, environment(0)) == []
        assert found(rule, environment(4)) == [VIOLATED]


def test_every_kind_of_app_must_stop_when_idle():
    stops = {"appLifecycleManagement": {"idleSettings": {"lifecycleManagement": "ENABLED"}}}
    assert found("gpu-idle-shutdown", part(DOMAIN, defaultUserSettings={"jupyterLabAppSettings": stops})) == [VIOLATED]


def test_a_profile_that_says_nothing_does_as_its_domain_and_may_not_take_it_back():
    stands = {"appLifecycleManagement": {"idleSettings": {"lifecycleManagement": "DISABLED"}}}
    assert found("gpu-idle-shutdown", part(USER_PROFILE, userProfileName="ada")) == []
    assert found("gpu-idle-shutdown", part(USER_PROFILE, userSettings={"jupyterLabAppSettings": stands})) == [VIOLATED]


def test_a_queue_with_limits_or_a_quota_of_the_account_bounds_gpus():
    may = policy(allow(StringEquals={"sagemaker:InstanceTypes": ["ml.g5.xlarge"]}))
    assert found("gpu-quota-per-team", may) == [VIOLATED]
    assert found("gpu-quota-per-team", policy(allow())) == [VIOLATED], "any type may be asked for"
    quota = part(SERVICE_QUOTA, "quota", serviceCode="sagemaker", quotaCode="L-1", value=2)
    assert found("gpu-quota-per-team", may, quota) == []
    control = "aws:cloudcontrol/resource:Resource"
    limits = part(control, "limits", typeName=BATCH_LIMITS, desiredState=json.dumps({"CapacityLimits": []}))
    assert problems("gpu-quota-per-team", limits) == ["is a queue without a limit"]


def test_a_type_is_refused_where_it_is_not_sold_and_for_what_it_is_not_taken():
    def job(kind: str) -> Part:
        return part(TRAINING_JOB, resourceConfig={"instanceType": kind})

    assert problems("instance-available-in-region", job("ml.c5.large")) == [
        "asks for ml.c5.large, which SageMaker doesn't take for training"
    ]
    assert found("instance-available-in-region", job("ml.q9.huge")) == [UNDECIDED], "the catalogue doesn't know it"
    nowhere = Surroundings(environment="prod")
    assert found("instance-available-in-region", job("ml.m5.xlarge"), around=nowhere) == [UNDECIDED]


def test_an_endpoint_without_machines_of_its_own_asks_for_none():
    variants = [{"variantName": "a", "serverlessConfig": {"maxConcurrency": 1, "memorySizeInMb": 1024}}]
    assert found("instance-available-in-region", part(ENDPOINT_CONFIGURATION, productionVariants=variants)) == []
    assert found(
        "instance-available-in-region",
        part(ENDPOINT_CONFIGURATION, productionVariants=[{"instanceType": "ml.p4de.24xlarge"}]),
    ) == [VIOLATED]


# Notebooks


def test_what_a_notebook_does_not_say_is_what_aws_takes_for_it():
    bare = part(NOTEBOOK, instanceType="ml.t3.medium")
    for rule in ("notebook-no-internet", "notebook-vpc", "notebook-no-root", "notebook-imdsv2"):
        assert found(rule, bare) == [VIOLATED], rule


def test_a_subnet_that_is_made_beside_a_notebook_is_one():
    subnet = part("aws:ec2/subnet:Subnet", "subnet", vpcId="vpc-1")
    assert found("notebook-vpc", subnet, part(NOTEBOOK, subnetId=Of("subnet"))) == []
