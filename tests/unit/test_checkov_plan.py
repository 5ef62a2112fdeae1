"""A graph as a Terraform plan: names, blocks, references, and nothing that is secret or that nobody knows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from modelyard.assess.bridges.kubernetes import write_manifests
from modelyard.assess.bridges.terraform import plan_of, write_plan
from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.policy.examples import Of, Part, graph_of, part
from modelyard.assess.policy.profiles import unknown_rules
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.waivers import Waiver, WaiversSpec, unused
from modelyard.blueprints.enforcement import PolicySpec

BUCKET = "aws:s3/bucket:Bucket"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


def values(kind: str, **properties: Any) -> dict[str, Any]:
    (resource,) = plan_of(graph_of([part(kind, **properties)])).document["planned_values"]["root_module"]["resources"]
    return resource["values"]


def written(document: Any, address: str, where: str = "resource_changes") -> Any:
    listed = document[where] if where == "resource_changes" else document[where]["root_module"]["resources"]
    (found,) = [each for each in listed if each["address"] == address]
    return found


@pytest.mark.parametrize(
    ("token", "terraform"),
    [
        (BUCKET, "aws_s3_bucket"),
        ("aws:cloudtrail/trail:Trail", "aws_cloudtrail"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "aws_vpc_endpoint"),
        ("aws:apigateway/restApi:RestApi", "aws_api_gateway_rest_api"),
        ("aws:rds/instance:Instance", "aws_db_instance"),
        ("aws:cloudwatch/eventRule:EventRule", "aws_cloudwatch_event_rule"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws_iam_role_policy_attachment"),
    ],
)
def test_a_type_has_the_name_that_terraform_gives_it(token: str, terraform: str):
    assert list(plan_of(graph_of([part(token)])).nodes) == [f"{terraform}.it"]


def test_a_block_is_a_list_of_one_and_a_list_of_blocks_is_named_in_the_singular():
    encryption = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}
    assert values(ENCRYPTION, bucket="b", rules=[encryption]) == {
        "bucket": "b",
        "rule": [
            {"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}], "bucket_key_enabled": True}
        ],
    }


def test_a_block_that_terraform_names_in_the_plural_stays_so():
    variant = {"variantName": "main", "modelName": "m", "initialInstanceCount": 2}
    found = values("aws:sagemaker/endpointConfiguration:EndpointConfiguration", productionVariants=[variant])
    assert found["production_variants"] == [{"variant_name": "main", "model_name": "m", "initial_instance_count": 2}]


def test_a_map_keeps_the_keys_that_its_author_chose():
    found = values(
        "aws:lambda/function:Function",
        name="f",
        environment={"variables": {"someName": "x"}},
        tags={"managedBy": "modelyard"},
    )
    assert found == {
        "function_name": "f",
        "environment": [{"variables": {"someName": "x"}}],
        "tags": {"managedBy": "modelyard"},
    }


def test_what_comes_from_another_resource_is_a_reference_and_a_text_that_holds_it_stays_a_text():
    policy = json.dumps({"Resource": "arn:example:raw/*"})
    graph = graph_of(
        [
            part(BUCKET, "raw", bucket="ml-raw"),
            part("aws:s3/bucketVersioning:BucketVersioning", "versions", bucket=Of("raw")),
            part("aws:s3/bucketPolicy:BucketPolicy", "policy", bucket=Of("raw"), policy=policy),
        ]
    )
    document = plan_of(graph).document
    versions = written(document, "aws_s3_bucket_versioning.versions")["change"]
    assert versions["after"] == {} and versions["after_unknown"] == {"bucket": True}
    configured = written(document, "aws_s3_bucket_versioning.versions", "configuration")
    assert configured["expressions"]["bucket"]["references"] == ["aws_s3_bucket.raw.id", "aws_s3_bucket.raw"]
    assert written(document, "aws_s3_bucket_policy.policy")["change"]["after"] == {"policy": policy}


def test_what_is_secret_is_not_written_and_what_nobody_knows_is_marked(tmp_path: Path):
    graph = graph_of(
        [
            part(
                "aws:lambda/function:Function",
                environment={"variables": {"PASSWORD": Secret("canary-2f1e")}},
                kmsKeyArn=UNKNOWN,
                vpcConfig={"subnetIds": ["subnet-0"], "securityGroupIds": UNKNOWN},
            )
        ]
    )
    write_plan(graph, tmp_path / "plan.json")
    text = (tmp_path / "plan.json").read_text()
    assert "canary-2f1e" not in text
    (change,) = [each["change"] for each in json.loads(text)["resource_changes"]]
    assert change["after"] == {
        "environment": [{"variables": {"PASSWORD": "(secret)"}}],
        "vpc_config": [{"subnet_ids": ["subnet-0"]}],
    }
    assert change["after_unknown"] == {"kms_key_arn": True, "vpc_config": [{"security_group_ids": True}]}


def test_only_the_stacks_own_resources_of_aws_are_in_the_plan():
    graph = graph_of(
        [
            part("modelyard:data:DataLake", "lake"),
            part(BUCKET, "mine", parent="lake"),
            part(BUCKET, "theirs"),
            part("aws:cloudcontrol/resource:Resource", "by-control", typeName="AWS::SageMaker::Model"),
            part("kubernetes:core/v1:Namespace", "space"),
        ]
    )
    nodes = (replace(node, external=node.name == "theirs") for node in graph)
    assert list(plan_of(Graph(graph.project, graph.stack, tuple(nodes))).nodes) == ["aws_s3_bucket.mine"]


def test_two_resources_of_one_name_have_two_addresses():
    parts = [Part("modelyard:data:DataLake", "lake"), part(BUCKET, "raw")]
    graph = graph_of(parts)
    (first,) = graph.of_type(BUCKET)
    twin = replace(first, urn=first.urn.replace("::aws:", "::modelyard:data:DataLake$aws:"))
    plan = plan_of(Graph(graph.project, graph.stack, (*graph.nodes, twin)))
    assert {address: node.urn for address, node in plan.nodes.items()} == {
        "aws_s3_bucket.raw": first.urn,
        "aws_s3_bucket.raw_2": twin.urn,
    }


def test_objects_of_kubernetes_are_written_without_what_is_secret(tmp_path: Path):
    secret = part(
        "kubernetes:core/v1:Secret", "key", apiVersion="v1", kind="Secret", stringData={"token": Secret("canary-77")}
    )
    bare = part("kubernetes:helm.sh/v3:Release", "chart", chart="kueue")
    found = write_manifests(graph_of([secret, bare]), tmp_path / "objects")
    assert [node.name for node in found.values()] == ["key"], "a chart is no object"
    (file,) = (tmp_path / "objects").iterdir()
    assert json.loads(file.read_text()) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key"},
        "stringData": {"token": "(secret)"},
    }
    assert write_manifests(graph_of([part(BUCKET)]), tmp_path / "none") == {}
    assert not (tmp_path / "none").exists()


def test_a_waiver_and_a_profile_may_name_a_rule_of_checkovs():
    waiver = Waiver(
        rule="checkov:CKV_AWS_144",
        urn="*::raw",
        reason="one region is enough here",
        owner="ada@acme.example",
        until=date(2026, 12, 1),
    )
    today = date(2026, 11, 22)
    assert list(WaiversSpec(waivers=(waiver,)).faults_on(today, CATALOGUE)) == []
    assert unused([waiver], []) == [], "whether it covers something is known where Checkov was asked"
    assert unused([waiver], [], foreign=True) == [waiver]
    assert list(unknown_rules(PolicySpec(stops=("checkov:CKV2_AWS_5",)), CATALOGUE)) == []
    assert len(list(unknown_rules(PolicySpec(stops=("checkov:nonsense",)), CATALOGUE))) == 1
