"""The function that seals manifests of evidence: under the role that alone signs, it signs nothing else.

It takes the manifest itself and never a hash, so that nobody gets a signature of something that isn't one. It ships
as text with `core.evidence`, so it uses nothing beyond boto3 and the standard library.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import boto3

from modelyard.core.evidence import FILES, KIND, sealed
from modelyard.core.releasing import bundle, canonical, pae


class NotSealed(Exception):
    """What was brought is no manifest of evidence."""


def handler(event: Mapping[str, Any], _: object) -> dict[str, str]:
    """Sign the text `manifest`; `seal` is a bundle of OpenSSF model-signing, of the manifest as a file."""
    text = str(event["manifest"])
    check(text)
    said, kms, key = sealed(text.encode()), boto3.client("kms"), os.environ["SIGNING_KEY"]
    made = kms.sign(KeyId=key, Message=pae(said), MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256")
    return {"seal": bundle(said, made["Signature"], kms.get_public_key(KeyId=key)["PublicKey"])}


def check(text: str) -> None:
    """Raises `NotSealed` for what isn't a manifest of evidence, written as manifests are."""
    try:
        said = json.loads(text)
    except ValueError as error:
        raise NotSealed(f"is no JSON: {error}") from None
    if not isinstance(said, dict) or said.get("kind") != KIND or canonical(said) != text:  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        raise NotSealed(f"is no {KIND}, or isn't written as one")
    missing = [name for name in FILES if name not in (said.get("files") or {})]  # pyright: ignore[reportUnknownMemberType]
    if missing:
        raise NotSealed(f"lists no {', '.join(missing)}")
