"""SageMaker Studio."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, known

_DOMAIN = "aws:sagemaker/domain:Domain"
_PROFILE = "aws:sagemaker/userProfile:UserProfile"
_SPACE = "aws:sagemaker/space:Space"
_SCRIPT = "aws:sagemaker/studioLifecycleConfig:StudioLifecycleConfig"

_API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
_IDLE = f"{_API}API_IdleSettings.html"
_DISK = f"{_API}API_DefaultEbsStorageSettings.html"
_CREATE_SPACE = f"{_API}API_CreateSpace.html"
_CREATE_PROFILE = f"{_API}API_CreateUserProfile.html"
_CREATE_SCRIPT = f"{_API}API_CreateStudioLifecycleConfig.html"


def _idle(settings: Mapping[str, Any]) -> str | None:
    names = ("minIdleTimeoutInMinutes", "idleTimeoutInMinutes", "maxIdleTimeoutInMinutes")
    given = [(name, value) for name in names if isinstance(value := known(settings, name), int | float)]
    for (low, least), (high, most) in zip(given, given[1:], strict=False):
        if least > most:
            return f"{low} is {least:g}, more than {high}, {most:g}"
    return None


def _disk(settings: Mapping[str, Any]) -> str | None:
    usual, most = known(settings, "defaultEbsVolumeSizeInGb"), known(settings, "maximumEbsVolumeSizeInGb")
    if isinstance(usual, int | float) and isinstance(most, int | float) and usual > most:
        return f"defaultEbsVolumeSizeInGb is {usual:g}, more than maximumEbsVolumeSizeInGb, {most:g}"
    return None


def _owned(space: Mapping[str, Any]) -> str | None:
    given = [name for name in ("ownershipSettings", "spaceSharingSettings") if name in space]
    if len(given) == 1:
        return "ownershipSettings and spaceSharingSettings are given together, or not at all"
    settings = known(space, "spaceSettings")
    return (
        "a space that has an owner needs spaceSettings.appType"
        if given and isinstance(settings, Mapping) and not settings.get("appType")
        else None
    )


def _signed_on(profile: Mapping[str, Any]) -> str | None:
    given = [name for name in ("singleSignOnUserIdentifier", "singleSignOnUserValue") if name in profile]
    return f"{given[0]} alone names nobody; give both, or none" if len(given) == 1 else None


def _base64(text: str) -> str | None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "is no base64"
    return None


_EDITORS = ("codeEditorAppSettings", "jupyterLabAppSettings")
RULES: Sequence[Rule] = (
    *(
        Rule(_DOMAIN, f"defaultUserSettings.{editor}.appLifecycleManagement.idleSettings", _idle, _IDLE)
        for editor in _EDITORS
    ),
    Rule(_DOMAIN, "defaultUserSettings.spaceStorageSettings.defaultEbsStorageSettings", _disk, _DISK),
    Rule(_PROFILE, "", _signed_on, _CREATE_PROFILE),
    Rule(_SPACE, "", _owned, _CREATE_SPACE),
    Rule(_SCRIPT, "studioLifecycleConfigContent", _base64, _CREATE_SCRIPT),
)
