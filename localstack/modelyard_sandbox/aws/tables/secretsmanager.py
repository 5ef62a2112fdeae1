"""Secrets Manager: secrets, their values, policies and rotations. Source: the Secrets Manager API reference."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Answer, Call, Name, Step, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_CURRENT: Final = "AWSCURRENT"


def _replicas(live: Live) -> list[dict[str, str]] | None:
    return [_as_region(replica) for replica in live.inputs.get("replicas") or []] or None


def _as_region(replica: dict[str, Any]) -> dict[str, str]:
    key = {"KmsKeyId": replica["kmsKeyId"]} if replica.get("kmsKeyId") else {}
    return {"Region": replica["region"], **key}


def _read_secret(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_secret", SecretId=live.id)
    if found.get("DeletedDate"):
        return None
    known = {replica["region"]: replica for replica in live.get("replicas") or []}
    policy = live.call("get_resource_policy", SecretId=live.id).get("ResourcePolicy")
    return {
        "arn": found["ARN"],
        "name": found["Name"],
        "description": found.get("Description") or None,
        "kmsKeyId": found.get("KmsKeyId"),
        "policy": policy if live.get("policy") is not None else None,
        "replicas": [
            {"region": replica["Region"]}
            | ({"kmsKeyId": replica["KmsKeyId"]} if known.get(replica["Region"], {}).get("kmsKeyId") else {})
            for replica in found.get("ReplicationStatus", [])
        ]
        or None,
    }


def _replicate(live: Live) -> None:
    """A replica whose key changes is taken away and made again, as the provider does."""
    before, wanted = live.state.get("replicas") or [], live.inputs.get("replicas") or []
    gone = [_as_region(replica) for replica in before if _as_region(replica) not in map(_as_region, wanted)]
    added = [_as_region(replica) for replica in wanted if _as_region(replica) not in map(_as_region, before)]
    if gone:
        regions = [replica["Region"] for replica in gone]
        live.call("remove_regions_from_replication", SecretId=live.id, RemoveReplicaRegions=regions)
    if added:
        overwrite = bool(live.get("forceOverwriteReplicaSecret"))
        live.call(
            "replicate_secret_to_regions",
            SecretId=live.id,
            AddReplicaRegions=added,
            ForceOverwriteReplicaSecret=overwrite,
        )


def _delete_secret(live: Live) -> None:
    regions = [replica["region"] for replica in live.state.get("replicas") or []]
    if regions:
        live.call("remove_regions_from_replication", SecretId=live.id, RemoveReplicaRegions=regions)
    days = live.get("recoveryWindowInDays")
    window = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
    live.call("delete_secret", SecretId=live.id, **window)


_POLICY = Call("put_resource_policy", {"SecretId": "id", "ResourcePolicy": "policy"}, fill=False, on=("policy",))
SECRET = Type(
    "aws:secretsmanager/secret:Secret",
    "secretsmanager",
    fields=fields("name", "description", "kmsKeyId", "type", "forceOverwriteReplicaSecret"),
    id=Answer("ARN"),
    name=Name("name", limit=512, prefix="namePrefix"),
    defaults={"recoveryWindowInDays": 30, "forceOverwriteReplicaSecret": False},
    computed=("arn",),
    create=(Call("create_secret", {"AddReplicaRegions": _replicas}), _POLICY),
    read=_read_secret,
    update=(
        Call("update_secret", {"SecretId": "id"}, on=("description", "kmsKeyId")),
        _POLICY,
        Step(_replicate, on=("replicas",)),
    ),
    delete=_delete_secret,
    inert=("recoveryWindowInDays", "forceOverwriteReplicaSecret"),
    json=("policy",),
    sets=("replicas",),
    kept=("kmsKeyId", "policy"),
    tags=Tags("describe_secret", "tag_resource", "untag_resource", {"SecretId": "id"}, on_create="Tags"),
)


def _value(live: Live) -> dict[str, Any]:
    if live.inputs.get("secretBinary") is not None:
        return {"SecretBinary": base64.b64decode(live.inputs["secretBinary"])}
    written = live.inputs.get("secretStringWo")
    return {"SecretString": live.inputs.get("secretString") if written is None else written}


def _put_value(live: Live) -> dict[str, Any]:
    stages = live.inputs.get("versionStages") or None
    return live.call("put_secret_value", SecretId=live.inputs["secretId"], VersionStages=stages, **_value(live))


def _read_version(live: Live) -> dict[str, Any]:
    secret, _, version = live.id.partition("|")
    found = live.call("get_secret_value", SecretId=secret, VersionId=version)
    write_only = live.get("secretStringWoVersion") is not None
    binary = found.get("SecretBinary")
    return {
        "arn": found["ARN"],
        "secretArn": found["ARN"],
        "secretId": secret,
        "versionId": found["VersionId"],
        "versionStages": found["VersionStages"],
        "hasSecretStringWo": write_only,
        "secretString": None if write_only else found.get("SecretString"),
        "secretBinary": base64.b64encode(binary).decode() if binary else None,
    }


def _stages(live: Live) -> tuple[set[str], set[str]]:
    return set(live.state.get("versionStages") or ()), set(live.inputs.get("versionStages") or ())


def _move_stages(live: Live) -> None:
    secret, _, version = live.id.partition("|")
    before, wanted = _stages(live)
    for stage in sorted(wanted - before):
        versions = live.call("list_secret_version_ids", SecretId=secret)["Versions"]
        held = [found["VersionId"] for found in versions if stage in found["VersionStages"]]
        live.call(
            "update_secret_version_stage",
            SecretId=secret,
            VersionStage=stage,
            MoveToVersionId=version,
            RemoveFromVersionId=held[0] if held else None,
        )
    _drop(live, before - wanted)


def _drop(live: Live, stages: set[str]) -> None:
    """Take labels away; AWSCURRENT stays, since it only moves."""
    secret, _, version = live.id.partition("|")
    for stage in sorted(stages - {_CURRENT}):
        live.call("update_secret_version_stage", SecretId=secret, VersionStage=stage, RemoveFromVersionId=version)


SECRET_VERSION = Type(
    "aws:secretsmanager/secretVersion:SecretVersion",
    "secretsmanager",
    fields=fields("secretId"),
    id=lambda live: f"{live.inputs['secretId']}|{live.answer['VersionId']}",
    from_id=lambda id: {"secretId": id.partition("|")[0]},
    computed=("arn", "secretArn", "versionId", "hasSecretStringWo"),
    create=_put_value,
    read=_read_version,
    update=Step(_move_stages, on=("versionStages",)),
    delete=lambda live: _drop(live, _stages(live)[0]),
    write_only=("secretStringWo",),
    sets=("versionStages",),
    kept=("versionStages",),
)


def _read_policy(live: Live) -> dict[str, Any] | None:
    policy = live.call("get_resource_policy", SecretId=live.id).get("ResourcePolicy")
    return {"secretArn": live.id, "policy": policy} if policy else None


_PUT_POLICY = Call(
    "put_resource_policy",
    {"SecretId": "secretArn", "ResourcePolicy": "policy", "BlockPublicPolicy": "blockPublicPolicy"},
    fill=False,
)
SECRET_POLICY = Type(
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "secretsmanager",
    id="secretArn",
    create=_PUT_POLICY,
    read=_read_policy,
    update=_PUT_POLICY,
    delete=Call("delete_resource_policy", {"SecretId": "id"}, fill=False),
    replace=("secretArn",),
    json=("policy",),
)


def _rotate(live: Live) -> dict[str, Any]:
    shape = live.client().meta.service_model.operation_model("RotateSecret").input_shape
    return live.call(
        "rotate_secret",
        SecretId=live.inputs["secretId"],
        RotationLambdaARN=live.inputs.get("rotationLambdaArn"),
        RotationRules=convert.to_aws(live.inputs.get("rotationRules"), shape.members["RotationRules"]),
        RotateImmediately=live.inputs.get("rotateImmediately", True),
    )


def _read_rotation(live: Live) -> dict[str, Any] | None:
    found = live.call("describe_secret", SecretId=live.id)
    if found.get("DeletedDate"):
        return None
    rules = found.get("RotationRules") or {}
    shown = {
        "scheduleExpression": rules.get("ScheduleExpression"),
        "automaticallyAfterDays": None if rules.get("ScheduleExpression") else rules.get("AutomaticallyAfterDays"),
        "duration": rules.get("Duration"),
    }
    on = bool(found.get("RotationEnabled"))
    return {
        "secretId": live.id,
        "rotationEnabled": on,
        "rotationLambdaArn": found.get("RotationLambdaARN") or None if on else None,
        "rotationRules": {name: value for name, value in shown.items() if value} if on else None,
    }


SECRET_ROTATION = Type(
    "aws:secretsmanager/secretRotation:SecretRotation",
    "secretsmanager",
    id=lambda live: live.answer["ARN"],
    from_id=lambda id: {"secretId": id},
    defaults={"rotateImmediately": True},
    computed=("rotationEnabled",),
    create=_rotate,
    read=_read_rotation,
    update=Step(_rotate, on=("rotationLambdaArn", "rotationRules", "rotationEnabled")),
    delete=Call("cancel_rotate_secret", {"SecretId": "secretId"}, fill=False),
    inert=("rotateImmediately",),
)

TYPES = (SECRET, SECRET_VERSION, SECRET_POLICY, SECRET_ROTATION)
