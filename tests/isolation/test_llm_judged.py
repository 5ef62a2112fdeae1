"""Who calls which language model, and who reads captured calls before they are redacted, as the judge decides."""

from __future__ import annotations

import pytest
from tests.isolation.judge import Judge, Question

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
from modelyard.assess.access import Access, collect
from modelyard.assess.graph import record
from modelyard.core.access import trust_service
from modelyard.core.identity import Role

PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD, CHURN = PLATFORM.for_team("fraud"), PLATFORM.for_team("churn")
MODEL = {"description": "d", "owner": "ada@acme.example", "ungated_because": "the gates are tried elsewhere"}
RELEASE = {"kind": "declared", "version": 3}
CHAT = {"model": "writer", "release": RELEASE, "weights_gib": 15}
AWS = "arn:aws:sagemaker:eu-west-1:123456789012"
INVOKE, STREAM = "sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"


def program() -> None:
    keys = Keys("keys", KeysSpec(), context=FRAUD)
    lake = DataLake("lake", LakeSpec.model_validate({}), context=FRAUD, keys=keys)
    salts = {"entries": {"salt": {"kind": "generated", "classification": "internal"}}}
    secrets = Secrets("secrets", SecretsSpec.model_validate(salts), context=FRAUD, keys=keys)
    models = RegistrySpec.model_validate({"models": {"writer": MODEL}})
    registry = ModelRegistry("registry", models, context=FRAUD, keys=keys, audit=KnownAudit(FRAUD))
    spec = LanguageModelSpec.model_validate(
        {
            "owner": "ada@acme.example",
            "instance_type": "ml.g5.12xlarge",
            "models": {"chat": CHAT, "code": CHAT},
            "vpc": False,
        }
    )
    assistant = LanguageModelEndpoint("assistant", spec, context=FRAUD, registry=registry, keys=keys)
    served = EndpointSpec.model_validate(
        {
            "model": "writer",
            "owner": "ada@acme.example",
            "release": RELEASE,
            "served_by": {"kind": "instances", "variants": {"main": {"instance_type": "ml.m5.large"}}},
            "vpc": False,
            "capture": {"redact": {"fields": {"email": "hash"}, "columns": ["email"], "secret": "salt"}},
        }
    )
    score = InferenceEndpoint("score", served, context=FRAUD, registry=registry, lake=lake, keys=keys, secrets=secrets)

    def role(name: str, context: Context = FRAUD) -> Role:
        trusted = [trust_service("lambda.amazonaws.com", context=context)]
        return Role(name, context=context, trusted=trusted, description=name)

    assistant.grant_invoke(role("talker"), models=["chat"])
    assistant.grant_invoke(role("caller"))
    score.grant_read_capture(role("watcher"))
    role("bystander")
    role("neighbour", CHURN)


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(record(program, project="p", stack="s", region="eu-west-1"))


def role(access: Access, name: str) -> str:
    (found,) = [found for found in access.identities if found.endswith(f"-{name}")]
    return found


CHAT_ARN, CODE_ARN = (f"{AWS}:inference-component/ml-dev-fraud-assistant-{name}" for name in ("chat", "code"))
CALLS = [
    ("talker", INVOKE, CHAT_ARN, True),
    ("talker", STREAM, CHAT_ARN, True),
    ("talker", INVOKE, CODE_ARN, False),
    ("talker", INVOKE, f"{AWS}:endpoint/ml-dev-fraud-assistant", True),
    ("talker", INVOKE, f"{AWS}:endpoint/ml-dev-fraud-score", False),
    ("talker", "sagemaker:UpdateInferenceComponent", CHAT_ARN, False),
    ("caller", INVOKE, CODE_ARN, True),
    ("bystander", INVOKE, CHAT_ARN, False),
    ("neighbour", INVOKE, CHAT_ARN, False),
    ("assistant-model", INVOKE, CHAT_ARN, False),
]
RAW, KEPT = (f"{place}/score/ml-dev-fraud-score/main/2026/11/21/10/a.jsonl" for place in ("_unredacted", "calls"))
OBJECTS = [
    ("watcher", "s3:GetObject", KEPT, True),
    ("watcher", "s3:GetObject", RAW, False),
    ("score-model", "s3:PutObject", RAW, True),
    ("score-model", "s3:PutObject", KEPT, False),
    ("score-redactor", "s3:GetObject", RAW, True),
    ("score-redactor", "s3:DeleteObjectVersion", RAW, True),
    ("score-redactor", "s3:PutObject", KEPT, True),
    ("score-redactor", "s3:DeleteObjectVersion", KEPT, False),
    ("score-redactor", "s3:GetObject", "_unredacted/other/a.jsonl", False),
    ("bystander", "s3:GetObject", RAW, False),
    ("neighbour", "s3:GetObject", RAW, False),
    ("neighbour", "s3:GetObject", KEPT, False),
]


@pytest.mark.parametrize(("who", "action", "arn", "allowed"), CALLS)
def test_a_language_model_is_called_by_whom_it_was_granted(
    judge: Judge, access: Access, who: str, action: str, arn: str, allowed: bool
):
    (answer,) = judge.ask(access, [Question(role(access, who), action, arn)])
    assert answer.allowed is allowed, str(answer)


@pytest.mark.parametrize(("who", "action", "key", "allowed"), OBJECTS)
def test_what_is_not_redacted_is_read_by_what_redacts_alone(
    judge: Judge, access: Access, who: str, action: str, key: str, allowed: bool
):
    (bucket,) = [arn for arn in access.things if arn.startswith("arn:aws:s3:::ml-dev-fraud-lake-capture-")]
    (answer,) = judge.ask(access, [Question(role(access, who), action, f"{bucket}/{key}")])
    assert answer.allowed is allowed, str(answer)


def test_the_key_of_hashes_is_read_by_what_redacts_alone(judge: Judge, access: Access):
    (salt,) = [arn for arn in access.things if ":secretsmanager:" in arn]
    asked = [
        Question(role(access, who), "secretsmanager:GetSecretValue", salt)
        for who in ("score-redactor", "score-model", "watcher")
    ]
    assert [answer.allowed for answer in judge.ask(access, asked)] == [True, False, False]
