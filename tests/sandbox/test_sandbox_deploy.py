"""`modelyard.testing.deploy`: a program's life in moto, in this process."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pulumi_aws as aws
import pytest

from modelyard.core.errors import DeploymentError, EmulatorError
from modelyard.testing import deploy
from modelyard_sandbox import inprocess


def lake(days: int = 30, bucket: str | None = None) -> Callable[[], None]:
    def program() -> None:
        made = aws.s3.Bucket("lake", bucket=bucket)
        aws.s3.BucketLifecycleConfiguration(
            "ageing",
            bucket=made.id,
            rules=[{"id": "x", "status": "Enabled", "filter": {"prefix": "x/"}, "expiration": {"days": days}}],
        )
        pulumi.export("bucket", made.bucket)

    return program


def done(operations: object) -> dict[str, str]:
    assert isinstance(operations, dict)
    return {urn.rpartition("::")[2]: operation for urn, operation in operations.items()}


def test_what_was_deployed_answers_boto3() -> None:
    with deploy(lake(), region="eu-west-1") as stack:
        bucket = stack.outputs["bucket"]
        rules = stack.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert rules[0]["Expiration"] == {"Days": 30}
        assert stack.resource("lake").properties["region"] == "eu-west-1"


def test_the_same_program_again_changes_nothing() -> None:
    with deploy(lake()) as stack:
        stack.update(lake())
        assert done(stack.operations) == {"lake": "same", "ageing": "same"}


def test_one_change_updates_one_resource() -> None:
    with deploy(lake(30)) as stack:
        stack.update(lake(60))
        assert done(stack.operations) == {"lake": "same", "ageing": "update"}


def test_a_replacement_takes_its_dependents_along_and_the_old_one_goes() -> None:
    with deploy(lake(bucket="the-old-lake")) as stack:
        stack.update(lake(bucket="the-new-lake"))
        assert done(stack.operations) == {"lake": "replace", "ageing": "replace"}
        assert [found["Name"] for found in stack.client("s3").list_buckets()["Buckets"]] == ["the-new-lake"]


def test_what_the_program_no_longer_wants_is_deleted_and_destroy_leaves_nothing() -> None:
    with deploy(lake()) as stack:
        stack.update(lambda: None)
        assert set(stack.operations.values()) == {"delete"}
        stack.update(lake())
        stack.destroy()
        assert not stack.resources
        assert stack.client("s3").list_buckets()["Buckets"] == []


def test_providers_of_two_regions_are_told_apart() -> None:
    def program() -> None:
        west = aws.Provider("west", region="us-west-2")
        here = aws.s3.Bucket("here")
        there = aws.s3.Bucket("there", opts=pulumi.ResourceOptions(provider=west))
        pulumi.export("regions", [here.region, there.region])

    with deploy(program, region="eu-west-1") as stack:
        assert stack.outputs["regions"] == ["eu-west-1", "us-west-2"]


def test_an_async_program_and_its_returned_outputs_are_taken() -> None:
    async def program() -> dict[str, pulumi.Output[str]]:
        return {"account": aws.get_caller_identity_output().account_id}

    with deploy(program) as stack:
        assert stack.outputs == {"account": "123456789012"}


def test_another_stacks_outputs_are_given() -> None:
    def program() -> None:
        pulumi.export("vpc", pulumi.StackReference("organization/platform/dev").get_output("vpc"))

    with deploy(program, stack_references={"platform/dev": {"vpc": "vpc-1"}}) as stack:
        assert stack.outputs == {"vpc": "vpc-1"}


def test_what_fails_is_reported_and_moto_is_gone() -> None:
    def program() -> None:
        aws.s3.Bucket("lake", bucket="Not_A_Bucket")

    with pytest.raises(DeploymentError, match="bucket"):
        deploy(program)


def test_an_emulator_that_is_not_installed_is_named() -> None:
    with pytest.raises(EmulatorError, match='no emulator "floci"'):
        deploy(lambda: None, emulator="floci")


def test_a_refresh_sees_what_somebody_changed_and_the_next_run_puts_it_right() -> None:
    with inprocess.deploy(lake(bucket="the-lake")) as stack:
        stack.refresh()
        assert done(stack.operations) == {"lake": "same", "ageing": "same"}
        stack.client("s3").put_bucket_tagging(Bucket="the-lake", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        stack.client("s3").delete_bucket_lifecycle(Bucket="the-lake")
        stack.refresh()
        assert done(stack.operations) == {"lake": "update", "ageing": "delete"}
        stack.update(lake(bucket="the-lake"))
        assert done(stack.operations) == {"lake": "update", "ageing": "create"}


def test_the_calls_of_a_run_are_told_with_what_they_were_made_for_and_those_that_only_refuse_are_not() -> None:
    with inprocess.deploy(lake(bucket="the-lake")) as stack:
        made = [(call.operation, call.urn.rpartition("::")[2], call.step) for call in stack.calls]
        assert made[0] == ("CreateBucket", "lake", "create")
        assert ("PutBucketLifecycleConfiguration", "ageing", "create") in made
        assert stack.calls[0].service == "s3" and stack.calls[0].parameters["Bucket"] == "the-lake"
        stack.client("s3").list_buckets()
        stack.destroy()
        made = [(call.operation, call.urn.rpartition("::")[2], call.step) for call in stack.calls]
        assert made == [("DeleteBucketLifecycle", "ageing", "delete"), ("DeleteBucket", "lake", "delete")]


def test_a_program_waits_for_all_parameters_directly_below_a_path() -> None:
    def program() -> dict[str, int]:
        found = aws.ssm.get_parameters_by_path(path="/modelyard/champions", with_decryption=False)
        return {"found": len(found.names), "values": len([value for value in found.values if value == "{}"])}

    with deploy(lambda: None) as stack:
        assert stack.update(program).outputs["found"] == 0
        for number in range(12):
            stack.client("ssm").put_parameter(Name=f"/modelyard/champions/{number}", Value="{}", Type="String")
        stack.client("ssm").put_parameter(Name="/modelyard/champions/deeper/1", Value="{}", Type="String")
        stack.client("ssm").put_parameter(Name="/modelyard/shapes/1", Value="{}", Type="String")
        assert stack.update(program).outputs == {"found": 12, "values": 12}
