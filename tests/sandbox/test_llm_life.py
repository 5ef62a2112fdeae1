"""Language models and redacted endpoints in the emulator: made, unchanged, changed, gone, and nothing left."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from modelyard import (
    Context,
    DataLake,
    EndpointSpec,
    InferenceEndpoint,
    Keys,
    KeysSpec,
    KnownAudit,
    LakeSpec,
    LanguageModelEndpoint,
    LanguageModelSpec,
    ModelRegistry,
    RegistrySpec,
    Secrets,
    SecretsSpec,
)
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012"
).for_team("fraud")
GROUP = "ml-dev-fraud-registry-writer"
MODEL = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
REDACT = {"fields": {"email": "hash"}, "columns": ["amount", "email"], "secret": "salt"}


MACHINES = {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large"}}}


def a_team(
    llm: dict[str, Any] | None = None,
    capture: dict[str, Any] | None = None,
    served_by: dict[str, Any] | None = None,
) -> Callable[[], None]:
    """A lake, secrets and a registry; with `llm` language models, with `capture` an endpoint that keeps calls so."""

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        lake = DataLake("lake", LakeSpec.model_validate({}), context=FRAUD, keys=keys)
        salts = {"entries": {"salt": {"kind": "generated", "classification": "internal"}}}
        secrets = Secrets("secrets", SecretsSpec.model_validate(salts), context=FRAUD, keys=keys)
        models = RegistrySpec.model_validate({"models": {"writer": MODEL}})
        registry = ModelRegistry("registry", models, context=FRAUD, keys=keys, audit=KnownAudit(FRAUD))
        if llm is not None:
            spec = LanguageModelSpec.model_validate(llm)
            LanguageModelEndpoint("assistant", spec, context=FRAUD, registry=registry, keys=keys)
        if capture is not None:
            served = {
                "model": "writer",
                "owner": "ada@acme.example",
                "release": {"kind": "declared", "version": 1},
                "served_by": served_by or MACHINES,
                "capture": capture,
                **({} if served_by else {"vpc": False}),
            }
            InferenceEndpoint(
                "score",
                EndpointSpec.model_validate(served),
                context=FRAUD,
                registry=registry,
                lake=lake,
                keys=keys,
                secrets=secrets,
            )

    return program


def models(version: int = 1, **changes: Any) -> dict[str, Any]:
    chat = {
        "model": "writer",
        "release": {"kind": "declared", "version": version},
        "weights_gib": 15,
        "copies": {"most": 4},
    }
    given = {"owner": "ada@acme.example", "instance_type": "ml.g5.12xlarge", "models": {"chat": chat}, "vpc": False}
    return {**given, **changes}


def registered(stack: Deployment, versions: int = 2) -> None:
    for version in range(versions):
        prefix = f"s3://bucket/models/writer/{version}/weights/"
        source = {"S3Uri": prefix, "S3DataType": "S3Prefix", "CompressionType": "None"}
        image = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-vllm@sha256:{'d' * 64}"
        stack.client("sagemaker").create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataSource": {"S3DataSource": source}}],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )


def changed(stack: Deployment) -> dict[str, str]:
    return {urn.rpartition("::")[2]: done for urn, done in stack.operations.items() if done != "same"}


def test_language_models_are_made_stay_change_in_place_and_go():
    with deploy(a_team(), region="eu-west-1") as stack:
        registered(stack)
        before = counted(stack.client, "eu-west-1")
        stack.update(a_team(models()))
        stack.update(a_team(models()))
        assert changed(stack) == {}
        stack.update(a_team(models(2)))
        assert changed(stack) == {"assistant-chat-model": "replace", "assistant-chat-component": "update"}
        stack.update(a_team(models(2, network_isolation=False)))
        assert {name: done for name, done in changed(stack).items() if "chat" not in name} == {
            "assistant-configuration": "replace",
            "assistant-endpoint": "update",
        }
        stack.update(a_team())
        assert counted(stack.client, "eu-west-1") == before


def test_what_redacts_is_made_changes_with_what_is_sensitive_and_goes():
    with deploy(a_team(), region="eu-west-1") as stack:
        registered(stack)
        before = counted(stack.client, "eu-west-1")
        stack.update(a_team(capture={"redact": REDACT}))
        stack.update(a_team(capture={"redact": REDACT}))
        assert changed(stack) == {}
        more = {**REDACT, "fields": {"email": "hash", "amount": "remove"}}
        stack.update(a_team(capture={"redact": more}))
        assert changed(stack) == {"score-redactor": "update"}
        stack.update(a_team(capture={}))
        ops = changed(stack)
        assert ops["score-configuration"] == "replace" and ops["score-redactor"] == "delete"
        assert ops["score-endpoint"] == "update", "it captures to another place from now on"
        stack.update(a_team())
        assert counted(stack.client, "eu-west-1") == before


def test_a_serverless_endpoint_captured_by_our_container_lives_and_dies():
    serverless = {"kind": "serverless"}
    with deploy(a_team(), region="eu-west-1") as stack:
        registered(stack)
        before = counted(stack.client, "eu-west-1")
        own = {"by": "container", "redact": REDACT}
        stack.update(a_team(capture=own, served_by=serverless))
        stack.update(a_team(capture=own, served_by=serverless))
        assert changed(stack) == {}
        stack.update(a_team(capture={**own, "percent": 5}, served_by=serverless))
        assert changed(stack) == {
            "score-main-model": "replace",
            "score-configuration": "replace",
            "score-endpoint": "update",
        }
        stack.update(a_team())
        assert counted(stack.client, "eu-west-1") == before


def test_the_deployed_function_redacts_what_sagemaker_captured():
    place = "ml-dev-fraud-score/main/2026/11/21/10/07-11-1.jsonl"
    part = {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,ada@acme.example", "encoding": "CSV"}
    line = json.dumps({"captureData": {"endpointInput": part}, "eventMetadata": {"eventId": "e"}})
    with deploy(a_team(), region="eu-west-1") as stack:
        registered(stack)
        stack.update(a_team(capture={"redact": REDACT}))
        s3 = stack.client("s3")
        (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "lake-capture" in each["Name"]]
        s3.put_object(Bucket=bucket, Key=f"_unredacted/score/{place}", Body=line.encode())
        answer = stack.client("lambda").invoke(FunctionName="ml-dev-fraud-score-redactor", Payload=b"{}")
        said = json.loads(answer["Payload"].read())
        assert said == {"objects": 1, "calls": 1, "unreadable": 0, "failed": 0}, said
        kept = s3.get_object(Bucket=bucket, Key=f"calls/score/{place}")["Body"].read().decode()
        assert "ada@acme" not in kept and "hmac:" in kept
        assert s3.list_objects_v2(Bucket=bucket, Prefix="_unredacted/")["KeyCount"] == 0
        for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
