"""Pulumi programs deployed to moto in this process: no CLI, no server, for tests."""

from modelyard_sandbox.inprocess.deployment import Deployed, Deployment, deploy

__all__ = ["Deployed", "Deployment", "deploy"]
