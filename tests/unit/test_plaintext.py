"""Secrets in plain text in a file: found by name, form and randomness, and never repeated in the message."""

from __future__ import annotations

import base64
import hashlib
import random
import string
import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelyard.core import document, plaintext
from modelyard.core.errors import SpecError
from modelyard.core.spec import Spec
from modelyard.foundation.secrets import SecretsSpec

ROOT = Path(__file__).resolve().parents[2]
UUID = "0b1f7a52-9c34-4f0e-8a6d-2f9e5c7b1a30"


class Page(Spec):
    description: str = ""
    count: int = 0
    secrets: SecretsSpec | None = None


def drawn(alphabet: str, length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


LETTERS_AND_DIGITS = string.ascii_letters + string.digits

NAMED = [
    ("password", "hunter2"),
    ("db_password", "p"),
    ("dbPassword", "hunter2"),
    ("API_KEY", "abc"),
    ("api-key", "abc"),
    ("apikey", "abc"),
    ("clientSecret", "abc"),
    ("auth_token", "abc"),
    ("aws_secret_access_key", "abc"),
    ("credentials", "user:word"),
    ("passphrase", "correct horse"),
    ("password", 123456),
]


@pytest.mark.parametrize(("key", "value"), NAMED)
def test_a_value_under_the_name_of_a_secret_is_one(key: str, value: Any):
    assert "plain text" in (plaintext.why_secret(key, value) or "")


FORMS = [
    "AKIA" + "Z" * 16,
    "-----BEGIN RSA PRIVATE KEY-----",
    "ghp_" + "a" * 36,
    "xoxb-" + "1" * 12,
    "sk_live_" + "a" * 20,
    "hf_" + "a" * 32,
    "postgresql://app:hunter2@db.internal:5432/app",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig",
]


@pytest.mark.parametrize("value", FORMS)
def test_a_secret_of_a_known_form_is_found_under_any_name(value: str):
    assert plaintext.why_secret("description", f"{value}")


@pytest.mark.parametrize("length", [20, 24, 32, 40, 64])
def test_random_letters_and_digits_are_found_under_any_name(length: int):
    found = [plaintext.why_secret("note", drawn(LETTERS_AND_DIGITS, length, seed)) for seed in range(200)]
    assert sum(map(bool, found)) >= 185, "nine of ten, and more with length"


def test_random_bytes_are_found_in_hexadecimal_and_base64_and_in_the_middle_of_a_sentence():
    for seed in range(50):
        raw = random.Random(seed).randbytes(32)
        assert plaintext.why_secret("note", raw.hex())
        assert plaintext.why_secret("note", base64.b64encode(raw).decode())
        assert plaintext.why_secret("note", f"use {base64.b64encode(raw).decode()} for it")


HARMLESS = [
    ("arn", "arn:aws:iam::123456789012:role/service-role/AWSGlueServiceRole-Ab3dEf9hIjKlMn0p"),
    ("secret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"),
    ("image", f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/train@sha256:{hashlib.sha256(b'x').hexdigest()}"),
    ("image", f"sha256:{hashlib.sha256(b'x').hexdigest()}"),
    ("digest", hashlib.sha256(b"x").hexdigest()),
    ("commit", hashlib.sha1(b"x").hexdigest()),
    ("model_hash", hashlib.md5(b"x").hexdigest()),
    ("owner", "ada.lovelace+oncall2026@analytics.acme-corp1.example"),
    ("key", UUID),
    ("key_id", f"mrk-{hashlib.md5(b'x').hexdigest()}"),
    ("subnet", "subnet-0a1b2c3d4e5f67890"),
    ("description", "Card transactions of 2024-2026, 1.2 billion rows; see docs/data/transactions-v2.md"),
    ("description", "See https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#s3-2024"),
    ("description", "Runs in subnet-0a1b2c3d4e5f67890, as arn:aws:iam::123456789012:role/Ab3dEf9hIjKlMn0pQr5t."),
    ("policy", "AmazonSageMakerServiceCatalogProductsUseRole2023"),
    ("bucket", "ml-prod-fraud-lake-raw-3abcd-7xyz2-eu-west-1"),
    ("instance", "ml.g5.12xlarge"),
    ("path", "s3://ml-prod-fraud-lake/features/v12/day=2026-01-31/part-00000.parquet"),
    ("expression", "cron(0 8 1 * ? *)"),
    ("columns", "transaction_amount_eur_30d_avg"),
    ("name", "fraud-detection-model-2026-10-31-candidate-17"),
    ("max_tokens", 4096),
    ("tokens", "many"),
    ("token_limit", "4096"),
    ("password_length", 32),
    ("secret_arn", "by-hand"),
    ("api_key_name", "vendor"),
    ("password", ""),
    ("password", None),
    ("password", "${DB_PASSWORD}"),
    ("token", True),
]


@pytest.mark.parametrize(("key", "value"), HARMLESS)
def test_what_only_looks_like_a_secret_passes(key: str, value: Any):
    assert plaintext.why_secret(key, value) is None


def parsed(text: str) -> document.Document:
    return document.parse(text.encode(), "teams/fraud.yaml")


def faults_of(text: str, environment: str = "dev") -> list[str]:
    with pytest.raises(SpecError) as raised:
        document.load(parsed(text).for_environment(environment), Page)
    return [str(fault) for fault in raised.value.faults]


def test_the_message_tells_file_path_and_remedy_and_two_characters_of_the_value():
    (said, unknown) = faults_of("description: fine\npassword: hunter2\n")
    assert said.startswith("teams/fraud.yaml:2:11: password: got 'hu…'; ") or unknown.startswith(
        "teams/fraud.yaml:2:11"
    )
    both = said + unknown
    assert 'declare it under secrets: "kind: generated" or "kind: environment"' in both
    assert "hunter2" not in both, "the fault of the unknown field shows no value either"


def test_a_secret_in_another_environments_part_is_found_too():
    text = f"description: fine\nenvironments:\n  prod:\n    description: {'AKIA' + 'Q' * 16}\n  dev: {{}}\n"
    (said,) = faults_of(text, "dev")
    assert said.startswith("teams/fraud.yaml:4:18: environments.prod.description: got 'AK…'; is an AWS access key")


def test_it_comes_with_all_other_faults():
    said = faults_of(f"count: many\ndescription: {drawn(LETTERS_AND_DIGITS, 40, 1)}\nnote: 1\n")
    assert [line.split(": ")[1] for line in said] == ["count", "description", "note"]


def test_no_message_about_a_section_repeats_a_secret_inside_it():
    said = faults_of(
        "secrets:\n  entries:\n    db: {kind: generated, beside: {password: hunter2}}\n  deployers: hunter2\n"
    )
    assert len(said) >= 2
    assert "hunter2" not in "\n".join(said)


def test_the_name_of_a_declared_secret_is_none():
    text = "secrets:\n  entries:\n    vendor: {kind: generated}\n"
    found = plaintext.faults(
        parsed(text + "endpoint:\n  token: vendor\n").data, lambda path: document.Source("f", path)
    )
    assert list(found) == []
    assert document.load(parsed(text), Page).secrets is not None


def test_the_files_that_ship_hold_no_secret():
    pages = [*ROOT.glob("platform/*.yaml"), *ROOT.glob("stacks/**/*.yaml"), *ROOT.glob("examples/**/*.yaml")]
    assert pages
    ignored = subprocess.run(["git", "check-ignore", *map(str, pages)], cwd=ROOT, capture_output=True, text=True)
    for page in pages:
        if str(page) in ignored.stdout.splitlines():
            continue
        found = document.read(page)
        assert list(plaintext.faults(found.data, lambda path: document.Source("", path))) == [], page
