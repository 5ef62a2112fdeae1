"""The kit for testing one's own stacks: deploy a program to an emulator in this process, ask it, change it, destroy it.

from modelyard.testing import deploy

with deploy(program, config={"aws:region": "eu-west-1"}) as stack:
    assert stack.client("s3").list_buckets()["Buckets"]
"""

from modelyard.testing.deploying import Deployment, Resource, deploy

__all__ = ["Deployment", "Resource", "deploy"]
