"""Twelve ways in which team fraud's stack goes wrong by a change of somebody's, and the rules that each breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.shipped import edit

from modelyard.blueprints import Project

TEAM = "fraud"


@dataclass(frozen=True)
class Mutilation:
    """A change of the project, and exactly the rules that are broken then."""

    name: str
    apply: Callable[[Project], None]
    breaks: frozenset[str]
    where: Literal["files", "program"] = "files"


def _edited(name: str, change: Callable[[Any], object], *breaks: str) -> Mutilation:
    """A change of the team's file."""
    return Mutilation(name, lambda project: edit(project.team_file(TEAM), change), frozenset(breaks))


def _overridden(name: str, platform: Callable[[Any], object], *breaks: str) -> Mutilation:
    """A change of the platform's file."""
    return Mutilation(name, lambda project: edit(project.platform_file, platform), frozenset(breaks))


def _by_hand(name: str, code: str, *breaks: str) -> Mutilation:
    """Something that somebody adds to the program, with the tags of everything else."""

    def apply(project: Project) -> None:
        program = project.stacks_folder / "__main__.py"
        program.write_text(f"{_IMPORTS}{code}\n{program.read_text()}")

    return Mutilation(name, apply, frozenset(breaks), "program")


def _transformed(name: str, kind: str, resource: str, properties: str, *breaks: str) -> Mutilation:
    """Properties that somebody changes in the program of what a component made; `props` are those that there were."""

    def apply(project: Project) -> None:
        program = project.stacks_folder / "__main__.py"
        text = _TRANSFORM.format(kind=kind, resource=resource, properties=properties)
        program.write_text(f"{text}\n{program.read_text()}")

    return Mutilation(name, apply, frozenset(breaks), "program")


_IMPORTS = """import json

import pulumi
import pulumi_aws as aws

TAGS = {"team": "fraud", "environment": "all", "managed-by": "hand", "organization": "acme"}

"""
_TRANSFORM = """import pulumi


def changed(args):
    if args.type_ == "{kind}" and args.name.startswith("{resource}"):
        props = dict(args.props)
        return pulumi.ResourceTransformResult(props={{**props, **{properties}}}, opts=args.opts)
    return None


pulumi.runtime.register_resource_transform(changed)
"""
_EVERYTHING = """aws.iam.Policy(
    "by-hand",
    path="/modelyard/ml/all/fraud/",
    policy=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    ),
    tags=TAGS,
)
"""
_GPUS = """aws.batch.ComputeEnvironment(
    "by-hand",
    name="ml-all-fraud-by-hand",
    type="MANAGED",
    compute_resources={
        "type": "SPOT",
        "allocation_strategy": "SPOT_PRICE_CAPACITY_OPTIMIZED",
        "instance_types": ["g4dn.xlarge"],
        "min_vcpus": 4,
        "max_vcpus": 16,
        "instance_role": "arn:aws:iam::111122223333:instance-profile/modelyard/ml/all/fraud/nodes",
        "subnets": ["subnet-0a1b2c3d4e5f60718"],
        "security_group_ids": ["sg-0a1b2c3d4e5f60718"],
    },
    tags=TAGS,
)
"""
_MODEL = """aws.sagemaker.Model(
    "by-hand",
    execution_role_arn="arn:aws:iam::111122223333:role/modelyard/ml/all/fraud/server",
    enable_network_isolation=True,
    vpc_config={"subnets": ["subnet-0a1b2c3d4e5f60718"], "security_group_ids": ["sg-0a1b2c3d4e5f60718"]},
    primary_container={
        "image": "444455556666.dkr.ecr.eu-west-1.amazonaws.com/ml-prod-platform-images-jobs@sha256:" + "5" * 64,
        "model_data_url": "s3://ml-all-fraud-registry/scores/model.tar.gz",
    },
    tags={**TAGS, "dataset": "events@1", "commit": "5f0c9d1", "run": "7"},
)
"""
_KEY = """aws.kms.Key("by-hand", description="of somebody's own", tags=TAGS, opts=pulumi.ResourceOptions(protect=True))
"""


def _unwatched(file: Any) -> None:
    for part in ("monitoring", "retraining"):
        del file[part]
        for environment in file["environments"].values():
            environment.pop(part, None)
    file["personas"]["ml-engineer"].pop("retrain")
    for name in ("start_monitors", "close_incidents"):
        file["personas"]["ml-engineer"]["endpoints"].pop(name)
    file["serving"]["score"]["release"] = {"kind": "declared", "version": 1}


def _ceiling(file: Any) -> None:
    file["ceilings"] = {"teams": {TEAM: {"monthly_usd": 100}}}


MUTILATIONS = (
    _transformed(
        "a public bucket",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "lake-raw-",
        '{"blockPublicPolicy": False, "restrictPublicBuckets": False}',
        "s3-block-public",
    ),
    _transformed(
        "a dataset without versions",
        "aws:s3/bucketVersioning:BucketVersioning",
        "lake-curated-",
        '{"versioningConfiguration": {"status": "Suspended"}}',
        "dataset-bucket-versioned",
    ),
    _transformed(
        "a history of features under nobody's key",
        "aws:sagemaker/featureGroup:FeatureGroup",
        "features-entity-",
        '{"offlineStoreConfig": {**props["offlineStoreConfig"], "s3StorageConfig": {"s3Uri": "s3://ml-all-fraud/f/"}}}',
        "feature-offline-kms",
    ),
    _transformed(
        "images that may change under their tag",
        "aws:ecr/repository:Repository",
        "images-train",
        '{"imageTagMutability": "MUTABLE"}',
        "ecr-immutable",
    ),
    _transformed(
        "a secret in an environment variable",
        "aws:lambda/function:Function",
        "registry-guard",
        '{"environment": {"variables": {"API_PASSWORD": "hunter2-and-more"}}}',
        "no-plaintext-secret-in-env",
    ),
    _by_hand("a role that may do everything", _EVERYTHING, "iam-no-wildcard"),
    _by_hand("a GPU pool that nobody has an end for", _GPUS, "gpu-ttl-tag", "gpu-idle-shutdown"),
    _by_hand("a model that nobody approved", _MODEL, "prod-requires-approved-package"),
    _by_hand("a key that stays the same", _KEY, "kms-rotation"),
    _edited("an endpoint that nobody watches", _unwatched, "drift-monitor-per-endpoint"),
    _edited(
        "a secret that stays the same",
        lambda file: file["secrets"]["entries"]["scoring-api"].pop("rotation"),
        "secret-rotation",
    ),
    _overridden("more than it may cost", _ceiling, "stack-cost-ceiling"),
)
