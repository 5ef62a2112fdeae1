"""The stand-in for Pulumi's `aws` plugin as the engine speaks to it."""

from __future__ import annotations

from typing import ClassVar

from modelyard_sandbox.aws.provider import Provider
from modelyard_sandbox.aws.session import SandboxSession, decoded, faults
from modelyard_sandbox.plugins.servicer import Servicer
from modelyard_sandbox.plugins.values import Properties


class AwsServicer(Servicer):
    """One provider of AWS: a region, or an assumed role."""

    plugin: ClassVar[str] = "aws"

    def faults(self, configuration: Properties) -> list[tuple[str, str]]:
        """Endpoints elsewhere, and credentials that aren't the sandbox's."""
        return faults(decoded(configuration), self.greeting.environment)

    def configured(self, variables: Properties) -> Provider:
        """The provider of a configuration. Raises `ConfigurationRefused`."""
        return Provider(SandboxSession(variables, self.greeting.environment))

    def replacing(self, old: Properties, new: Properties, changed: list[str]) -> list[str]:
        """Another region is another place."""
        return ["region"] if "region" in changed else []
