"""IAM: policies that AWS keeps are there to be attached (IAM/latest/UserGuide/access_policies_managed-vs-inline).

Moto reads all 1,500 of them into each account, or none; here each comes when somebody asks for it. And it looks through
its roles while other requests make some, which Python refuses.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, Role

_KEPT: Final = ":iam::aws:policy/"
_attach_role_policy, _get_policy = IAMBackend.attach_role_policy, IAMBackend.get_policy


@cache
def _documents() -> dict[str, Any]:
    return json.loads(aws_managed_policies_data)


def _fetch(backend: IAMBackend, arn: str) -> None:
    """Put a policy that AWS keeps into the account, if there is one of this ARN."""
    name = arn.rpartition("/")[2]
    if _KEPT in arn and arn not in backend.managed_policies and name in _documents():
        policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, _documents()[name])
        if policy.arn == arn:
            backend.managed_policies[arn] = policy


def attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
    """Attach it, from AWS's own where it is one of those."""
    _fetch(self, policy_arn)
    _attach_role_policy(self, policy_arn, role_name)


def get_policy(self: IAMBackend, policy_arn: str) -> Any:
    """The policy, from AWS's own where it is one of those."""
    _fetch(self, policy_arn)
    return _get_policy(self, policy_arn)


def get_roles(self: IAMBackend) -> list[Role]:
    """The roles as they are now: others are made while somebody looks through them."""
    return list(self.roles.values())


def install() -> None:
    """Patch the backend."""
    IAMBackend.get_roles = get_roles
    IAMBackend.attach_role_policy = attach_role_policy
    IAMBackend.get_policy = get_policy
