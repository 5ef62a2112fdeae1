"""Writes the table of which changes replace a resource: components/modelyard/assess/impact/replacing.json.

The provider's own schema is in no package, so there are two sources, and neither is whole: the sandbox's tables of
resource types (written after the provider's and AWS's documentation, and held by its tests), and CloudFormation's
published schemas (`createOnlyProperties`; they come with cfn-lint). Where they disagree a change *may* replace, unless
somebody looked it up in the provider (`SETTLED`), and the table lists who says what.

It also writes two tables of docs/plan.md: what is lost with which types, and where the sources disagree.

    python tools/replacing.py            writes the table, and those of the page
    python tools/replacing.py --check    ends with 1 where the sources say otherwise by now
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from modelyard.assess.impact.state import TYPES, Lost
from modelyard.core.sdk import UnknownTypeError, resource_type
from modelyard_sandbox.aws.declare import Type, updatable
from modelyard_sandbox.aws.tables import types
from modelyard_sandbox.knowledge.cloudformation import schema

Effect = Literal["replaces", "updates", "may"]
FILE: Final = Path(__file__).resolve().parents[1] / "components/modelyard/assess/impact/replacing.json"
_CLOUD_CONTROL: Final = "aws:cloudcontrol/resource:Resource"

SERVICES: Final = {
    "apigateway": "ApiGateway",
    "appautoscaling": "ApplicationAutoScaling",
    "athena": "Athena",
    "batch": "Batch",
    "budgets": "Budgets",
    "cloudformation": "CloudFormation",
    "cloudtrail": "CloudTrail",
    "cloudwatch": "CloudWatch",
    "costexplorer": "CE",
    "dynamodb": "DynamoDB",
    "ec2": "EC2",
    "ecr": "ECR",
    "ecs": "ECS",
    "eks": "EKS",
    "elasticache": "ElastiCache",
    "fsx": "FSx",
    "glue": "Glue",
    "iam": "IAM",
    "identitystore": "IdentityStore",
    "kinesis": "Kinesis",
    "kms": "KMS",
    "lambda": "Lambda",
    "lb": "ElasticLoadBalancingV2",
    "rds": "RDS",
    "s3": "S3",
    "sagemaker": "SageMaker",
    "scheduler": "Scheduler",
    "secretsmanager": "SecretsManager",
    "sfn": "StepFunctions",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "SSM",
    "ssoadmin": "SSO",
    "vpc": "EC2",
    "wafv2": "WAFv2",
}
"""The SDK's modules, and the services of CloudFormation that hold their types."""

NAMED: Final = {
    "aws:appautoscaling/policy:Policy": "AWS::ApplicationAutoScaling::ScalingPolicy",
    "aws:appautoscaling/target:Target": "AWS::ApplicationAutoScaling::ScalableTarget",
    "aws:athena/workgroup:Workgroup": "AWS::Athena::WorkGroup",
    "aws:budgets/budgetAction:BudgetAction": "AWS::Budgets::BudgetsAction",
    "aws:cloudwatch/eventArchive:EventArchive": "AWS::Events::Archive",
    "aws:cloudwatch/eventBus:EventBus": "AWS::Events::EventBus",
    "aws:cloudwatch/eventRule:EventRule": "AWS::Events::Rule",
    "aws:cloudwatch/logGroup:LogGroup": "AWS::Logs::LogGroup",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "AWS::Logs::MetricFilter",
    "aws:cloudwatch/logStream:LogStream": "AWS::Logs::LogStream",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "AWS::CloudWatch::Alarm",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "AWS::EC2::SubnetRouteTableAssociation",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "AWS::EC2::VPCEndpoint",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "",
    "aws:eks/nodeGroup:NodeGroup": "AWS::EKS::Nodegroup",
    "aws:glue/catalogDatabase:CatalogDatabase": "AWS::Glue::Database",
    "aws:glue/catalogTable:CatalogTable": "AWS::Glue::Table",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "AWS::IAM::OIDCProvider",
    "aws:iam/policy:Policy": "AWS::IAM::ManagedPolicy",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": "AWS::KinesisFirehose::DeliveryStream",
    "aws:rds/instance:Instance": "AWS::RDS::DBInstance",
    "aws:rds/parameterGroup:ParameterGroup": "AWS::RDS::DBParameterGroup",
    "aws:rds/subnetGroup:SubnetGroup": "AWS::RDS::DBSubnetGroup",
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": "AWS::SageMaker::EndpointConfig",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "AWS::SecretsManager::ResourcePolicy",
    "aws:secretsmanager/secretVersion:SecretVersion": "",
    "aws:sns/topicSubscription:TopicSubscription": "AWS::SNS::Subscription",
}
"""Types whose name is another in CloudFormation; empty: it has none."""

CONTROLLED: Final = re.compile(r"AWS::(SageMaker|Batch|Bedrock|BedrockAgentCore|EKS)::\w+")
"""Types that are made through Cloud Control where the provider lacks them: their desired state is compared inside."""

SETTLED: Final[Mapping[tuple[str, str], tuple[Effect, str]]] = {
    ("aws:dynamodb/table:Table", "attributes"): (
        "may",
        "hashicorp/terraform-provider-aws, website/docs/r/dynamodb_table: those of a new index are added in place",
    ),
    ("aws:dynamodb/table:Table", "hashKey"): (
        "replaces",
        "hashicorp/terraform-provider-aws, website/docs/r/dynamodb_table",
    ),
    ("aws:dynamodb/table:Table", "rangeKey"): (
        "replaces",
        "hashicorp/terraform-provider-aws, website/docs/r/dynamodb_table",
    ),
    ("aws:kms/key:Key", "keyUsage"): ("replaces", "hashicorp/terraform-provider-aws, internal/service/kms/key.go"),
    ("aws:kms/key:Key", "multiRegion"): ("replaces", "hashicorp/terraform-provider-aws, internal/service/kms/key.go"),
    ("aws:s3/bucket:Bucket", "objectLockEnabled"): (
        "replaces",
        "hashicorp/terraform-provider-aws, internal/service/s3/bucket.go",
    ),
}
"""What somebody looked up in the provider underneath: disputes, and what neither source says."""


def table() -> dict[str, Any]:
    """The table, from its sources as they are installed."""
    found: dict[str, Any] = {}
    disputed: list[dict[str, str | None]] = []
    for token, declared in sorted(types().items()):
        if token == _CLOUD_CONTROL:
            continue
        try:
            inputs = resource_type(token).inputs
        except UnknownTypeError:
            continue
        published = _published(token)
        effects: dict[str, list[str]] = {"replaces": [], "updates": [], "may": []}
        for prop in sorted(inputs):
            said: dict[str, Effect | None] = {
                "sandbox": _by_sandbox(declared, prop),
                "cloudformation": _by_cloudformation(token, published, prop),
            }
            effect, agreed = _effect(token, prop, said)
            effects[effect].append(prop)
            if not agreed:
                disputed.append({"type": token, "property": prop, **said, "held": effect})
        found[token] = {**{key: props for key, props in effects.items() if props}, **_compared(declared)}
    return {
        "sources": {
            "pulumi-aws": version("pulumi-aws"),
            "cfn-lint": version("cfn-lint"),
            "sandbox": "the tables of modelyard_sandbox.aws",
        },
        "types": found,
        "cloudformation": dict(_controlled()),
        "disputed": disputed,
    }


def _effect(token: str, prop: str, said: Mapping[str, Effect | None]) -> tuple[Effect, bool]:
    """What is held, and whether the sources agree."""
    if prop in ("tags", "tagsAll", "timeouts"):
        return "updates", True
    if prop == "region":
        return "replaces", True
    agreed = len({one for one in said.values() if one}) < 2
    if (token, prop) in SETTLED:
        return SETTLED[token, prop][0], agreed
    if not agreed:
        return "may", False
    if said["sandbox"]:
        return said["sandbox"], True
    return ("replaces", True) if said["cloudformation"] == "replaces" else ("may", True)


def _by_sandbox(declared: Type, prop: str) -> Effect | None:
    """None where no step changes the property, and the sandbox doesn't know it either: that says nothing then."""
    if updatable(declared, prop):
        return "updates"
    name = (declared.name.property, declared.name.prefix) if declared.name else ()
    known = {*declared.fields, *declared.replace, *name, *declared.json, *declared.sets}
    return "replaces" if prop in known else None


def _published(token: str) -> Mapping[str, Any] | None:
    name = NAMED.get(token)
    if name is None:
        _, module, kind = token.split(":")
        service = SERVICES.get(module.partition("/")[0])
        name = f"AWS::{service}::{kind}" if service else ""
    for candidate in (name, name.replace("Acl", "ACL"), name.replace("Vpc", "VPC"), name.replace("Eip", "EIP")):
        if candidate and (found := schema(candidate)):
            return found
    return None


def _by_cloudformation(token: str, published: Mapping[str, Any] | None, prop: str) -> Effect | None:
    """None where the schema has no such property."""
    if published is None:
        return None
    kind = published["typeName"].rpartition("::")[2]
    spelled = {name.lower(): name for name in published.get("properties", {})}
    guesses = [prop, f"{kind}{prop}", prop.removesuffix("s"), f"{prop}s"]
    guesses += [f"{prop}Name"] if prop in ("bucket", "repository", "role", "workgroup") else []
    name = next((spelled[guess.lower()] for guess in guesses if guess.lower() in spelled), None)
    if name is None or f"/properties/{name}" in published.get("readOnlyProperties", ()):
        return None
    fixed = published.get("createOnlyProperties", ())
    if f"/properties/{name}" in fixed:
        return "replaces"
    if any(path.startswith(f"/properties/{name}/") for path in fixed):
        return None
    return "updates"


def _compared(declared: Type) -> dict[str, Any]:
    """How two values of a type are compared, beside what replaces."""
    name = declared.name
    identity = [name.property] if name else [declared.id] if isinstance(declared.id, str) else []
    if name and isinstance(declared.id, str) and declared.id != name.property:
        identity.append(declared.id)
    found: dict[str, Any] = {
        "parts": sorted(path for path in declared.replace if "." in path),
        "identity": identity,
        "named": name.property if name else "",
        "sets": sorted(declared.sets),
        "kept": sorted(declared.kept),
        "unseen": sorted(declared.write_only),
        "volatile": sorted(declared.volatile),
        "defaults": {prop: value for prop, value in sorted(declared.defaults.items()) if not callable(value)},
        "deletesFirst": declared.delete_first,
    }
    return {key: value for key, value in found.items() if value}


def _controlled() -> Iterator[tuple[str, list[str]]]:
    import cfnlint

    from modelyard_sandbox.knowledge import cloudformation

    folder = Path(inspect.getfile(cfnlint)).parent / "data" / "schemas"
    for name in sorted(cloudformation._names(folder)):  # pyright: ignore[reportPrivateUsage]
        if CONTROLLED.fullmatch(name) and (found := schema(name)):
            yield name, sorted(path.removeprefix("/properties/") for path in found.get("createOnlyProperties", ()))


def text() -> str:
    """The table as it is checked in: a type, or a dispute, a line."""
    whole = table()
    lines = ["{", f'"sources": {json.dumps(whole["sources"])},']
    for key in ("types", "cloudformation"):
        rows = [f"{json.dumps(name)}: {json.dumps(one)}" for name, one in whole[key].items()]
        lines += [f'"{key}": {{', ",\n".join(rows), "},"]
    lines += ['"disputed": [', ",\n".join(json.dumps(one) for one in whole["disputed"]), "]", "}"]
    return "\n".join(lines) + "\n"


def page() -> str:
    """docs/plan.md with its tables made anew."""
    return _MARKERS.sub(lambda found: f"{found[1]}{_TABLES[found[2]]()}{found[3]}", PAGE.read_text("utf-8"))


def _state_table() -> str:
    by: dict[tuple[Lost, str], list[str]] = {}
    for kind, (lost, _, why) in TYPES.items():
        by.setdefault((lost, why), []).append(f"`{kind}`")
    order = list(Lost)
    rows = sorted(by.items(), key=lambda row: (order.index(row[0][0]), row[0][1]))
    lines = ["| lost | why it hurts | with |", "|---|---|---|"]
    return (
        "\n".join([*lines, *(f"| {lost} | {why} | {', '.join(sorted(kinds))} |" for (lost, why), kinds in rows)]) + "\n"
    )


def _disputed_table() -> str:
    lines = ["| type | property | sandbox | CloudFormation | held |", "|---|---|---|---|---|"]
    for one in table()["disputed"]:
        held = "may replace" if one["held"] == "may" else one["held"]
        lines.append(f"| `{one['type']}` | `{one['property']}` | {one['sandbox']} | {one['cloudformation']} | {held} |")
    return "\n".join(lines) + "\n"


PAGE: Final = FILE.parents[4] / "docs" / "plan.md"
_MARKERS: Final = re.compile(r"(<!-- (state|disputed):start -->\n).*?(<!-- (?:state|disputed):end -->)", re.DOTALL)
_TABLES: Final = {"state": _state_table, "disputed": _disputed_table}


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        if not FILE.is_file() or FILE.read_text("utf-8") != text() or PAGE.read_text("utf-8") != page():
            sys.exit(f"{FILE.name} or {PAGE.name} isn't what its sources say; run: python tools/replacing.py")
    else:
        FILE.write_text(text(), "utf-8")
        PAGE.write_text(page(), "utf-8")
