"""Which endpoints and models `yard access` finds in a graph, however they were made, and who can use them."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws
import pytest

from modelyard.assess.access import collect, uses
from modelyard.assess.graph import Graph, record
from modelyard.core.access import Statement, trust_service
from modelyard.core.context import Context
from modelyard.core.errors import InputError
from modelyard.core.identity import Role
from modelyard.operate.access import access_of

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
ENDPOINT = CONTEXT.arn("sagemaker", "endpoint/{}")


class _Thing:
    component = "thing"


def graph_of(*asked: Statement, controlled: bool = False) -> Graph:
    """One endpoint called `score` of the make, and a role that may do what is asked."""

    def program() -> None:
        trusted = [trust_service("lambda.amazonaws.com", context=CONTEXT)]
        role = Role("caller", context=CONTEXT, trusted=trusted, description="calls")
        if asked:
            role.allow(_Thing(), "use", list(asked))
        capture = {"EnableCapture": True, "DestinationS3Uri": "s3://captured/calls/"}
        aws.cloudwatch.LogGroup("logs", name="logs")
        if controlled:
            for role_, kind, said in (
                ("config", "EndpointConfig", {"EndpointConfigName": "score", "DataCaptureConfig": capture}),
                ("score", "Endpoint", {"EndpointName": "score", "EndpointConfigName": "score"}),
            ):
                aws.cloudcontrol.Resource(
                    role_, type_name=f"AWS::SageMaker::{kind}", desired_state=pulumi.Output.json_dumps(said)
                )
            return
        config = aws.sagemaker.EndpointConfiguration(
            "config", name="score", production_variants=[{"variant_name": "main", "model_name": "m"}]
        )
        aws.sagemaker.Endpoint("score", name="score", endpoint_config_name=config.name)

    return record(program, project="p", stack="s", region="eu-west-1", account="123456789012")


INVOKE = Statement(("sagemaker:InvokeEndpoint",), (ENDPOINT.format("score"),))


def test_who_calls_is_found_for_an_endpoint_of_pulumi_awss():
    graph = graph_of(INVOKE)
    (found,) = uses(collect(graph), graph)
    assert (found.kind, found.name, found.arn) == ("endpoint", "score", ENDPOINT.format("score"))
    assert [user.identity.name for user in found.uses["invoke"]] == ["ml-dev-fraud-caller"]
    assert "read what was captured" not in found.uses, "it captures nothing"


def test_a_use_of_nobodys_is_told_as_one():
    graph = graph_of(Statement(("sagemaker:InvokeEndpoint",), (ENDPOINT.format("other"),)))
    (found,) = uses(collect(graph), graph)
    assert dict(found.uses) == {"invoke": (), "deploy": ()}


def test_a_grant_on_a_condition_is_told_as_one():
    asked = Statement(INVOKE.actions, INVOKE.resources, {"StringEquals": {"sagemaker:TargetVariant": "main"}})
    graph = graph_of(asked)
    (found,) = uses(collect(graph), graph)
    assert [user.conditional for user in found.uses["invoke"]] == [True]


@pytest.mark.parametrize(("prefix", "reads"), [("calls/*", True), ("others/*", False)])
def test_who_reads_captures_is_found_for_an_endpoint_of_cloud_controls(prefix: str, reads: bool):
    graph = graph_of(Statement(("s3:GetObject",), (f"arn:aws:s3:::captured/{prefix}",)), controlled=True)
    found = uses(collect(graph), graph)
    if not found:
        pytest.fail("the endpoint isn't found")
    assert bool(found[0].uses["read what was captured"]) is reads


def test_a_name_that_is_nothing_is_told_with_what_there_is():
    graph = graph_of(INVOKE)
    found = access_of("fraud", "dev", Graph("p", "s", ()), graph)
    assert [thing["name"] for thing in found.of("score").as_json()["things"]] == ["score"]
    assert json.loads(json.dumps(found.as_json()))["things"][0]["uses"]["deploy"] == []
    with pytest.raises(InputError, match=r"is no endpoint and no model of fraud in dev; there are: score \(endpoint\)"):
        found.of("scores")
