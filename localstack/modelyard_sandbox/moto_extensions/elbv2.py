"""Load balancers: a protected one stays, and one that goes takes its listeners along."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException
from moto.elbv2.models import ELBv2Backend

_DELETE = ELBv2Backend.delete_load_balancer


class _Protected(ServiceException):
    code = "OperationNotPermitted"


def delete_load_balancer(self: Any, arn: str) -> None:
    """DeleteLoadBalancer; not while it is protected."""
    balancer = self.load_balancers.get(arn)
    if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise _Protected(f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled")
    for group in self.target_groups.values():
        group.load_balancer_arns = [known for known in group.load_balancer_arns if known != arn]
    _DELETE(self, arn)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    ELBv2Backend.delete_load_balancer = delete_load_balancer  # type: ignore[method-assign]
