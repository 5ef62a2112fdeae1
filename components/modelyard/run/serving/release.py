"""Whether a version may be deployed: in production its release record is read and verified before anything is made."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
from pydantic import ValidationError

from modelyard.build.registry import ModelRegistry
from modelyard.core.component import Component
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.releases import SignedRelease
from modelyard.run.serving.models import package_arn


def released(
    endpoint: Component,
    registry: ModelRegistry,
    role: pulumi.Resource,
    *,
    model: str,
    versions: Sequence[tuple[int, Source]],
) -> pulumi.Output[list[pulumi.Resource]]:
    """The role, once every version is seen to be released; for `depends_on` of what would serve them.

    Raises `InputError` for each version that isn't, with the condition that fails, while it is previewed or deployed; a
    recording asks nothing live.
    """
    key = aws.kms.get_public_key_output(
        key_id=registry.signing_key_arn, opts=pulumi.InvokeOutputOptions(parent=endpoint)
    )
    places = {version: f"releases/{model}/{version}.json" for version, _ in versions}
    listed = {
        version: aws.s3.get_objects_output(
            bucket=registry.bucket.bucket, prefix=place, opts=pulumi.InvokeOutputOptions(parent=endpoint)
        ).keys
        for version, place in places.items()
    }
    texts = {
        version: found.apply(lambda keys, place=places[version]: _text(endpoint, registry, place, keys))
        for version, found in listed.items()
    }

    def judge(found: dict[str, Any]) -> list[pulumi.Resource]:
        known = [(version, where, found[str(version)]) for version, where in versions]
        faults = [
            fault
            for version, where, text in known
            if text is not None and found["key"] is not None
            for fault in unreleased(
                text,
                base64.b64decode(found["key"]),
                package=package_arn(registry, model, version),
                where=where,
                value=version,
            )
        ]
        if faults:
            raise InputError(*faults)
        return [role]

    return pulumi.Output.all(key=key.public_key, **{str(version): text for version, text in texts.items()}).apply(judge)


def unreleased(text: str, public_key: bytes, *, package: str, where: Source, value: int) -> list[Fault]:
    """Why a version isn't released, by its record's text; empty text stands for no record."""
    remedy = "Let it pass its gates and be approved (yard model approve), or name a version that is (yard model list)."
    if not text:
        return [Fault("has no release record, and this is production", remedy, where, value)]
    try:
        release = SignedRelease.model_validate_json(text)
    except ValidationError:
        return [Fault("has a release record that nobody can read", remedy, where, value)]
    if not release.verify(public_key):
        return [Fault("has a release record that the registry's key didn't sign", remedy, where, value)]
    if release.record.package != package:
        return [Fault(f"has the release record of {release.record.package}", remedy, where, value)]
    return []


def _text(
    endpoint: Component, registry: ModelRegistry, place: str, keys: Sequence[str] | None
) -> pulumi.Output[str | None]:
    """The record's text, empty where there is none; None while nothing live is asked, as in a recording."""
    if keys is None or place not in keys:
        return pulumi.Output.from_input(None if keys is None else "")
    opts = pulumi.InvokeOutputOptions(parent=endpoint)
    return aws.s3.get_object_output(bucket=registry.bucket.bucket, key=place, opts=opts).body
