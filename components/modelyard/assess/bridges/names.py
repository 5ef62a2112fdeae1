"""What Terraform calls the types and properties of pulumi-aws, which is generated from Terraform's own provider.

The names follow from ours by rule, but for those in these tables. All of them were compared with the schema of
Terraform's AWS provider 6.25, for each type that a rule of ours or a shipped stack speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_TYPES: Final[Mapping[str, str]] = {
    "aws:cloudtrail/trail:Trail": "aws_cloudtrail",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "aws_iam_openid_connect_provider",
    "aws:lb/loadBalancer:LoadBalancer": "aws_lb",
    "aws:rds/instance:Instance": "aws_db_instance",
    "aws:s3/bucketObjectv2:BucketObjectv2": "aws_s3_object",
}
_MODULES: Final[Mapping[str, str]] = {"apigateway": "api_gateway_", "ec2": ""}
"""How a module's types begin there; `ec2` is never said."""

_RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "aws_api_gateway_deployment": {"restApi": "rest_api_id"},
    "aws_api_gateway_method": {"restApi": "rest_api_id"},
    "aws_api_gateway_method_settings": {"restApi": "rest_api_id"},
    "aws_api_gateway_stage": {"deployment": "deployment_id", "restApi": "rest_api_id"},
    "aws_batch_compute_environment": {"instanceTypes": "instance_type"},
    "aws_batch_job_definition": {"commands": "command"},
    "aws_cloudwatch_metric_alarm": {"name": "alarm_name"},
    "aws_iam_openid_connect_provider": {"clientIdLists": "client_id_list", "thumbprintLists": "thumbprint_list"},
    "aws_lambda_function": {"commands": "command", "entryPoints": "entry_point", "name": "function_name"},
    "aws_lambda_permission": {"function": "function_name"},
    "aws_sns_topic_subscription": {"topic": "topic_arn"},
}
_ONE_MORE: Final[Mapping[str, str]] = {
    "endsWiths": "ends_with",
    "enableResourceNameDnsARecord": "enable_resource_name_dns_a_record",
    "enableResourceNameDnsARecordOnLaunch": "enable_resource_name_dns_a_record_on_launch",
    "notEndsWiths": "not_ends_with",
    "notStartsWiths": "not_starts_with",
    "partitionIndices": "partition_index",
    "snapshotArnsToRestores": "snapshot_arns_to_restore",
    "startsWiths": "starts_with",
}
"""Properties that are called so in every type."""
_MANY: Final[Mapping[str, frozenset[str]]] = {
    "aws_appautoscaling_policy": frozenset({"dimensions", "metrics"}),
    "aws_batch_job_definition": frozenset({"containers", "initContainers", "volumeMounts", "volumes"}),
    "aws_cloudwatch_event_target": frozenset({"runCommandTargets"}),
    "aws_codebuild_project": frozenset({"fileSystemLocations", "secondaryArtifacts", "secondarySources"}),
    "aws_ecs_service": frozenset({"placementConstraints", "tagSpecifications", "vpcLatticeConfigurations"}),
    "aws_ecs_task_definition": frozenset({"placementConstraints"}),
    "aws_eks_node_group": frozenset({"nodeRepairConfigOverrides"}),
    "aws_glue_catalog_table": frozenset({"columns", "partitionKeys", "sortColumns"}),
    "aws_kinesis_firehose_delivery_stream": frozenset({"commonAttributes", "parameters", "processors"}),
    "aws_launch_template": frozenset({"blockDeviceMappings", "networkInterfaces", "tagSpecifications"}),
    "aws_opensearch_domain": frozenset({"logPublishingOptions"}),
    "aws_sagemaker_domain": frozenset({"identityProviderOauthSettings"}),
    "aws_sagemaker_endpoint": frozenset({"alarms"}),
    "aws_sagemaker_endpoint_configuration": frozenset(
        {"captureOptions", "productionVariants", "shadowProductionVariants"}
    ),
    "aws_sagemaker_user_profile": frozenset({"identityProviderOauthSettings"}),
    "aws_scheduler_schedule": frozenset({"placementConstraints"}),
}
"""Blocks that Terraform, too, names in the plural."""
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def terraform_type(token: str) -> str:
    """The type that Terraform calls `aws_…`, of a token such as `aws:s3/bucket:Bucket`."""
    known = _TYPES.get(token)
    if known is not None:
        return known
    _, module, name = token.split(":")
    module = module.partition("/")[0]
    return f"aws_{_MODULES.get(module, f'{module}_')}{_snake(name)}"


def terraform_property(kind: str, name: str, *, blocks: bool) -> str:
    """A property's name in a resource of Terraform's type `kind`; `blocks`: whether it is a list of objects."""
    known = _RENAMED.get(kind, {}).get(name) or _ONE_MORE.get(name)
    if known is not None:
        return known
    written = _snake(name)
    return _singular(written) if blocks and name not in _MANY.get(kind, ()) else written


def _snake(name: str) -> str:
    return _HUMP.sub("_", name).lower()


def _singular(name: str) -> str:
    if name.endswith("ies"):
        return f"{name.removesuffix('ies')}y"
    if name.endswith(("sses", "xes", "ches")):
        return name.removesuffix("es")
    return name.removesuffix("s") if not name.endswith(("ss", "alias")) else name
