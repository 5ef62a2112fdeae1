"""Physical names: `platform-env-team-component-role`, cut to each service's limit, the same on every run.

Two different sets of parts never share a name: what joins ambiguously, or does not fit, carries five characters of a
hash of all parts (a digit and four of base32: ten million values). Names of a global scope carry five characters
more, of organization, account and region. Names contain no time and nothing random.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Literal

HASH_LENGTH: Final = 5
PLATFORM_TEAM: Final = "platform"
"""Stands where the team would, in the names of what belongs to the platform; no team may be called so."""

_WORD = re.compile(r"[a-z][a-z0-9]*")
_LOOKS_HASHED = re.compile(r"[-_.][0-9][a-z2-7]{4}$")
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"

Kind = Literal[
    "s3-bucket",
    "iam-role",
    "iam-policy",
    "kms-alias",
    "log-group",
    "glue-database",
    "glue-table",
    "glue-ruleset",
    "athena-workgroup",
    "security-group",
    "ssm-parameter",
    "budget",
    "cost-anomaly",
    "sagemaker",
    "secret",
    "function",
    "schedule",
    "trail",
    "event-bus",
    "event-rule",
    "event-archive",
    "alarm",
    "sns-topic",
    "queue",
    "kinesis-stream",
    "firehose",
    "state-machine",
    "tag-name",
    "permission-set",
    "directory-group",
    "feature-group",
    "dynamodb-table",
    "processing-job",
    "cache",
    "training-job",
    "mlflow-server",
    "database",
    "database-group",
    "database-user",
    "ecs",
    "load-balancer",
    "batch",
    "instance-profile",
    "launch-template",
    "placement-group",
    "ecr-repository",
    "image-cache",
    "data-quality-job",
    "model-quality-job",
    "model-bias-job",
    "model-explainability-job",
    "monitoring-schedule",
    "dashboard",
    "rest-api",
    "web-acl",
    "model",
    "promoted-model",
    "endpoint-config",
    "endpoint",
    "inference-component",
    "scaling-policy",
    "transform-job",
    "stack",
    "eks-cluster",
    "eks-node-group",
    "kubernetes",
    "kubernetes-workload",
]


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a name may be, what joins its parts, and whether its scope is the whole of AWS.

    `source` is the page of the AWS documentation that says so.
    """

    length: int
    source: str
    separator: str = "-"
    prefix: str = ""
    everywhere: bool = False


LIMITS: Final[dict[Kind, Limit]] = {
    "s3-bucket": Limit(63, "AmazonS3/latest/userguide/bucketnamingrules", everywhere=True),
    "iam-role": Limit(64, "IAM/latest/UserGuide/reference_iam-quotas"),
    "iam-policy": Limit(128, "IAM/latest/UserGuide/reference_iam-quotas"),
    "kms-alias": Limit(256, "kms/latest/APIReference/API_CreateAlias", prefix="alias/"),
    "log-group": Limit(512, "AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup", "/", "/modelyard/"),
    "glue-database": Limit(255, "athena/latest/ug/tables-databases-columns-names", "_"),
    "glue-table": Limit(255, "athena/latest/ug/tables-databases-columns-names", "_"),
    "glue-ruleset": Limit(255, "glue/latest/webapi/API_CreateDataQualityRuleset"),
    "athena-workgroup": Limit(128, "athena/latest/APIReference/API_CreateWorkGroup"),
    "security-group": Limit(255, "AWSEC2/latest/APIReference/API_CreateSecurityGroup"),
    "ssm-parameter": Limit(1011, "systems-manager/latest/APIReference/API_PutParameter", "/", "/modelyard/"),
    "budget": Limit(100, "aws-cost-management/latest/APIReference/API_budgets_Budget"),
    "cost-anomaly": Limit(1024, "aws-cost-management/latest/APIReference/API_AnomalyMonitor"),
    "sagemaker": Limit(63, "sagemaker/latest/APIReference/API_CreateModel"),
    "secret": Limit(512, "secretsmanager/latest/apireference/API_CreateSecret"),
    "function": Limit(64, "lambda/latest/api/API_CreateFunction"),
    "schedule": Limit(64, "scheduler/latest/APIReference/API_CreateSchedule"),
    "trail": Limit(128, "awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements"),
    "event-bus": Limit(256, "eventbridge/latest/APIReference/API_CreateEventBus"),
    "event-rule": Limit(64, "eventbridge/latest/APIReference/API_PutRule"),
    "event-archive": Limit(48, "eventbridge/latest/APIReference/API_CreateArchive"),
    "alarm": Limit(255, "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm"),
    "sns-topic": Limit(256, "sns/latest/api/API_CreateTopic"),
    "queue": Limit(80, "AWSSimpleQueueService/latest/APIReference/API_CreateQueue"),
    "kinesis-stream": Limit(128, "kinesis/latest/APIReference/API_CreateStream"),
    "firehose": Limit(64, "firehose/latest/APIReference/API_CreateDeliveryStream"),
    "state-machine": Limit(80, "step-functions/latest/apireference/API_CreateStateMachine"),
    "tag-name": Limit(256, "tag-editor/latest/userguide/best-practices-and-strats"),
    "permission-set": Limit(32, "singlesignon/latest/APIReference/API_CreatePermissionSet"),
    "directory-group": Limit(1024, "singlesignon/latest/IdentityStoreAPIReference/API_CreateGroup"),
    "feature-group": Limit(64, "sagemaker/latest/APIReference/API_CreateFeatureGroup"),
    # 255, less what Feast appends: a dot and the view's name
    "dynamodb-table": Limit(200, "amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes"),
    # 63, less nine characters that tell runs apart
    "processing-job": Limit(54, "sagemaker/latest/APIReference/API_CreateProcessingJob"),
    "cache": Limit(40, "AmazonElastiCache/latest/APIReference/API_CreateServerlessCache"),
    # 63, less a hyphen and eight characters that tell jobs apart
    "training-job": Limit(54, "sagemaker/latest/APIReference/API_CreateTrainingJob"),
    "ecr-repository": Limit(256, "AmazonECR/latest/APIReference/API_CreateRepository"),
    "image-cache": Limit(30, "AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule"),
    "mlflow-server": Limit(256, "sagemaker/latest/APIReference/API_CreateMlflowTrackingServer"),
    "database": Limit(63, "AmazonRDS/latest/APIReference/API_CreateDBInstance"),
    "database-group": Limit(255, "AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup"),
    "database-user": Limit(63, "AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.DBAccounts"),
    "ecs": Limit(255, "AmazonECS/latest/APIReference/API_CreateService"),
    "load-balancer": Limit(32, "elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer"),
    "batch": Limit(128, "batch/latest/APIReference/API_CreateJobQueue"),
    "instance-profile": Limit(128, "IAM/latest/UserGuide/reference_iam-quotas"),
    "eks-cluster": Limit(100, "eks/latest/APIReference/API_CreateCluster"),
    "eks-node-group": Limit(63, "eks/latest/APIReference/API_CreateNodegroup"),
    "kubernetes": Limit(63, "kubernetes.io/docs/concepts/overview/working-with-objects/names"),
    # 63, less the twenty characters that controllers append at most: KServe for services, others for revisions and runs
    "kubernetes-workload": Limit(43, "kubernetes.io/docs/concepts/workloads/controllers/cron-jobs"),
    "launch-template": Limit(128, "AWSEC2/latest/APIReference/API_CreateLaunchTemplate"),
    "data-quality-job": Limit(63, "sagemaker/latest/APIReference/API_CreateDataQualityJobDefinition"),
    "model-quality-job": Limit(63, "sagemaker/latest/APIReference/API_CreateModelQualityJobDefinition"),
    "model-bias-job": Limit(63, "sagemaker/latest/APIReference/API_CreateModelBiasJobDefinition"),
    "model-explainability-job": Limit(63, "sagemaker/latest/APIReference/API_CreateModelExplainabilityJobDefinition"),
    "monitoring-schedule": Limit(63, "sagemaker/latest/APIReference/API_CreateMonitoringSchedule"),
    "dashboard": Limit(255, "AmazonCloudWatch/latest/APIReference/API_PutDashboard"),
    "placement-group": Limit(255, "AWSEC2/latest/APIReference/API_CreatePlacementGroup"),
    "rest-api": Limit(255, "apigateway/latest/developerguide/limits"),
    "web-acl": Limit(128, "waf/latest/APIReference/API_CreateWebACL"),
    "model": Limit(63, "sagemaker/latest/APIReference/API_CreateModel"),
    # 63, less what the loop appends: hyphens, the version and what tells runs apart
    "promoted-model": Limit(38, "sagemaker/latest/APIReference/API_CreateModel"),
    "endpoint-config": Limit(63, "sagemaker/latest/APIReference/API_CreateEndpointConfig"),
    "endpoint": Limit(63, "sagemaker/latest/APIReference/API_CreateEndpoint"),
    # 63, less a hyphen and eight characters that tell jobs apart
    "transform-job": Limit(54, "sagemaker/latest/APIReference/API_CreateTransformJob"),
    "stack": Limit(128, "AWSCloudFormation/latest/APIReference/API_CreateStack"),
    "inference-component": Limit(63, "sagemaker/latest/APIReference/API_CreateInferenceComponent"),
    "scaling-policy": Limit(256, "autoscaling/application/APIReference/API_PutScalingPolicy"),
}


def short_hash(*parts: str) -> str:
    """Five characters, a digit first, that stand for all of `parts`."""
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    number = int.from_bytes(digest[:8], "big")
    text = str(number % 10)
    number //= 10
    for _ in range(HASH_LENGTH - 1):
        text += _BASE32[number % 32]
        number //= 32
    return text


def _joins_ambiguously(parts: tuple[str, ...], separator: str) -> bool:
    if separator == "/":
        return False
    return not all(_WORD.fullmatch(part) for part in parts[:-1])


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one team (or of the platform itself) in one environment.

    `scope` is what tells global names of equal parts apart: organization, account, region.
    """

    platform: str
    environment: str
    team: str | None
    scope: tuple[str, ...]

    @property
    def owner(self) -> tuple[str, str, str]:
        """Platform, environment and team: the first parts of every name, and of every path."""
        return (self.platform, self.environment, self.team or PLATFORM_TEAM)

    @property
    def path(self) -> str:
        """The IAM path of the owner's roles and policies: `/modelyard/<platform>/<environment>/<team>/`."""
        return "/".join(("", "modelyard", *self.owner, ""))

    @property
    def everybodys_path(self) -> str:
        """The IAM path below which the roles and policies of all owners of this environment lie."""
        return "/".join(("", "modelyard", *self.owner[:2], ""))

    def of(self, kind: Kind, component: str, role: str = "", *, content: str | None = None) -> str:
        """The name of the thing that plays `role` in `component`, as a service of this kind takes it.

        `content` is what the thing holds, as text, for names that must change with their content. The parts are
        lower-case letters, digits and hyphens, as specs and components guarantee.
        """
        return self._fitted(LIMITS[kind], tuple(part for part in (*self.owner, component, role) if part), content)

    @property
    def namespace(self) -> str:
        """The namespace of Kubernetes that is the owner's alone."""
        return self._fitted(LIMITS["kubernetes"], self.owner, None)

    def _fitted(self, limit: Limit, parts: tuple[str, ...], content: str | None) -> str:
        joined = limit.separator.join(parts)
        if limit.separator == "_":
            joined = joined.replace("-", "_")
        tail = ""
        room = limit.length - len(limit.prefix)
        if limit.everywhere:
            tail += f"-{short_hash(*self.scope)}"
        ambiguous = _joins_ambiguously(parts, limit.separator) or bool(_LOOKS_HASHED.search(joined))
        if ambiguous or content is not None or len(joined) + len(tail) > room:
            join = "-" if limit.separator == "/" else limit.separator
            tail = f"{join}{short_hash(*parts, *([content] if content is not None else []))}{tail}"
            joined = joined[: room - len(tail)].rstrip("-_/.")
        return f"{limit.prefix}{joined}{tail}"
