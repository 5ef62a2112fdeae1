"""Who encrypts the disks of a cluster's machines under the platform's key."""

from __future__ import annotations

from modelyard.core.access import Principal, Statement
from modelyard.core.context import Context


def disks_use_key(context: Context) -> list[Statement]:
    """Lets EC2 Auto Scaling, by which EKS starts the machines of node groups, use the key for their disks.

    Its service-linked role has to be there: AWS makes it with the first group of an account. Source:
    autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.
    """
    role = context.arn(
        "iam", "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", regional=False
    )
    starts = Principal.roles(role)
    use = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
    for_disks = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    return [
        Statement(use, ("*",), principal=starts, sid="MachinesEncryptTheirDisks"),
        Statement(("kms:CreateGrant",), ("*",), for_disks, principal=starts, sid="MachinesKeepTheirDisks"),
    ]
