"""IAM and KMS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard_sandbox.knowledge.rules.rule import Rule, avoids, between, exactly_one, known, length, matches, size

_ROLE = "aws:iam/role:Role"
_POLICY = "aws:iam/policy:Policy"
_ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
_BOUNDARY = "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment"
_KEY = "aws:kms/key:Key"
_ALIAS = "aws:kms/alias:Alias"

_IAM_LIMITS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_CREATE_ROLE = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"
_ATTACH = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html"
_SERVICE_ROLES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html"
_CREATE_OIDC = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html"
_OIDC_THUMBPRINT = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html"
)
_SSO_BOUNDARY = "https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_PermissionsBoundary.html"
_KMS_ALIAS = "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html"
_KMS_DELETION = "https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"
_KMS_ROTATION = "https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html"

_POLICY_ARN = r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\x21-\x7e]+"
_says_alias = "an alias is alias/ and letters, digits and /_-"
_says_issuer = "an issuer is https:// and a host, maybe a path; no port, no query"
_says_policy_arn = "the ARN of a managed policy is needed, as in arn:aws:iam::123456789012:policy/name"


def _rotation(key: Mapping[str, Any]) -> str | None:
    if "rotationPeriodInDays" in key and known(key, "enableKeyRotation") is not True:
        return None if key.get("enableKeyRotation") not in (None, False) else "needs enableKeyRotation"
    return None


def _symmetric_rotation(key: Mapping[str, Any]) -> str | None:
    spec = known(key, "customerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    if known(key, "enableKeyRotation") is True and spec != "SYMMETRIC_DEFAULT":
        return f"enableKeyRotation: only symmetric keys rotate by themselves, not {spec}"
    return None


RULES: Sequence[Rule] = (
    Rule(_ROLE, "namePrefix", length(1, 38), _IAM_LIMITS),
    Rule(_ROLE, "path", avoids(r"^/aws-(service-role|reserved)/", "this path is reserved for AWS"), _SERVICE_ROLES),
    Rule(_ROLE, "managedPolicyArns", size(10, "managed policies"), _IAM_LIMITS),
    Rule(_ROLE, "managedPolicyArns[]", matches(_POLICY_ARN, _says_policy_arn), _ATTACH),
    Rule(_ROLE, "permissionsBoundary", matches(_POLICY_ARN, _says_policy_arn), _CREATE_ROLE),
    Rule(_POLICY, "namePrefix", length(1, 102), _IAM_LIMITS),
    Rule(_ROLE_POLICY, "namePrefix", length(1, 102), _IAM_LIMITS),
    Rule(_ATTACHMENT, "policyArn", matches(_POLICY_ARN, _says_policy_arn), _ATTACH),
    Rule(_OIDC, "url", matches(r"https://[A-Za-z0-9.-]+(/[^?#:]*)?", _says_issuer), _CREATE_OIDC),
    Rule(
        _OIDC,
        "thumbprintLists[]",
        matches(r"[0-9a-fA-F]{40}", "a SHA-1 thumbprint is 40 hexadecimal digits"),
        _OIDC_THUMBPRINT,
    ),
    Rule(_OIDC, "thumbprintLists", size(5, "thumbprints"), _CREATE_OIDC),
    Rule(_KEY, "deletionWindowInDays", between(7, 30), _KMS_DELETION),
    Rule(_KEY, "", _rotation, _KMS_ROTATION),
    Rule(_KEY, "", _symmetric_rotation, _KMS_ROTATION),
    Rule(
        _BOUNDARY,
        "permissionsBoundary",
        exactly_one("managedPolicyArn", "customerManagedPolicyReference"),
        _SSO_BOUNDARY,
    ),
    Rule(_ALIAS, "name", matches(r"alias/[A-Za-z0-9/_-]+", _says_alias), _KMS_ALIAS),
    Rule(_ALIAS, "name", avoids(r"^alias/aws/", "alias/aws/ is reserved for keys that AWS manages"), _KMS_ALIAS),
    Rule(_ALIAS, "namePrefix", matches(r"alias/(?!aws/)[A-Za-z0-9/_-]*", _says_alias), _KMS_ALIAS),
)
