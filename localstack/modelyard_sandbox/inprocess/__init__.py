"""Pulumi programs deployed by this process, to moto in it or to LocalStack: no CLI, for tests."""

from modelyard_sandbox.inprocess.deployment import Call, Deployed, Deployment, Emulated, deploy

__all__ = ["Call", "Deployed", "Deployment", "Emulated", "deploy"]
