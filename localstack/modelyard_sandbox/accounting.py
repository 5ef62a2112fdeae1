"""What exists in an emulator, service by service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Client = Callable[[str, str], Any]
"""From a service and a region to a boto3 client."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One kind of thing: the operation that lists it, and where in the answer the list is."""

    service: str
    operation: str
    key: str
    arguments: Mapping[str, Any] | Callable[[Any, str], Mapping[str, Any]] = field(default_factory=dict)
    """What the operation takes; a function gets the service's client, and the account."""
    regional: bool = True
    gone: tuple[str, ...] = ()
    """Values of `State` that mean: deleted, and still shown for a while."""


def _of_the_account(client: Any, account: str) -> Mapping[str, Any]:
    return {"AccountId": account}


def _of_the_instance(client: Any, account: str) -> Mapping[str, Any]:
    """The account's Identity Center."""
    return {"InstanceArn": client.list_instances()["Instances"][0]["InstanceArn"]}


_OF_SAGEMAKER = {"ServiceNamespace": "sagemaker"}

LISTINGS: tuple[Listing, ...] = (
    Listing("s3", "list_buckets", "Buckets", regional=False),
    Listing("iam", "list_roles", "Roles", regional=False),
    Listing("iam", "list_policies", "Policies", {"Scope": "Local"}, regional=False),
    Listing("iam", "list_instance_profiles", "InstanceProfiles", regional=False),
    Listing("iam", "list_users", "Users", regional=False),
    Listing("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList", regional=False),
    Listing("kms", "list_aliases", "Aliases"),
    Listing("kms", "list_keys", "Keys"),
    Listing("ec2", "describe_vpcs", "Vpcs"),
    Listing("ec2", "describe_subnets", "Subnets"),
    Listing("ec2", "describe_route_tables", "RouteTables"),
    Listing("ec2", "describe_internet_gateways", "InternetGateways"),
    Listing("ec2", "describe_nat_gateways", "NatGateways", gone=("deleted",)),
    Listing("ec2", "describe_addresses", "Addresses"),
    Listing("ec2", "describe_vpc_endpoints", "VpcEndpoints", gone=("deleted",)),
    Listing("ec2", "describe_security_groups", "SecurityGroups"),
    Listing("ec2", "describe_network_interfaces", "NetworkInterfaces"),
    Listing("ec2", "describe_flow_logs", "FlowLogs"),
    Listing("ec2", "describe_launch_templates", "LaunchTemplates"),
    Listing("ec2", "describe_placement_groups", "PlacementGroups"),
    Listing("batch", "describe_compute_environments", "computeEnvironments"),
    Listing("batch", "describe_job_definitions", "jobDefinitions", {"status": "ACTIVE"}),
    Listing("batch", "describe_job_queues", "jobQueues"),
    Listing("batch", "describe_service_environments", "serviceEnvironments"),
    Listing("batch", "list_scheduling_policies", "schedulingPolicies"),
    Listing("fsx", "describe_data_repository_associations", "Associations"),
    Listing("fsx", "describe_file_systems", "FileSystems"),
    Listing("logs", "describe_log_groups", "logGroups"),
    Listing("cloudformation", "describe_stacks", "Stacks"),
    Listing("cloudtrail", "list_trails", "Trails"),
    Listing("logs", "describe_metric_filters", "metricFilters"),
    Listing("cloudwatch", "describe_alarms", "MetricAlarms"),
    Listing("cloudwatch", "describe_alarms", "CompositeAlarms"),
    Listing("cloudwatch", "list_dashboards", "DashboardEntries"),
    Listing("events", "list_event_buses", "EventBuses"),
    Listing("events", "list_rules", "Rules"),
    Listing("events", "list_archives", "Archives"),
    Listing("sns", "list_topics", "Topics"),
    Listing("sns", "list_subscriptions", "Subscriptions"),
    Listing("glue", "get_databases", "DatabaseList"),
    Listing("glue", "list_data_quality_rulesets", "Rulesets"),
    Listing("dynamodb", "list_tables", "TableNames"),
    Listing("application-autoscaling", "describe_scalable_targets", "ScalableTargets", _OF_SAGEMAKER),
    Listing("application-autoscaling", "describe_scaling_policies", "ScalingPolicies", _OF_SAGEMAKER),
    Listing("application-autoscaling", "describe_scheduled_actions", "ScheduledActions", _OF_SAGEMAKER),
    Listing("sagemaker", "list_clusters", "ClusterSummaries"),
    Listing("sagemaker", "list_endpoint_configs", "EndpointConfigs"),
    Listing("sagemaker", "list_endpoints", "Endpoints"),
    Listing("sagemaker", "list_feature_groups", "FeatureGroupSummaries"),
    Listing("sagemaker", "list_inference_components", "InferenceComponents"),
    Listing("sagemaker", "list_models", "Models"),
    Listing("elasticache", "describe_serverless_caches", "ServerlessCaches"),
    Listing("elasticache", "describe_user_groups", "UserGroups"),
    Listing("ecr", "describe_repositories", "repositories"),
    Listing("ecr", "describe_pull_through_cache_rules", "pullThroughCacheRules"),
    Listing("sagemaker", "list_pipelines", "PipelineSummaries"),
    Listing("sagemaker", "list_model_cards", "ModelCardSummaries"),
    Listing("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList"),
    Listing("sagemaker", "list_mlflow_tracking_servers", "TrackingServerSummaries"),
    Listing("sagemaker", "list_monitoring_schedules", "MonitoringScheduleSummaries"),
    Listing("sagemaker", "list_data_quality_job_definitions", "JobDefinitionSummaries"),
    Listing("sagemaker", "list_model_quality_job_definitions", "JobDefinitionSummaries"),
    Listing("sagemaker", "list_model_bias_job_definitions", "JobDefinitionSummaries"),
    Listing("sagemaker", "list_model_explainability_job_definitions", "JobDefinitionSummaries"),
    Listing("ecs", "list_clusters", "clusterArns"),
    Listing("ecs", "list_task_definitions", "taskDefinitionArns"),
    Listing("eks", "list_clusters", "clusters"),
    Listing("elbv2", "describe_load_balancers", "LoadBalancers"),
    Listing("elbv2", "describe_target_groups", "TargetGroups"),
    Listing("rds", "describe_db_instances", "DBInstances"),
    Listing("rds", "describe_db_subnet_groups", "DBSubnetGroups"),
    Listing("rds", "describe_db_parameter_groups", "DBParameterGroups"),
    Listing("sagemaker", "list_domains", "Domains"),
    Listing("sagemaker", "list_user_profiles", "UserProfiles"),
    Listing("sagemaker", "list_spaces", "Spaces"),
    Listing("sagemaker", "list_apps", "Apps"),
    Listing("sagemaker", "list_studio_lifecycle_configs", "StudioLifecycleConfigs"),
    Listing("efs", "describe_file_systems", "FileSystems"),
    Listing("kinesis", "list_streams", "StreamNames"),
    Listing("firehose", "list_delivery_streams", "DeliveryStreamNames"),
    Listing("apigateway", "get_rest_apis", "items"),
    Listing("athena", "list_work_groups", "WorkGroups"),
    Listing("lambda", "list_functions", "Functions"),
    Listing("secretsmanager", "list_secrets", "SecretList"),
    Listing("ssm", "describe_parameters", "Parameters"),
    Listing("scheduler", "list_schedules", "Schedules"),
    Listing("scheduler", "list_schedule_groups", "ScheduleGroups"),
    Listing("sqs", "list_queues", "QueueUrls"),
    Listing("sso-admin", "list_permission_sets", "PermissionSets", _of_the_instance),
    Listing("stepfunctions", "list_state_machines", "stateMachines"),
    Listing("wafv2", "list_web_acls", "WebACLs", {"Scope": "REGIONAL"}),
    Listing("budgets", "describe_budgets", "Budgets", _of_the_account, regional=False),
    Listing("budgets", "describe_budget_actions_for_account", "Actions", _of_the_account, regional=False),
    Listing("ce", "get_anomaly_monitors", "AnomalyMonitors", regional=False),
    Listing("ce", "get_anomaly_subscriptions", "AnomalySubscriptions", regional=False),
)


def counted(
    client: Client, region: str, others: tuple[str, ...] = (), *, account: str = "123456789012"
) -> dict[str, int]:
    """How many of each kind exist, by `service: kind`; only those that do. `account`: the client's.

    All kinds are counted in `region`, tagged things in the `others`. A key that waits for its deletion is gone.
    """
    found: dict[str, int] = {}
    for listing in LISTINGS:
        name = f"{listing.service}: {listing.key}"
        count = len(_listed(client(listing.service, region), listing, account))
        if count:
            found[name] = count
    for other in others:
        tagged = client("resourcegroupstaggingapi", other).get_resources()["ResourceTagMappingList"]
        if tagged:
            found[f"{other}: tagged"] = len(tagged)
    return found


def _listed(client: Any, listing: Listing, account: str) -> list[Any]:
    arguments = listing.arguments(client, account) if callable(listing.arguments) else listing.arguments
    if client.can_paginate(listing.operation):
        pages = client.get_paginator(listing.operation).paginate(**arguments)
    else:
        pages = [getattr(client, listing.operation)(**arguments)]
    things = [thing for page in pages for thing in page.get(listing.key, [])]
    if listing.service == "kms" and listing.key == "Keys":
        states = (client.describe_key(KeyId=thing["KeyId"])["KeyMetadata"]["KeyState"] for thing in things)
        return [state for state in states if state != "PendingDeletion"]
    return [thing for thing in things if not (listing.gone and thing.get("State") in listing.gone)]
