"""What moto lacks and a component needs: one small module a service, each with an `install`, listed here."""

from __future__ import annotations

from collections.abc import Callable

from modelyard_sandbox.moto_extensions import athena, budgets, conditions, ec2, logs

EXTENSIONS: tuple[Callable[[], None], ...] = (
    athena.install,
    budgets.install,
    conditions.install,
    ec2.install,
    logs.install,
)


def install() -> None:
    """Add all of them to the moto of this process."""
    for extend in EXTENSIONS:
        extend()
