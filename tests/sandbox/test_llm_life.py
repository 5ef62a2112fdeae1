"""Language models and redacted endpoints in the emulator: made, unchanged, changed, gone, and nothing left."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.ground import FRAUD, MACHINES, OWNER, ground, served
from tests.sandbox.lives import changed, weights_registered

from modelyard import LanguageModelEndpoint, LanguageModelSpec, Secrets, SecretsSpec
from modelyard.testing import deploy
from modelyard_sandbox.accounting import counted

REDACT = {"fields": {"email": "hash"}, "columns": ["amount", "email"], "secret": "salt"}


def a_team(
    llm: dict[str, Any] | None = None,
    capture: dict[str, Any] | None = None,
    served_by: dict[str, Any] | None = None,
) -> Callable[[], None]:
    """A lake, secrets and a registry; with `llm` language models, with `capture` an endpoint that keeps calls so."""

    def program() -> None:
        on = ground(FRAUD, "writer")
        salts = {"entries": {"salt": {"kind": "generated", "classification": "internal"}}}
        secrets = Secrets("secrets", SecretsSpec.model_validate(salts), context=FRAUD, keys=on.keys)
        if llm is not None:
            spec = LanguageModelSpec.model_validate(llm)
            LanguageModelEndpoint("assistant", spec, context=FRAUD, registry=on.registry, keys=on.keys)
        if capture is not None:
            vpc = None if served_by else False
            given = served(1, model="writer", served_by=served_by or MACHINES, capture=capture, vpc=vpc)
            on.endpoint("score", given, secrets=secrets)

    return program


def models(version: int = 1, **changes: Any) -> dict[str, Any]:
    chat = {
        "model": "writer",
        "release": {"kind": "declared", "version": version},
        "weights_gib": 15,
        "copies": {"most": 4},
    }
    given = {"owner": OWNER, "instance_type": "ml.g5.12xlarge", "models": {"chat": chat}, "vpc": False}
    return {**given, **changes}


def test_language_models_are_made_stay_change_in_place_and_go():
    with deploy(a_team(), region="eu-west-1") as stack:
        weights_registered(stack.client("sagemaker"))
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
        weights_registered(stack.client("sagemaker"))
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
        weights_registered(stack.client("sagemaker"))
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
        weights_registered(stack.client("sagemaker"))
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
