import asyncio
import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from modelyard.assess.graph import UNKNOWN, Graph, Secret, record
from modelyard.core.errors import AccessError, ContractError, InputError, Source
from modelyard.core.source import note_source, note_transformed

# Loading a module of the AWS SDK warns of the old types in it, whoever asks for a new one.


class Store(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, *, child: str | None = None):
        super().__init__("modelyard:test:Store", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(child or f"{name}-bucket", tags={"team": "fraud"}, opts=mine)
        self.versioning = aws.s3.BucketVersioning(
            child or f"{name}-versioning",
            bucket=self.bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=mine,
        )
        self.register_outputs({"arn": self.bucket.arn})


def recorded(program: Any, **options: Any) -> Graph:
    return record(program, **{"project": "shop", "stack": "dev", **options})


def only(graph: Graph, kind: str):
    (node,) = graph.of_type(kind)
    return node


BUCKET = "aws:s3/bucket:Bucket"
ROLE = "aws:iam/role:Role"
GROUP = "aws:cloudwatch/logGroup:LogGroup"


def test_a_component_and_its_children_are_recorded_with_urns_parents_and_dependencies():
    graph = recorded(lambda: Store("lake") and None)
    store, bucket = only(graph, "modelyard:test:Store"), only(graph, BUCKET)
    versioning = only(graph, "aws:s3/bucketVersioning:BucketVersioning")
    assert bucket.urn == "urn:pulumi:dev::shop::modelyard:test:Store$aws:s3/bucket:Bucket::lake-bucket"
    assert bucket.parent == store.urn
    assert graph.root is not None and store.parent == graph.root.urn
    assert versioning.dependencies == (bucket.urn,)
    assert versioning.property_dependencies == {"bucket": (bucket.urn,)}
    assert versioning.properties["versioningConfiguration"] == {"status": "Enabled"}
    assert store.outputs["arn"] == bucket.outputs["arn"]
    assert not store.custom and bucket.custom


def test_grandchildren_carry_the_types_of_all_their_parents_in_the_urn():
    def program() -> None:
        outer = pulumi.ComponentResource("modelyard:test:Outer", "outer")
        Store("inner", pulumi.ResourceOptions(parent=outer))

    bucket = only(recorded(program), BUCKET)
    assert bucket.urn.split("::")[2] == "modelyard:test:Outer$modelyard:test:Store$aws:s3/bucket:Bucket"


def test_stack_outputs_are_recorded_and_secrets_stay_secret():
    def program() -> None:
        pulumi.export("arn", Store("lake").bucket.arn)
        pulumi.export("password", pulumi.Output.secret("hunter2"))

    graph = recorded(program)
    assert graph.outputs["arn"] == only(graph, BUCKET).outputs["arn"]
    assert graph.outputs["password"] == Secret("hunter2")
    assert "hunter2" not in graph.to_json() + repr(graph)


def test_an_async_program_given_to_pulumi_run_is_awaited():
    async def main():
        await asyncio.sleep(0)
        return {"name": Store("lake").bucket.bucket}

    def program() -> None:
        pulumi.run(main)

    assert recorded(program).outputs["name"].startswith("lake-bucket-")


def test_an_async_function_is_a_program_too():
    async def program():
        return {"arn": Store("lake").bucket.arn}

    assert recorded(program).outputs["arn"].startswith("arn:aws:s3:::")


def test_a_secret_input_is_a_secret_and_a_secret_unknown_survives():
    def program() -> None:
        role = aws.iam.Role("reader", assume_role_policy=pulumi.Output.secret("{}"))
        aws.ssm.Parameter("where", type="SecureString", value=pulumi.Output.secret(role.arn))

    graph = recorded(program, preview=True)
    assert only(graph, ROLE).properties["assumeRolePolicy"] == Secret("{}")
    assert only(graph, "aws:ssm/parameter:Parameter").properties["value"] == Secret(UNKNOWN)


def test_in_a_preview_computed_outputs_are_unknown():
    graph = recorded(lambda: Store("lake") and None, preview=True)
    versioning = only(graph, "aws:s3/bucketVersioning:BucketVersioning")
    assert versioning.properties["bucket"] is UNKNOWN
    assert only(graph, BUCKET).outputs["arn"] is UNKNOWN
    assert only(graph, BUCKET).outputs["id"] is UNKNOWN


def test_computed_outputs_are_the_same_in_every_recording():
    def program() -> None:
        store = Store("lake")
        role = aws.iam.Role("reader", path="/teams/", name="fraud-reader", assume_role_policy="{}")
        key = aws.kms.Key("key")
        for name, value in {"bucket": store.bucket.arn, "role": role.arn, "key": key.arn}.items():
            pulumi.export(name, value)

    first = recorded(program, config={"aws:region": "eu-central-1"}, account="111122223333")
    second = recorded(program, config={"aws:region": "eu-central-1"}, account="111122223333")
    assert first == second and first.to_json() == second.to_json()
    assert first.outputs["role"] == "arn:aws:iam::111122223333:role/teams/fraud-reader"
    assert first.outputs["key"].startswith("arn:aws:kms:eu-central-1:111122223333:key/")


def test_a_resource_of_another_provider_speaks_of_that_providers_region_and_account():
    def program() -> None:
        there = aws.Provider("there", region="ap-southeast-2", allowed_account_ids=["999988887777"])
        aws.sns.Topic("alarm", name="alarm", opts=pulumi.ResourceOptions(provider=there))

    graph = recorded(program, config={"aws:region": "us-east-1"})
    topic = only(graph, "aws:sns/topic:Topic")
    assert topic.outputs["arn"] == "arn:aws:sns:ap-southeast-2:999988887777:alarm"
    assert topic.provider == only(graph, "pulumi:providers:aws").urn


def test_options_are_recorded_under_the_names_of_the_state():
    def program() -> None:
        aws.s3.Bucket(
            "kept",
            opts=pulumi.ResourceOptions(
                protect=True,
                retain_on_delete=True,
                ignore_changes=["tags"],
                replace_on_changes=["bucket"],
                delete_before_replace=True,
                aliases=[pulumi.Alias(name="old")],
                custom_timeouts=pulumi.CustomTimeouts(create="5m"),
                import_="kept-in-aws",
            ),
        )

    bucket = only(recorded(program), BUCKET)
    assert bucket.options == {
        "protect": True,
        "retainOnDelete": True,
        "ignoreChanges": ["tags"],
        "replaceOnChanges": ["bucket"],
        "deleteBeforeReplace": True,
        "aliases": [
            "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::old",
            "urn:pulumi:dev::shop::aws:s3/bucketV2:BucketV2::kept",
        ],
        "customTimeouts": {"create": "5m"},
        "importId": "kept-in-aws",
    }
    assert bucket.outputs["id"] == "kept-in-aws"


def test_a_stack_reference_is_answered_by_another_recording():
    def platform() -> None:
        pulumi.export("vpc", aws.ec2.Vpc("network", cidr_block="10.0.0.0/16").id)
        pulumi.export("token", pulumi.Output.secret("t0"))

    def team() -> None:
        reference = pulumi.StackReference("organization/platform/dev")
        aws.ec2.Subnet("mine", vpc_id=reference.require_output("vpc"), cidr_block="10.0.1.0/24")
        pulumi.export("token", reference.require_output("token"))
        pulumi.export("vpc", reference.require_output("vpc"))

    def resolve() -> Graph:
        return record(platform, project="platform", stack="dev")

    graph = recorded(team, stack_references={"platform/dev": resolve})
    assert only(graph, "aws:ec2/subnet:Subnet").properties["vpcId"] == resolve().outputs["vpc"]
    assert graph.outputs["token"] == Secret("t0")
    assert graph.outputs["vpc"].startswith("vpc-"), "an output that is no secret beside one that is stays plain"


def test_a_stack_reference_that_nobody_answers_is_a_contract_error():
    def program() -> None:
        pulumi.export("vpc", pulumi.StackReference("organization/platform/dev").get_output("vpc"))

    with pytest.raises(ContractError, match="platform/dev"):
        recorded(program)


def test_invokes_that_the_recorder_knows_are_answered():
    def program() -> None:
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("region", aws.get_region_output().region)
        pulumi.export("zones", aws.get_availability_zones_output(state="available").names)
        pulumi.export("partition", aws.get_partition().partition)
        pulumi.export("vpc", aws.ec2.get_vpc_output(id="vpc-1").id)
        pulumi.export("subnet", aws.ec2.get_subnet(id="subnet-1").id)
        pulumi.export("subnets", aws.ec2.get_subnets().ids)

    outputs = recorded(program, config={"aws:region": "eu-west-1"}).outputs
    assert outputs["account"] == "123456789012"
    assert outputs["region"] == "eu-west-1"
    assert outputs["zones"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert outputs["partition"] == "aws"
    assert outputs["vpc"] == "vpc-1" and outputs["subnet"] == "subnet-1"
    assert len(set(outputs["subnets"])) == 3


def test_a_policy_document_is_really_rendered():
    def program() -> None:
        arn: Any = aws.s3.Bucket("lake", bucket="lake").arn
        document = aws.iam.get_policy_document_output(
            statements=[
                {
                    "sid": "Read",
                    "actions": ["s3:GetObject", "s3:ListBucket"],
                    "resources": [arn],
                    "principals": [{"type": "Service", "identifiers": ["glue.amazonaws.com"]}],
                    "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}],
                }
            ]
        )
        pulumi.export("document", document.json)

    document = json.loads(recorded(program).outputs["document"])
    (statement,) = document["Statement"]
    assert document["Version"] == "2012-10-17"
    assert statement == {
        "Sid": "Read",
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": "arn:aws:s3:::lake",
        "Principal": {"Service": "glue.amazonaws.com"},
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }


def test_an_invoke_without_an_answer_names_its_token_and_where_it_was_asked():
    def program() -> None:
        aws.ec2.get_ami(owners=["amazon"])

    with pytest.raises(InputError, match="aws:ec2/getAmi:getAmi") as caught:
        recorded(program)
    (fault,) = caught.value.faults
    assert fault.source is not None
    assert fault.source.file.endswith("test_graph_recorder.py")
    assert fault.source.line == program.__code__.co_firstlineno + 1


def test_the_output_form_of_an_unanswered_invoke_names_its_call_site_too():
    def program() -> None:
        pulumi.export("ami", aws.ec2.get_ami_output(owners=["amazon"]).id)

    with pytest.raises(InputError) as caught:
        recorded(program)
    (fault,) = caught.value.faults
    assert fault.source is not None
    assert fault.source.line == program.__code__.co_firstlineno + 1


def test_answers_to_invokes_can_be_given():
    def program() -> None:
        pulumi.export("ami", aws.ec2.get_ami(owners=["amazon"]).id)

    assert recorded(program, invokes={"aws:ec2/getAmi:getAmi": {"id": "ami-1"}}).outputs["ami"] == "ami-1"
    by_place = recorded(program, invokes={"getAmi": lambda args, place: {"id": f"ami-{place.region}"}})
    assert by_place.outputs["ami"] == "ami-us-east-1"


def test_a_resource_knows_the_line_that_made_it():
    def program() -> None:
        aws.s3.Bucket("lake")

    source = only(recorded(program), BUCKET).source
    assert source is not None
    assert source.file.endswith("test_graph_recorder.py")
    assert source.line == program.__code__.co_firstlineno + 1


def test_children_carry_the_place_that_their_component_names():
    written = Source("stacks/teams/fraud.yaml", "data", 7, 1)

    def program() -> None:
        note_source("modelyard:test:Store", "lake", written)
        note_transformed(BUCKET, "lake-bucket", frozenset({"tags"}))
        Store("lake")

    bucket = only(recorded(program), BUCKET)
    assert bucket.source == written
    assert bucket.transformed == ("tags",)


def test_transforms_run_as_the_engine_runs_them_own_then_parents_then_the_stacks():
    order: list[str] = []

    def add(word: str):
        def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
            props: Any = args.props
            if args.type_ != GROUP:
                return None
            order.append(word)
            tags = {**props.get("tags", {}), word: "yes"}
            return pulumi.ResourceTransformResult({**props, "tags": tags}, args.opts)

        return transform

    def program() -> None:
        pulumi.runtime.register_resource_transform(add("stack"))
        parent = pulumi.ComponentResource(
            "modelyard:test:Parent", "parent", None, pulumi.ResourceOptions(transforms=[add("parent")])
        )
        aws.cloudwatch.LogGroup(
            "log", opts=pulumi.ResourceOptions(parent=parent, transforms=[add("own")], protect=True)
        )

    group = only(recorded(program), GROUP)
    assert order == ["own", "parent", "stack"]
    assert group.properties["tags"] == {"own": "yes", "parent": "yes", "stack": "yes"}
    assert group.transformed == ("tags",)
    assert group.options == {"protect": True}
    assert group.parent is not None


def test_an_error_in_a_transform_comes_through():
    def refuse(args: pulumi.ResourceTransformArgs) -> None:
        raise AccessError("not this one")

    def program() -> None:
        aws.s3.Bucket("lake", opts=pulumi.ResourceOptions(transforms=[refuse]))

    with pytest.raises(AccessError, match="not this one"):
        recorded(program)


def test_transformations_run_as_well():
    def name_it(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        assert isinstance(args.props, dict)
        return pulumi.ResourceTransformationResult({**args.props, "bucket": "renamed"}, args.opts)

    def program() -> None:
        aws.s3.Bucket("lake", opts=pulumi.ResourceOptions(transformations=[name_it]))

    assert only(recorded(program), BUCKET).properties["bucket"] == "renamed"


def test_a_resource_that_is_read_is_external():
    def program() -> None:
        pulumi.export("arn", aws.iam.Role.get("theirs", "admin", name="admin").arn)

    graph = recorded(program)
    assert only(graph, ROLE).external
    assert graph.outputs["arn"] == "arn:aws:iam::123456789012:role/admin"


class _SaysNothing:
    """As libraries put in the place of a module that isn't there: whatever one asks it, it raises."""

    def __getattribute__(self, name: str) -> object:
        raise ImportError(name)


def test_a_program_that_fails_says_why_whatever_else_lives_in_the_process():
    kept = _SaysNothing()

    def program() -> None:
        raise ValueError("this is why")

    with pytest.raises(ValueError, match="this is why"):
        record(program, project="p", stack="s", region="eu-west-1")
    del kept
