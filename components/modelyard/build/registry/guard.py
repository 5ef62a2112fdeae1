"""What hears of a deployment around the gate: a rule on SageMaker's calls, a function that looks, and alarms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.registry.shipped import shipped
from modelyard.build.registry.store import Store
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.functions import woken
from modelyard.core.names import short_hash
from modelyard.core.notices import Notices
from modelyard.core.releasing import APPROVED
from modelyard.core.weights import LIST
from modelyard.foundation.audit import AuditLike

ROLE: Final = "guard"
METRIC: Final = "UnreleasedModels"
_SECONDS: Final = 120
_MEMORY_MIB: Final = 256
_LOOKS: Final = (
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeModel",
)


def namespace(registry: Component) -> str:
    """Where the metric lies: the platform's own namespace in the environment."""
    return f"Modelyard/{registry.context.platform}/{registry.context.environment}"


def pattern(prefix: str, packages: str) -> dict[str, Any]:
    """The calls that deploy a team's models, or set the status of its packages; only those that went through.

    `prefix`: what the team's names begin with. `packages`: what the ARNs of its packages begin with. Source:
    eventbridge/latest/userguide/eb-service-event-cloudtrail.
    """
    own = [{"prefix": prefix}]

    def calls(names: Sequence[str], **parameters: Any) -> dict[str, Any]:
        return {"eventName": list(names), "requestParameters": parameters}

    return {
        "source": ["aws.sagemaker"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": ["sagemaker.amazonaws.com"],
            "errorCode": [{"exists": False}],
            "$or": [
                calls(["CreateModel", "CreateTransformJob"], modelName=own),
                calls(["CreateEndpointConfig"], endpointConfigName=own),
                calls(["CreateEndpoint", "UpdateEndpoint"], endpointName=own),
                calls(["CreateInferenceComponent", "UpdateInferenceComponent"], inferenceComponentName=own),
                calls(["UpdateModelPackage"], modelPackageArn=[{"prefix": packages}], modelApprovalStatus=[APPROVED]),
                calls(["CreateModelPackage"], modelPackageGroupName=own, modelApprovalStatus=[APPROVED]),
            ],
        },
    }


class Guard:
    """The rule, the function and the alarms of one registry; every owner of a model is told."""

    def __init__(
        self,
        registry: Component,
        store: Store,
        notices: Notices,
        *,
        declared: Mapping[str, Any],
        owners: Sequence[str],
        packages: Sequence[str],
        signing_key_arn: pulumi.Output[str],
        promotion_role_arn: pulumi.Output[str],
        key_arn: pulumi.Output[str],
        audit: AuditLike,
    ) -> None:
        context = registry.context
        prefix = "-".join((*context.names.owner, ""))
        name = registry.physical("sagemaker")
        own = tuple(context.arn("sagemaker", f"{kind}/{prefix}*") for kind in ("endpoint-config", "model"))
        made = shipped(
            registry,
            ROLE,
            file="guard_function.py",
            says="looks whether what is deployed was released",
            settings={
                "BUCKET": store.name,
                "BUS": audit.bus_name,
                "METRIC": METRIC,
                "NAMESPACE": namespace(registry),
                "PROMOTION_ROLE": promotion_role_arn,
                "REGISTRY": name,
                "SIGNING_KEY": signing_key_arn,
                "TEAM": context.owner,
            },
            declared=declared,
            statements=[
                Statement(_LOOKS, own),
                Statement(("sagemaker:DescribeModelPackage",), tuple(packages)),
                *store.may_list("models/*", "releases/*"),
                *store.may_read(f"models/*/{LIST}", "releases/*"),
                Statement(("kms:Verify",), (signing_key_arn,)),
                Statement(
                    ("cloudwatch:PutMetricData",),
                    ("*",),
                    {"StringEquals": {"cloudwatch:namespace": namespace(registry)}},
                ),
            ],
            key_arn=key_arn,
            seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
        )
        audit.grant_publish(made.role, team=context.owner)
        self.function = made.function
        self._hears(registry, pattern(prefix, context.arn("sagemaker", f"model-package/{prefix}")))
        for owner in sorted(set(owners)):
            _alarms(registry, notices, owner, name, made.function)

    def _hears(self, registry: Component, heard: Mapping[str, Any]) -> None:
        rule = aws.cloudwatch.EventRule(
            registry.named("deployments"),
            name=registry.physical("event-rule", "deployments"),
            description=f"A model of {registry.context.owner} is deployed, or its status is set",
            event_pattern=json.dumps(heard, sort_keys=True, separators=(",", ":")),
            state="ENABLED",
            opts=registry.options(),
        )
        woken(registry, "deployments", rule, self.function, target_id="guard")


def _alarms(registry: Component, notices: Notices, owner: str, name: str, function: aws.lambda_.Function) -> None:
    """One on what isn't released, one on a guard that fails: then nobody looks."""
    mark, team = short_hash(owner), registry.context.owner
    notices.alarm(
        f"unreleased-{mark}",
        owner,
        metric=(namespace(registry), METRIC),
        dimensions={"Registry": name},
        statistic="Sum",
        above=0,
        period=60,
        says=f"A model of {team} was deployed that nobody released, or its status was set around the promotion",
    )
    notices.alarm(
        f"guard-{mark}",
        owner,
        metric=("AWS/Lambda", "Errors"),
        dimensions={"FunctionName": function.name},
        statistic="Sum",
        above=0,
        says=f"What looks behind the deployments of {team} fails",
    )
