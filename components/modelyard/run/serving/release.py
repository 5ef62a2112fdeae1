"""Whether a version may be deployed: in production its release record is read and verified before anything is made."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
from pydantic import ValidationError

from modelyard.build.registry import ModelRegistry
from modelyard.core.component import Component
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.releases import SignedRelease
from modelyard.core.weights import is_list
from modelyard.run.serving.many import Target
from modelyard.run.serving.models import package_arn


def released(
    endpoint: Component,
    registry: ModelRegistry,
    role: pulumi.Resource,
    *,
    model: str,
    versions: Mapping[int, Source],
    artifacts: Mapping[int, str] | None = None,
    weights: bool = False,
) -> pulumi.Output[list[pulumi.Resource]] | None:
    """The role, once every version is seen to be released; for `depends_on` of what would serve them.

    None where the environment isn't production: there, any version may be tried. `versions`: where each is named.
    `artifacts`: the SHA-256 that a version's artifact must have, where the file says it; `weights`: whether these are
    lists of weights rather than archives.

    Raises `InputError` for each version that isn't, with the condition that fails, while it is previewed or deployed; a
    recording asks nothing live.
    """
    if not endpoint.context.production:
        return None
    asked = pulumi.InvokeOutputOptions(parent=endpoint)
    key = aws.kms.get_public_key_output(key_id=registry.signing_key_arn, opts=asked).public_key
    bucket = registry.bucket.bucket
    texts = {str(version): _text(bucket, f"releases/{model}/{version}.json", asked) for version in versions}

    def judge(found: dict[str, Any]) -> list[pulumi.Resource]:
        faults = [
            fault
            for version, where in versions.items()
            if found[str(version)] is not None and found["key"] is not None
            for fault in unreleased(
                found[str(version)],
                base64.b64decode(found["key"]),
                package=package_arn(registry, model, version),
                where=where,
                value=version,
                artifact=(artifacts or {}).get(version, ""),
                weights=weights,
            )
        ]
        if faults:
            raise InputError(*faults)
        return [role]

    return pulumi.Output.all(key=key, **texts).apply(judge)


def all_released(
    endpoint: Component, registry: ModelRegistry, role: pulumi.Resource, *, targets: Sequence[Target]
) -> pulumi.Output[list[pulumi.Resource]] | None:
    """As `released`, of versions of several models, each with the artifact that the file says."""
    models = sorted({target.model for target in targets})
    checks = [
        released(
            endpoint,
            registry,
            role,
            model=model,
            versions={target.version: target.written for target in targets if target.model == model},
            artifacts={target.version: target.artifact for target in targets if target.model == model},
        )
        for model in models
    ]
    asked = [check for check in checks if check is not None]
    return pulumi.Output.all(*asked).apply(lambda found: found[0]) if asked else None


def unreleased(
    text: str,
    public_key: bytes,
    *,
    package: str,
    where: Source,
    value: int,
    artifact: str = "",
    weights: bool = False,
) -> list[Fault]:
    """Why a version isn't released, by its record's text; empty text stands for no record.

    `artifact`: the SHA-256 that the file says. Empty: it says none. `weights`: whether it is that of a list of weights.
    """
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
    if artifact not in ("", release.record.artifact_digest):
        problem = f"was released with the artifact {release.record.artifact_digest}, and the file says {artifact}"
        return [Fault(problem, "Take the released artifact's SHA-256 (yard model show).", where, value)]
    if artifact and weights and not is_list(release.record.artifact):
        problem = f"is an archive ({release.record.artifact}), and language models are folders of weights"
        return [Fault(problem, "Register the folder of its weights (docs/language-models.md).", where, value)]
    if artifact and not weights and is_list(release.record.artifact):
        problem = f"is a folder of weights ({release.record.artifact}), and of many models each is an archive"
        return [Fault(problem, "Register it as a .tar.gz, or give it an endpoint of its own.", where, value)]
    return []


def _text(bucket: pulumi.Output[str], place: str, asked: pulumi.InvokeOutputOptions) -> pulumi.Output[str | None]:
    """The record's text, empty where there is none; None while nothing live is asked, as in a recording."""

    def read(keys: Sequence[str] | None) -> pulumi.Output[str | None]:
        if keys is None or place not in keys:
            return pulumi.Output.from_input(None if keys is None else "")
        return aws.s3.get_object_output(bucket=bucket, key=place, opts=asked).body

    return aws.s3.get_objects_output(bucket=bucket, prefix=place, opts=asked).keys.apply(read)
