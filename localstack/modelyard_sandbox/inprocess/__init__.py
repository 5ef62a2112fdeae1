"""Pulumi programs deployed to moto in this process: no CLI, no server, for tests."""

from modelyard_sandbox.inprocess.deployment import Call, Deployed, Deployment, deploy

__all__ = ["Call", "Deployed", "Deployment", "deploy"]
