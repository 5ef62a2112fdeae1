"""Lambda: functions and who may invoke them. Source: the Lambda API reference."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelyard.core.wire import ARCHIVE, SIGNATURE
from modelyard_sandbox.aws import convert
from modelyard_sandbox.aws.declare import Call, Name, Step, Tags, Type

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_MEMBERS: Final = {"name": "FunctionName", "kmsKeyArn": "KMSKeyArn", "fileSystemConfig": "FileSystemConfigs"}
_SETTINGS: Final = ("deadLetterConfig", "description", "environment", "ephemeralStorage", "fileSystemConfig")
_MORE_SETTINGS: Final = (
    "handler",
    "kmsKeyArn",
    "layers",
    "loggingConfig",
    "memorySize",
    "role",
    "runtime",
    "snapStart",
)
_CONFIGURED: Final = (*_SETTINGS, *_MORE_SETTINGS, "timeout", "tracingConfig", "vpcConfig")
_CODE: Final = ("code", "imageUri", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash")
_FIRST_OF_1980: Final = (1980, 1, 1, 0, 0, 0)


def zipped(archive: Mapping[str, Any]) -> bytes:
    """The archive as the service takes it: texts, files and folders zipped in order, the same bytes for the same.

    The engine leaves an empty text out of what it sends.
    """
    if archive.get("path"):
        path = Path(archive["path"])
        if path.is_file():
            return path.read_bytes()
        contents = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    else:
        contents = {
            name: Path(asset["path"]).read_bytes() if asset.get("path") else asset.get("text", "").encode()
            for name, asset in (archive.get("assets") or {}).items()
        }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name in sorted(contents):
            file.writestr(zipfile.ZipInfo(name, _FIRST_OF_1980), contents[name])
    return packed.getvalue()


def _code(live: Live) -> dict[str, Any]:
    archive = live.inputs.get("code")
    if isinstance(archive, dict) and archive.get(SIGNATURE) == ARCHIVE:
        return {"ZipFile": zipped(archive)}
    found = {"ImageUri": "imageUri", "S3Bucket": "s3Bucket", "S3Key": "s3Key", "S3ObjectVersion": "s3ObjectVersion"}
    return {member: live.inputs[prop] for member, prop in found.items() if live.inputs.get(prop) is not None}


def _settings(live: Live, operation: str, props: tuple[str, ...]) -> dict[str, Any]:
    members = live.client().meta.service_model.operation_model(operation).input_shape.members
    sent: dict[str, Any] = {}
    for prop in props:
        member = _MEMBERS.get(prop) or prop[0].upper() + prop[1:]
        if live.inputs.get(prop) is not None:
            sent[member] = convert.to_aws(live.inputs[prop], members[member])
    return sent


def _create(live: Live) -> dict[str, Any]:
    settings = _settings(live, "CreateFunction", ("name", *_CONFIGURED, "architectures", "packageType", "publish"))
    return live.call("create_function", Code=_code(live), Tags=live.tags or None, **settings)


def _configure(live: Live) -> None:
    settings = _settings(live, "UpdateFunctionConfiguration", _CONFIGURED)
    if "environment" in live.changed:
        settings.setdefault("Environment", {"Variables": {}})
    live.call("update_function_configuration", FunctionName=live.id, **settings)


def _recode(live: Live) -> None:
    live.call("update_function_code", FunctionName=live.id, **_code(live))


def _reserve(live: Live) -> None:
    wanted = live.inputs.get("reservedConcurrentExecutions", -1)
    if wanted >= 0:
        live.call("put_function_concurrency", FunctionName=live.id, ReservedConcurrentExecutions=wanted)
    elif live.changed:
        live.call("delete_function_concurrency", FunctionName=live.id)


def _read(live: Live) -> dict[str, Any]:
    answer = live.call("get_function", FunctionName=live.id)
    found = answer["Configuration"]
    arn = found["FunctionArn"].removesuffix(":$LATEST")
    invoked = f"arn:{live.partition}:apigateway:{live.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    variables = (found.get("Environment") or {}).get("Variables")
    concurrency = answer.get("Concurrency", {}).get("ReservedConcurrentExecutions", -1)
    return {
        "arn": arn,
        "name": found["FunctionName"],
        "qualifiedArn": f"{arn}:{found['Version']}",
        "invokeArn": invoked,
        "version": found["Version"],
        "codeSha256": found["CodeSha256"],
        "sourceCodeSize": found["CodeSize"],
        "role": found["Role"],
        "handler": found.get("Handler"),
        "runtime": found.get("Runtime"),
        "description": found.get("Description") or None,
        "timeout": found["Timeout"],
        "memorySize": found["MemorySize"],
        "kmsKeyArn": found.get("KMSKeyArn") or None,
        "environment": {"variables": variables} if variables else None,
        "layers": [layer["Arn"] for layer in found.get("Layers") or []] or None,
        "architectures": found.get("Architectures"),
        "packageType": found["PackageType"],
        "ephemeralStorage": {"size": found["EphemeralStorage"]["Size"]},
        "tracingConfig": {"mode": found["TracingConfig"]["Mode"]},
        "reservedConcurrentExecutions": concurrency,
    }


FUNCTION = Type(
    "aws:lambda/function:Function",
    "lambda",
    fields={"name": "FunctionName"},
    id="name",
    name=Name("name", limit=64),
    defaults={"memorySize": 128, "timeout": 3, "packageType": "Zip", "reservedConcurrentExecutions": -1}
    | {"publish": False, "skipDestroy": False},
    computed=("arn", "invokeArn", "qualifiedArn", "codeSha256", "sourceCodeSize", "version"),
    volatile=("codeSha256", "sourceCodeSize"),
    create=(_create, Step(_reserve, on=("reservedConcurrentExecutions",))),
    read=_read,
    update=(
        Step(_configure, on=_CONFIGURED),
        Step(_recode, on=_CODE),
        Step(_reserve, on=("reservedConcurrentExecutions",)),
    ),
    delete=Call("delete_function", {"FunctionName": "id"}, fill=False),
    kept=("architectures", "ephemeralStorage", "tracingConfig", "loggingConfig"),
    inert=("skipDestroy", "publish"),
    tags=Tags(
        "list_tags", "tag_resource", "untag_resource", {"Resource": "arn"}, shape="map", on_create="Tags"
    ),
)  # fmt: skip


def _statement(live: Live) -> dict[str, Any] | None:
    answer = live.call("get_policy", FunctionName=live.get("function"))
    statements = json.loads(answer["Policy"])["Statement"]
    return next((found for found in statements if found["Sid"] == live.id), None)


def _read_permission(live: Live) -> dict[str, Any] | None:
    found = _statement(live)
    if found is None:
        return None
    principal = found["Principal"]
    tests = {key.lower(): value for test in found.get("Condition", {}).values() for key, value in test.items()}
    return {
        "function": live.get("function"),
        "statementId": found["Sid"],
        "action": found["Action"],
        "principal": next(iter(principal.values())) if isinstance(principal, dict) else principal,
        "sourceArn": tests.get("aws:sourcearn"),
        "sourceAccount": tests.get("aws:sourceaccount"),
        "principalOrgId": tests.get("aws:principalorgid"),
    }


PERMISSION = Type(
    "aws:lambda/permission:Permission",
    "lambda",
    fields={"function": "FunctionName", "statementId": "StatementId", "action": "Action", "principal": "Principal"}
    | {"sourceArn": "SourceArn", "sourceAccount": "SourceAccount", "principalOrgId": "PrincipalOrgID"}
    | {"qualifier": "Qualifier", "eventSourceToken": "EventSourceToken", "functionUrlAuthType": "FunctionUrlAuthType"},
    id="statementId",
    from_id=lambda id: dict(zip(("function", "statementId"), id.split("/", 1), strict=True)),
    name=Name("statementId", limit=100, prefix="statementIdPrefix"),
    create=Call("add_permission"),
    read=_read_permission,
    delete=Call("remove_permission", {"FunctionName": "function", "StatementId": "id"}, fill=False),
)

TYPES = (FUNCTION, PERMISSION)
