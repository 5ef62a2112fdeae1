"""A network, a key and a lake put together by hand, and a training role that may read one dataset of it."""

import pulumi
import pulumi_aws as aws

from modelyard import Context, DataLake, Keys, KeysSpec, LakeSpec, Network, Role, VpcSpec, trust_service

context = Context(
    organization="acme",
    platform="lab",
    environment="dev",
    region="eu-west-1",
    account="123456789012",
    team="vision",
)
only_here = aws.Provider("aws", region=context.region, allowed_account_ids=[context.account])
opts = pulumi.ResourceOptions(providers={"aws": only_here})

keys = Keys("keys", KeysSpec(), context=context, opts=opts)
network = Network("network", VpcSpec(cidr="10.30.0.0/20", zones=("eu-west-1a",)), context=context, keys=keys, opts=opts)
images = {"classification": "internal", "owner": "vision@acme.example", "columns": [{"name": "uri", "type": "string"}]}
spec = LakeSpec.model_validate({"datasets": {"images": images}})
lake = DataLake("lake", spec, context=context, keys=keys, opts=opts)
sagemaker = trust_service("sagemaker.amazonaws.com", context=context)
trainer = Role("trainer", context=context, trusted=[sagemaker], description="Trains the vision models", opts=opts)
lake.grant_read(trainer, datasets=["images"])

pulumi.export("bucket", lake.zone("raw").bucket.bucket)
pulumi.export("trainer", trainer.arn)
pulumi.export("resources", trainer.resources_path)
pulumi.export("subnets", network.subnet_ids("private"))
