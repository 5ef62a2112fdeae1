"""Who calls which language model, and who reads captured calls before they are redacted, as the judge decides."""

from __future__ import annotations

import pytest
from tests.ground import CHURN, FRAUD, a_role, ground, recording, served
from tests.isolation.judge import Judge, Question
from tests.isolation.world import arn_of

from modelyard import LanguageModelEndpoint, LanguageModelSpec, Secrets, SecretsSpec
from modelyard.assess.access import Access, collect

RELEASE = {"kind": "declared", "version": 3}
CHAT = {"model": "writer", "release": RELEASE, "weights_gib": 15}
AWS = "arn:aws:sagemaker:eu-west-1:123456789012"
INVOKE, STREAM = "sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"


def program() -> None:
    on = ground(FRAUD, "writer")
    salts = {"entries": {"salt": {"kind": "generated", "classification": "internal"}}}
    secrets = Secrets("secrets", SecretsSpec.model_validate(salts), context=FRAUD, keys=on.keys)
    spec = LanguageModelSpec.model_validate(
        {
            "owner": "ada@acme.example",
            "instance_type": "ml.g5.12xlarge",
            "models": {"chat": CHAT, "code": CHAT},
            "vpc": False,
        }
    )
    assistant = LanguageModelEndpoint("assistant", spec, context=FRAUD, registry=on.registry, keys=on.keys)
    capture = {"redact": {"fields": {"email": "hash"}, "columns": ["email"], "secret": "salt"}}
    score = on.endpoint("score", served(model="writer", capture=capture), secrets=secrets)
    assistant.grant_invoke(a_role("talker"), models=["chat"])
    assistant.grant_invoke(a_role("caller"))
    score.grant_read_capture(a_role("watcher"))
    a_role("bystander")
    a_role("neighbour", CHURN)


@pytest.fixture(scope="module")
def access() -> Access:
    return collect(recording(program))


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
    (answer,) = judge.ask(access, [Question(arn_of(access, who), action, arn)])
    assert answer.allowed is allowed, str(answer)


@pytest.mark.parametrize(("who", "action", "key", "allowed"), OBJECTS)
def test_what_is_not_redacted_is_read_by_what_redacts_alone(
    judge: Judge, access: Access, who: str, action: str, key: str, allowed: bool
):
    (bucket,) = [arn for arn in access.things if arn.startswith("arn:aws:s3:::ml-dev-fraud-lake-capture-")]
    (answer,) = judge.ask(access, [Question(arn_of(access, who), action, f"{bucket}/{key}")])
    assert answer.allowed is allowed, str(answer)


def test_the_key_of_hashes_is_read_by_what_redacts_alone(judge: Judge, access: Access):
    (salt,) = [arn for arn in access.things if ":secretsmanager:" in arn]
    asked = [
        Question(arn_of(access, who), "secretsmanager:GetSecretValue", salt)
        for who in ("score-redactor", "score-model", "watcher")
    ]
    assert [answer.allowed for answer in judge.ask(access, asked)] == [True, False, False]
