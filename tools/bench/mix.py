"""One table of resources, written down as a Pulumi program and as a Terraform program.

Fifteen resources make a unit: a key, a bucket with what a careful team puts on it, a role with its policies, a log
group, a parameter and a database. Arguments are called alike in both tools but where an entry says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
TAGS: Final = {"organization": "acme", "environment": "bench", "managed-by": "modelyard"}


@dataclass(frozen=True, slots=True)
class Ref:
    """An attribute of another resource of the same unit."""

    role: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of every unit.

    `pulumi` is `<module>.<class>` of pulumi_aws. `renamed` says what Terraform calls an argument, where it differs.
    """

    role: str
    pulumi: str
    terraform: str
    arguments: Callable[[str], dict[str, Any]]
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the mix: an entry of the table, in a unit."""

    unit: str
    entry: Entry

    @property
    def name(self) -> str:
        """The resource's logical name in both programs."""
        return f"{self.unit}-{self.entry.role}"


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _assumed_by(service: str) -> str:
    return _policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def _reads(unit: str) -> str:
    bucket = f"arn:aws:s3:::{unit}"
    return _policy(
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"{bucket}/*"]},
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [bucket]},
    )


def _writes(unit: str) -> str:
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/modelyard/{unit}:*"
    return _policy({"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": [groups]})


def _tls_only(unit: str) -> str:
    bucket = f"arn:aws:s3:::{unit}"
    return _policy(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket, f"{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


_BUCKET: Final = Ref("bucket", "id")
_SEALED: Final = dict.fromkeys(
    ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"), True
)

TABLE: Final = (
    Entry(
        "key",
        "kms.Key",
        "aws_kms_key",
        lambda unit: {"description": f"Data of {unit}", "enable_key_rotation": True, "tags": TAGS},
    ),
    Entry(
        "alias",
        "kms.Alias",
        "aws_kms_alias",
        lambda unit: {"name": f"alias/{unit}", "target_key_id": Ref("key", "key_id")},
    ),
    Entry("bucket", "s3.Bucket", "aws_s3_bucket", lambda unit: {"bucket": unit, "tags": TAGS}),
    Entry(
        "versions",
        "s3.BucketVersioning",
        "aws_s3_bucket_versioning",
        lambda unit: {"bucket": _BUCKET, "versioning_configuration": {"status": "Enabled"}},
    ),
    Entry(
        "encryption",
        "s3.BucketServerSideEncryptionConfiguration",
        "aws_s3_bucket_server_side_encryption_configuration",
        lambda unit: {
            "bucket": _BUCKET,
            "rules": [
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": Ref("key", "arn"),
                    },
                    "bucket_key_enabled": True,
                }
            ],
        },
        {"rules": "rule"},
    ),
    Entry(
        "seal",
        "s3.BucketPublicAccessBlock",
        "aws_s3_bucket_public_access_block",
        lambda unit: {"bucket": _BUCKET, **_SEALED},
    ),
    Entry(
        "ownership",
        "s3.BucketOwnershipControls",
        "aws_s3_bucket_ownership_controls",
        lambda unit: {"bucket": _BUCKET, "rule": {"object_ownership": "BucketOwnerEnforced"}},
    ),
    Entry(
        "tls",
        "s3.BucketPolicy",
        "aws_s3_bucket_policy",
        lambda unit: {"bucket": _BUCKET, "policy": _tls_only(unit)},
    ),
    Entry(
        "role",
        "iam.Role",
        "aws_iam_role",
        lambda unit: {"name": unit, "assume_role_policy": _assumed_by("glue.amazonaws.com"), "tags": TAGS},
    ),
    Entry(
        "reads",
        "iam.RolePolicy",
        "aws_iam_role_policy",
        lambda unit: {"name": "reads", "role": Ref("role", "name"), "policy": _reads(unit)},
    ),
    Entry(
        "writes",
        "iam.Policy",
        "aws_iam_policy",
        lambda unit: {"name": f"{unit}-writes", "policy": _writes(unit), "tags": TAGS},
    ),
    Entry(
        "attachment",
        "iam.RolePolicyAttachment",
        "aws_iam_role_policy_attachment",
        lambda unit: {"role": Ref("role", "name"), "policy_arn": Ref("writes", "arn")},
    ),
    Entry(
        "logs",
        "cloudwatch.LogGroup",
        "aws_cloudwatch_log_group",
        lambda unit: {"name": f"/modelyard/{unit}", "retention_in_days": 30, "tags": TAGS},
    ),
    Entry(
        "address",
        "ssm.Parameter",
        "aws_ssm_parameter",
        lambda unit: {
            "name": f"/modelyard/{unit}/bucket",
            "type": "String",
            "value": Ref("bucket", "arn"),
            "tags": TAGS,
        },
    ),
    Entry(
        "database",
        "glue.CatalogDatabase",
        "aws_glue_catalog_database",
        lambda unit: {"name": unit.replace("-", "_"), "description": f"Tables of {unit}", "tags": TAGS},
    ),
)


def resources(count: int, prefix: str) -> Iterator[Resource]:
    """The first `count` resources of the mix; every one refers only to earlier ones."""
    for index in range(count):
        unit, place = divmod(index, len(TABLE))
        yield Resource(f"{prefix}-{unit:03}", TABLE[place])


def declare(count: int, prefix: str) -> None:
    """Declare the mix in the Pulumi program that calls this, a component for each unit."""
    import pulumi

    units: dict[str, pulumi.ComponentResource] = {}
    made: dict[str, Any] = {}
    for resource in resources(count, prefix):
        unit, entry = resource.unit, resource.entry
        if unit not in units:
            units[unit] = pulumi.ComponentResource("modelyard:bench:Unit", unit)
        arguments = _with_references(
            entry.arguments(unit), lambda ref, unit=unit: getattr(made[f"{unit}-{ref.role}"], ref.attribute)
        )
        made[resource.name] = sdk_class(entry)(
            resource.name, **arguments, opts=pulumi.ResourceOptions(parent=units[unit])
        )


def sdk_class(entry: Entry) -> Any:
    """The class of pulumi_aws behind an entry; the first of a module imports that module."""
    import pulumi_aws

    module, _, kind = entry.pulumi.partition(".")
    return getattr(getattr(pulumi_aws, module), kind)


def terraform(count: int, prefix: str, endpoints: Mapping[str, str]) -> dict[str, Any]:
    """The same mix in Terraform's JSON syntax, against an emulator at `endpoints` (service to URL)."""
    entries = {entry.role: entry for entry in TABLE}
    declared: dict[str, dict[str, Any]] = {}
    for resource in resources(count, prefix):
        unit, entry = resource.unit, resource.entry
        arguments = _with_references(
            entry.arguments(unit),
            lambda ref, unit=unit: f"${{{entries[ref.role].terraform}.{unit}-{ref.role}.{ref.attribute}}}",
        )
        declared.setdefault(entry.terraform, {})[resource.name] = {
            entry.renamed.get(name, name): value for name, value in arguments.items()
        }
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {
            "aws": {
                "region": REGION,
                "access_key": "sandbox",
                "secret_key": "sandbox",
                "s3_use_path_style": True,
                "skip_credentials_validation": True,
                "skip_metadata_api_check": True,
                "skip_requesting_account_id": False,
                "endpoints": dict(endpoints),
            }
        },
        "resource": declared,
    }


def _with_references(value: Any, resolved: Callable[[Ref], Any]) -> Any:
    if isinstance(value, Ref):
        return resolved(value)
    if isinstance(value, dict):
        return {key: _with_references(item, resolved) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_references(item, resolved) for item in value]
    return value
