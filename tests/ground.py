"""What the stacks of most tests stand on: a platform with two teams, and a team's keys, lake and registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelyard import (
    Context,
    DataLake,
    EndpointSpec,
    InferenceEndpoint,
    Keys,
    KeysSpec,
    KnownAudit,
    KnownKeys,
    KnownNetwork,
    LakeSpec,
    ModelRegistry,
    RegistrySpec,
    Role,
)
from modelyard.assess.graph import Graph, record
from modelyard.build.pipelines import PipelineSpec, TrainingPipeline
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.access import trust_service
from modelyard.core.contract import NetworkContract

ACCOUNT, REGION = "123456789012", "eu-west-1"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region=REGION, account=ACCOUNT)
FRAUD, CHURN = PLATFORM.for_team("fraud"), PLATFORM.for_team("churn")
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0"
OWNER = "ada@acme.example"
MODEL = {"description": "d", "owner": OWNER, "ungated_because": "the gates are tried elsewhere"}
GATED = {
    "models": {
        "scores": {
            "description": "Scores payments",
            "owner": OWNER,
            "metrics": ["recall"],
            "gates": {"recall": {"kind": "accuracy", "metric": "recall", "threshold": 0.8}},
        }
    }
}
"""A registry whose one model passes a gate."""
MACHINES: dict[str, Any] = {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large"}}}
TWO: dict[str, Any] = {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large", "instances": 2}}}
TRANSACTIONS = {
    "transactions": {
        "classification": "internal",
        "owner": OWNER,
        "columns": [{"name": "amount", "type": "double"}],
    }
}
NETWORK = NetworkContract.model_validate(
    {
        "vpc_id": "vpc-12345678",
        "cidr": "10.0.0.0/16",
        "subnets": {"private": {"eu-west-1a": "subnet-12345678"}},
        "security_groups": {"training": "sg-87654321", "workload": "sg-87654321"},
    }
)


def fraud(*, production: bool) -> Context:
    """The team in an environment that is production, or in one that isn't."""
    return replace(FRAUD, production=production)


def served(version: int = 3, **changes: Any) -> dict[str, Any]:
    """An endpoint's file: one machine serves this version of `scores`, outside every network."""
    release = {"kind": "declared", "version": version}
    return {"model": "scores", "owner": OWNER, "release": release, "served_by": MACHINES, "vpc": False, **changes}


def a_role(name: str, context: Context = FRAUD, service: str = "lambda") -> Role:
    """A role for code in a service of AWS, which may do nothing yet."""
    trusted = [trust_service(f"{service}.amazonaws.com", context=context)]
    return Role(name, context=context, trusted=trusted, description=name)


@dataclass(frozen=True)
class Ground:
    """A team's keys, lake and registry."""

    context: Context
    keys: Keys | KnownKeys
    audit: KnownAudit
    lake: DataLake
    registry: ModelRegistry

    def endpoint(self, name: str, given: EndpointSpec | Mapping[str, Any], **more: Any) -> InferenceEndpoint:
        """An endpoint that stands here."""
        spec = given if isinstance(given, EndpointSpec) else EndpointSpec.model_validate(given)
        return InferenceEndpoint(
            name, spec, context=self.context, registry=self.registry, lake=self.lake, keys=self.keys, **more
        )

    def pipeline(self, name: str, **given: Any) -> TrainingPipeline:
        """A training pipeline of these steps and this flavour, on a pool in `NETWORK`."""
        types = TrainingSpec.model_validate({"instance_types": ["ml.m5.xlarge"]})
        return TrainingPipeline(
            name,
            PipelineSpec.model_validate({"owner": OWNER, "commit": "a1b2c3d", **given}),
            context=self.context,
            pool=TrainingPool("training", types, context=self.context, lake=self.lake, network=KnownNetwork(NETWORK)),
            lake=self.lake,
            keys=self.keys,
            registry=self.registry,
            audit=self.audit,
        )


def ground(
    context: Context = FRAUD,
    *models: str,
    prefix: str = "",
    keys: Keys | KnownKeys | None = None,
    registry: Mapping[str, Any] | None = None,
    datasets: Mapping[str, Any] | None = None,
) -> Ground:
    """What a team's components stand on: models that pass no gate (`scores`, if none is named) and these datasets.

    The names of its components begin with `prefix`. Without `keys` the team gets some; `registry` says all of the
    registry otherwise.
    """
    keys = keys or Keys(f"{prefix}keys", KeysSpec(), context=context)
    given = registry or {"models": dict.fromkeys(models or ("scores",), MODEL)}
    audit = KnownAudit(context)
    return Ground(
        context,
        keys,
        audit,
        DataLake(f"{prefix}lake", LakeSpec.model_validate({"datasets": datasets or {}}), context=context, keys=keys),
        ModelRegistry(f"{prefix}registry", RegistrySpec.model_validate(given), context=context, keys=keys, audit=audit),
    )


def known_keys() -> KnownKeys:
    """Keys that the platform made: `KEY` for everything."""
    return KnownKeys({"default": KEY})


def recording(program: Callable[[], Mapping[str, Any] | None], **how: Any) -> Graph:
    """The graph of a program in `REGION`."""
    return record(program, **{"project": "p", "stack": "s", "region": REGION, **how})
