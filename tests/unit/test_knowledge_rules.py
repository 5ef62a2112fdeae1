"""What the sandbox refuses by explicit rule: for each rule one case that is refused, and one that is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelyard_sandbox.knowledge import UNKNOWN, check, rules, shapes

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROUTE = "aws:ec2/route:Route"
ROUTE_TABLE = "aws:ec2/routeTable:RouteTable"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
NAT = "aws:ec2/natGateway:NatGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
DOOR_BOUNDARY = "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment"
BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
LOGGING = "aws:s3/bucketLogging:BucketLogging"
DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
TABLE = "aws:glue/catalogTable:CatalogTable"
WORKGROUP = "aws:athena/workgroup:Workgroup"
PARAMETER = "aws:ssm/parameter:Parameter"
BUDGET = "aws:budgets/budget:Budget"
CONTROLLED = "aws:cloudcontrol/resource:Resource"

TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]
}
READ = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    VPC: {"cidrBlock": "10.0.0.0/16"},
    SUBNET: {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24"},
    ROUTE: {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1"},
    ROUTE_TABLE: {"vpcId": "vpc-1"},
    ASSOCIATION: {"routeTableId": "rtb-1", "subnetId": "subnet-1"},
    NAT: {"subnetId": "subnet-1", "allocationId": "eipalloc-1"},
    ENDPOINT: {"vpcId": "vpc-1", "serviceName": "com.amazonaws.eu-west-1.s3"},
    GROUP: {"vpcId": "vpc-1", "name": "endpoints", "description": "Interface endpoints"},
    DEFAULT_GROUP: {"vpcId": "vpc-1"},
    INGRESS: {"securityGroupId": "sg-1", "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/16"},
    EGRESS: {"securityGroupId": "sg-1", "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/16"},
    FLOW_LOG: {
        "vpcId": "vpc-1",
        "trafficType": "ALL",
        "logDestinationType": "s3",
        "logDestination": "arn:aws:s3:::l",
    },
    LOG_GROUP: {"name": "/modelyard/flow"},
    ROLE: {"name": "trainer", "assumeRolePolicy": TRUST},
    POLICY: {"name": "read", "policy": READ},
    ROLE_POLICY: {"role": "trainer", "policy": READ},
    ATTACHMENT: {"role": "trainer", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    OIDC: {"url": "https://gitlab.com", "clientIdLists": ["sts.amazonaws.com"]},
    DOOR_BOUNDARY: {
        "instanceArn": "arn:aws:sso:::instance/ssoins-1234567890abcdef",
        "permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef",
        "permissionsBoundary": {"managedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    },
    KEY: {"description": "Lake"},
    ALIAS: {"name": "alias/lake", "targetKeyId": "key-1"},
    BUCKET: {"bucket": "acme-lake-raw"},
    VERSIONING: {"bucket": "lake", "versioningConfiguration": {"status": "Enabled"}},
    ENCRYPTION: {
        "bucket": "lake",
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "key-1"}}],
    },
    LIFECYCLE: {"bucket": "lake", "rules": [{"id": "old", "status": "Enabled", "expiration": {"days": 365.0}}]},
    LOCK: {"bucket": "lake", "rule": {"defaultRetention": {"mode": "COMPLIANCE", "days": 30.0}}},
    OBJECT: {"bucket": "lake", "key": "a/b", "content": "x"},
    LOGGING: {"bucket": "lake", "targetBucket": "logs", "targetPrefix": "lake/"},
    DATABASE: {"name": "fraud"},
    TABLE: {"name": "transactions", "databaseName": "fraud"},
    WORKGROUP: {"name": "fraud"},
    PARAMETER: {"name": "/fraud/contract", "type": "String", "value": "{}"},
    BUDGET: {"name": "fraud", "budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "100", "limitUnit": "USD"},
    CONTROLLED: {"typeName": "AWS::SageMaker::Endpoint", "desiredState": '{"EndpointConfigName": "c"}'},
}


@dataclass(frozen=True)
class Case:
    """A type's inputs, changed at the top level; None takes one away."""

    sentence: str
    token: str
    property: str
    refused: Mapping[str, Any]
    accepted: Mapping[str, Any]

    def inputs(self, change: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**ACCEPTED[self.token], **change}.items() if value is not None}


def one(sentence: str, token: str, property: str, refused: Any, accepted: Any) -> Case:
    """A case of one top-level property."""
    name = property.partition("[")[0].partition(".")[0]
    return Case(sentence, token, property, {name: refused}, {name: accepted})


def rule_of(**changes: Any) -> list[dict[str, Any]]:
    return [{"id": "a", "status": "Enabled", **changes}]


def transition(days: float, storage_class: str = "GLACIER") -> list[dict[str, Any]]:
    return [{"days": days, "storageClass": storage_class}]


def notification(**changes: Any) -> list[dict[str, Any]]:
    usual = {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "ACTUAL",
        "threshold": 80.0,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": ["a@example.com"],
    }
    return [{**usual, **changes}]


def inline_rule(**changes: Any) -> list[dict[str, Any]]:
    return [{"protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrBlocks": ["10.0.0.0/16"], **changes}]


MANAGED = "arn:aws:iam::aws:policy/P{}"
CASES = [
    one("a role takes ten managed policies", ROLE, "managedPolicyArns",
        [MANAGED.format(n) for n in range(11)], [MANAGED.format(n) for n in range(10)]),
    one("a managed policy is named by its ARN", ROLE, "managedPolicyArns[0]", ["aws:policy/ReadOnlyAccess"], [MANAGED]),
    one("a boundary is the ARN of a policy", ROLE, "permissionsBoundary",
        "arn:aws:iam::123456789012:role/boundary", "arn:aws:iam::123456789012:policy/boundary"),
    one("the path of service-linked roles is reserved", ROLE, "path", "/aws-service-role/", "/teams/fraud/"),
    Case("a prefix of a role's name leaves room for what follows", ROLE, "namePrefix",
         {"name": None, "namePrefix": "x" * 39}, {"name": None, "namePrefix": "x" * 38}),
    Case("a prefix of a policy's name leaves room for what follows", POLICY, "namePrefix",
         {"name": None, "namePrefix": "x" * 103}, {"name": None, "namePrefix": "x" * 102}),
    one("a prefix of an inline policy's name leaves room", ROLE_POLICY, "namePrefix", "x" * 103, "x" * 102),
    one("what is attached is the ARN of a policy", ATTACHMENT, "policyArn",
        "arn:aws:iam::123456789012:role/boundary", "arn:aws:iam::123456789012:policy/teams/boundary"),
    one("an issuer has no port", OIDC, "url", "https://ci.acme.example:8443", "https://ci.acme.example/oidc"),
    one("an issuer is reached by https", OIDC, "url", "http://ci.acme.example", "https://ci.acme.example"),
    one("a thumbprint is a SHA-1", OIDC, "thumbprintLists[0]", ["a" * 39], ["a" * 40]),
    one("an identity provider has five thumbprints at most", OIDC, "thumbprintLists", ["a" * 40] * 6, ["a" * 40] * 5),
    one("a permission set has one boundary", DOOR_BOUNDARY, "permissionsBoundary",
        {"managedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
         "customerManagedPolicyReference": {"name": "x", "path": "/"}},
        {"customerManagedPolicyReference": {"name": "x", "path": "/"}}),
    one("a key waits at least seven days for its deletion", KEY, "deletionWindowInDays", 6.0, 7.0),
    Case("a rotation period needs rotation", KEY, "",
         {"rotationPeriodInDays": 90.0}, {"rotationPeriodInDays": 90.0, "enableKeyRotation": True}),
    Case("only symmetric keys rotate by themselves", KEY, "",
         {"enableKeyRotation": True, "customerMasterKeySpec": "RSA_4096", "keyUsage": "SIGN_VERIFY"},
         {"enableKeyRotation": True, "customerMasterKeySpec": "SYMMETRIC_DEFAULT"}),
    one("an alias begins with alias/", ALIAS, "name", "lake", "alias/acme/lake"),
    one("the aliases of AWS are reserved", ALIAS, "name", "alias/aws/s3", "alias/aws-lake"),
    Case("a prefix of an alias begins with alias/", ALIAS, "namePrefix",
         {"name": None, "namePrefix": "lake-"}, {"name": None, "namePrefix": "alias/lake-"}),
    one("a bucket's name has three characters at least", BUCKET, "bucket", "ab", "abc"),
    one("a bucket's name has 63 characters at most", BUCKET, "bucket", "a" * 64, "a" * 63),
    one("a bucket's name is lower case", BUCKET, "bucket", "Lake-raw", "lake-raw"),
    one("a bucket's name takes no underscore", BUCKET, "bucket", "lake_raw", "lake.raw"),
    one("a bucket's name begins with a letter or digit", BUCKET, "bucket", "-lake", "1lake"),
    one("a bucket's name ends with a letter or digit", BUCKET, "bucket", "lake.", "lake1"),
    one("no two dots meet in a bucket's name", BUCKET, "bucket", "lake..raw", "lake.-raw"),
    one("a bucket's name is no IP address", BUCKET, "bucket", "192.168.5.4", "192.168.5"),
    one("the prefix xn-- is reserved", BUCKET, "bucket", "xn--lake", "xn-lake"),
    one("the prefix sthree- is reserved", BUCKET, "bucket", "sthree-lake", "sthreelake"),
    one("the prefix amzn-s3-demo- is reserved", BUCKET, "bucket", "amzn-s3-demo-lake", "amzn-s3-lake"),
    one("the suffix -s3alias is reserved", BUCKET, "bucket", "lake-s3alias", "lake-s3alias-1"),
    one("the suffix --ol-s3 is reserved", BUCKET, "bucket", "lake--ol-s3", "lake-ol-s3"),
    Case("a prefix of a bucket's name leaves room for what follows", BUCKET, "bucketPrefix",
         {"bucket": None, "bucketPrefix": "x" * 38}, {"bucket": None, "bucketPrefix": "x" * 37}),
    one("versioning is enabled, suspended or disabled", VERSIONING, "versioningConfiguration.status",
        {"status": "On"}, {"status": "Disabled"}),
    one("a key goes with KMS encryption only", ENCRYPTION, "rules[0].applyServerSideEncryptionByDefault",
        [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256", "kmsMasterKeyId": "key-1"}}],
        [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]),
    one("a bucket has 1,000 lifecycle rules at most", LIFECYCLE, "rules",
        [{"id": str(n), "status": "Enabled", "expiration": {"days": 1.0}} for n in range(1001)],
        [{"id": str(n), "status": "Enabled", "expiration": {"days": 1.0}} for n in range(1000)]),
    one("lifecycle rules have different ids", LIFECYCLE, "rules",
        [*rule_of(expiration={"days": 1.0}), *rule_of(expiration={"days": 2.0})],
        [*rule_of(expiration={"days": 1.0}), *rule_of(id="b", expiration={"days": 2.0})]),
    one("a lifecycle rule does something", LIFECYCLE, "rules[0]", rule_of(), rule_of(transitions=transition(90.0))),
    one("objects expire after they moved", LIFECYCLE, "rules[0]",
        rule_of(transitions=transition(90.0), expiration={"days": 90.0}),
        rule_of(transitions=transition(90.0), expiration={"days": 91.0})),
    one("a lifecycle rule's id has 255 characters at most", LIFECYCLE, "rules[0].id",
        rule_of(id="x" * 256, expiration={"days": 1.0}), rule_of(id="x" * 255, expiration={"days": 1.0})),
    one("a filter has one predicate", LIFECYCLE, "rules[0].filter",
        rule_of(expiration={"days": 1.0}, filter={"prefix": "a/", "tag": {"key": "k", "value": "v"}}),
        rule_of(expiration={"days": 1.0}, filter={"and": {"prefix": "a/", "tags": {"k": "v"}}})),
    one("uploads are aborted after a day at the earliest", LIFECYCLE,
        "rules[0].abortIncompleteMultipartUpload.daysAfterInitiation",
        rule_of(abortIncompleteMultipartUpload={"daysAfterInitiation": 0.0}),
        rule_of(abortIncompleteMultipartUpload={"daysAfterInitiation": 7.0})),
    one("expiration is by date or by days", LIFECYCLE, "rules[0].expiration",
        rule_of(expiration={"days": 1.0, "date": "2030-01-01T00:00:00Z"}), rule_of(expiration={"days": 1.0})),
    one("objects expire after a day at the earliest", LIFECYCLE, "rules[0].expiration.days",
        rule_of(expiration={"days": 0.0}), rule_of(expiration={"days": 1.0})),
    one("old versions expire after a day at the earliest", LIFECYCLE,
        "rules[0].noncurrentVersionExpiration.noncurrentDays",
        rule_of(noncurrentVersionExpiration={"noncurrentDays": 0.0}),
        rule_of(noncurrentVersionExpiration={"noncurrentDays": 1.0})),
    one("100 old versions are kept at most", LIFECYCLE, "rules[0].noncurrentVersionExpiration.newerNoncurrentVersions",
        rule_of(noncurrentVersionExpiration={"noncurrentDays": 1.0, "newerNoncurrentVersions": 101.0}),
        rule_of(noncurrentVersionExpiration={"noncurrentDays": 1.0, "newerNoncurrentVersions": 100.0})),
    one("a transition is by date or by days", LIFECYCLE, "rules[0].transitions[0]",
        rule_of(transitions=[{"days": 90.0, "date": "2030-01-01T00:00:00Z", "storageClass": "GLACIER"}]),
        rule_of(transitions=[{"date": "2030-01-01T00:00:00Z", "storageClass": "GLACIER"}])),
    one("objects become infrequent after 30 days", LIFECYCLE, "rules[0].transitions[0]",
        rule_of(transitions=transition(29.0, "STANDARD_IA")), rule_of(transitions=transition(30.0, "STANDARD_IA"))),
    one("a transition's days are not negative", LIFECYCLE, "rules[0].transitions[0].days",
        rule_of(transitions=transition(-1.0)), rule_of(transitions=transition(0.0))),
    one("retention is in days or in years", LOCK, "rule.defaultRetention",
        {"defaultRetention": {"mode": "COMPLIANCE", "days": 1.0, "years": 1.0}},
        {"defaultRetention": {"mode": "COMPLIANCE", "years": 1.0}}),
    one("retention lasts a day at least", LOCK, "rule.defaultRetention.days",
        {"defaultRetention": {"days": 0.0}}, {"defaultRetention": {"days": 1.0}}),
    one("retention lasts 100 years at most", LOCK, "rule.defaultRetention.years",
        {"defaultRetention": {"years": 101.0}}, {"defaultRetention": {"years": 100.0}}),
    Case("an object has one content", OBJECT, "", {"contentBase64": "eA=="},
         {"content": None, "contentBase64": "eA=="}),
    Case("a lock's mode and date go together", OBJECT, "", {"objectLockMode": "GOVERNANCE"},
         {"objectLockMode": "GOVERNANCE", "objectLockRetainUntilDate": "2030-01-01T00:00:00Z"}),
    one("an object's key has 1,024 bytes at most", OBJECT, "key", "é" * 513, "é" * 512),
    one("log keys have one format", LOGGING, "targetObjectKeyFormat", {},
        {"partitionedPrefix": {"partitionDateSource": "EventTime"}}),
    one("a VPC is a /28 at the smallest", VPC, "cidrBlock", "10.0.0.0/29", "10.0.0.0/28"),
    one("a VPC is a /16 at the largest", VPC, "cidrBlock", "10.0.0.0/15", "10.0.0.0/16"),
    one("a block has no host bits", VPC, "cidrBlock", "10.0.0.1/16", "10.1.0.0/16"),
    one("a block is a block", VPC, "cidrBlock", "10.0.0.0", "10.0.0.0/16"),
    Case("a VPC has a block", VPC, "", {"cidrBlock": None}, {"cidrBlock": None, "ipv4IpamPoolId": "ipam-pool-1"}),
    one("a subnet is a /28 at the smallest", SUBNET, "cidrBlock", "10.0.0.0/29", "10.0.0.0/28"),
    Case("a subnet's zone is named once", SUBNET, "",
         {"availabilityZone": "eu-west-1a", "availabilityZoneId": "euw1-az1"}, {"availabilityZone": "eu-west-1a"}),
    Case("a route has one destination", ROUTE, "", {"destinationIpv6CidrBlock": "::/0"},
         {"destinationCidrBlock": None, "destinationIpv6CidrBlock": "::/0"}),
    Case("a route has one target", ROUTE, "", {"gatewayId": "igw-1"}, {"natGatewayId": None, "gatewayId": "igw-1"}),
    one("a route's destination has no host bits", ROUTE, "destinationCidrBlock", "10.0.0.1/8", "10.0.0.0/8"),
    Case("a route's IPv6 destination has no host bits", ROUTE, "destinationIpv6CidrBlock",
         {"destinationCidrBlock": None, "destinationIpv6CidrBlock": "2001:db8::1/64"},
         {"destinationCidrBlock": None, "destinationIpv6CidrBlock": "2001:db8::/64"}),
    one("each route of a table has one destination", ROUTE_TABLE, "routes[0]",
        [{"gatewayId": "igw-1"}], [{"gatewayId": "igw-1", "cidrBlock": "0.0.0.0/0"}]),
    one("the routes of a table have no host bits", ROUTE_TABLE, "routes[0].cidrBlock",
        [{"gatewayId": "igw-1", "cidrBlock": "10.0.0.1/8"}], [{"gatewayId": "igw-1", "cidrBlock": "10.0.0.0/8"}]),
    Case("a route table belongs to a subnet or a gateway", ASSOCIATION, "",
         {"gatewayId": "igw-1"}, {"subnetId": None, "gatewayId": "igw-1"}),
    Case("a public NAT gateway has an address", NAT, "", {"allocationId": None},
         {"allocationId": None, "connectivityType": "private"}),
    Case("a private NAT gateway has no address", NAT, "", {"connectivityType": "private"}, {}),
    Case("a gateway endpoint lies in no subnet", ENDPOINT, "",
         {"subnetIds": ["subnet-1"]}, {"vpcEndpointType": "Interface", "subnetIds": ["subnet-1"]}),
    Case("an interface endpoint has no route table", ENDPOINT, "",
         {"vpcEndpointType": "Interface", "routeTableIds": ["rtb-1"]}, {"routeTableIds": ["rtb-1"]}),
    one("a security group's name has 255 characters at most", GROUP, "name", "x" * 256, "x" * 255),
    one("a security group's name doesn't look like an id", GROUP, "name", "sg-lake", "lake-sg-1"),
    one("the name of the default group is reserved", GROUP, "name", "default", "default-1"),
    one("a security group's name has an alphabet", GROUP, "name", "lake%", "lake & co [1]"),
    Case("a prefix of a security group's name leaves room", GROUP, "namePrefix",
         {"name": None, "namePrefix": "x" * 230}, {"name": None, "namePrefix": "x" * 229}),
    one("a security group's description has 255 characters at most", GROUP, "description", "x" * 256, "x" * 255),
    one("a security group's description has an alphabet", GROUP, "description", "the lake's", "the lake: raw"),
    *(
        case
        for token in (INGRESS, EGRESS)
        for case in (
            Case("a rule has one source", token, "", {"cidrIpv6": "::/0"}, {"cidrIpv4": None, "cidrIpv6": "::/0"}),
            Case("a rule for a protocol with ports has ports", token, "",
                 {"ipProtocol": "tcp"}, {"ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0}),
            Case("a range of ports goes up", token, "", {"ipProtocol": "tcp", "fromPort": 2.0, "toPort": 1.0},
                 {"ipProtocol": "tcp", "fromPort": 1.0, "toPort": 2.0}),
            Case("a port is at most 65535", token, "", {"ipProtocol": "tcp", "fromPort": 1.0, "toPort": 65536.0},
                 {"ipProtocol": "tcp", "fromPort": 1.0, "toPort": 65535.0}),
            one("a rule's protocol exists", token, "ipProtocol", "https", "-1"),
            one("a rule's block has no host bits", token, "cidrIpv4", "10.0.0.1/16", "10.0.0.1/32"),
            Case("a rule's IPv6 block has no host bits", token, "cidrIpv6",
                 {"cidrIpv4": None, "cidrIpv6": "::1/0"}, {"cidrIpv4": None, "cidrIpv6": "::/0"}),
            one("a rule's description has 255 characters at most", token, "description", "x" * 256, "x" * 255),
            one("a rule's description has an alphabet", token, "description", "the lake's", "the lake, raw"),
        )
    ),
    *(
        case
        for token in (GROUP, DEFAULT_GROUP)
        for side in ("ingress", "egress")
        for case in (
            one(f"{side}: all protocols means all ports", token, f"{side}[0]",
                inline_rule(protocol="-1"), inline_rule(protocol="-1", fromPort=0.0, toPort=0.0)),
            one(f"{side}: a block has no host bits", token, f"{side}[0].cidrBlocks[0]",
                inline_rule(cidrBlocks=["10.0.0.1/16"]), inline_rule(cidrBlocks=["10.0.0.1/32"])),
            one(f"{side}: the protocol exists", token, f"{side}[0].protocol",
                inline_rule(protocol="https"), inline_rule(protocol="17")),
            one(f"{side}: the description has 255 characters at most", token, f"{side}[0].description",
                inline_rule(description="x" * 256), inline_rule(description="x" * 255)),
            one(f"{side}: the description has an alphabet", token, f"{side}[0].description",
                inline_rule(description="the lake's"), inline_rule(description="the lake, raw")),
        )
    ),
    Case("a flow log watches one thing", FLOW_LOG, "",
         {"subnetId": "subnet-1"}, {"vpcId": None, "subnetId": "subnet-1"}),
    Case("a flow log to CloudWatch has a role", FLOW_LOG, "", {"logDestinationType": "cloud-watch-logs"},
         {"logDestinationType": "cloud-watch-logs", "iamRoleArn": "arn:aws:iam::123456789012:role/flow"}),
    Case("a flow log to S3 has no role", FLOW_LOG, "", {"iamRoleArn": "arn:aws:iam::123456789012:role/flow"}, {}),
    Case("a flow log of a VPC says which traffic", FLOW_LOG, "", {"trafficType": None}, {"trafficType": "REJECT"}),
    one("a flow log aggregates over a minute or ten", FLOW_LOG, "maxAggregationInterval", 61.0, 60.0),
    one("logs are kept for one of the offered times", LOG_GROUP, "retentionInDays", 31.0, 30.0),
    one("a log group's name doesn't begin with aws/", LOG_GROUP, "name", "aws/flow", "/aws/flow"),
    one("a log group's key is an ARN", LOG_GROUP, "kmsKeyId", "alias/logs", "arn:aws:kms:eu-west-1:123456789012:key/1"),
    Case("a parameter has one value", PARAMETER, "", {"insecureValue": "x"}, {"value": None, "insecureValue": "x"}),
    Case("a standard parameter has 4 KB at most", PARAMETER, "", {"value": "x" * 4097}, {"value": "x" * 4096}),
    Case("an advanced parameter has 8 KB at most", PARAMETER, "",
         {"tier": "Advanced", "value": "x" * 8193}, {"tier": "Advanced", "value": "x" * 8192}),
    one("a parameter's name has an alphabet", PARAMETER, "name", "/fraud contract", "/fraud/contract_1.2-3"),
    one("a parameter's name with levels begins with a slash", PARAMETER, "name", "fraud/contract", "contract"),
    one("the prefix aws is reserved", PARAMETER, "name", "/AWS/contract", "/my/aws"),
    one("the prefix ssm is reserved", PARAMETER, "name", "SSM-contract", "my-ssm"),
    one("a parameter's name has 1,011 characters at most", PARAMETER, "name", "x" * 1012, "x" * 1011),
    one("a parameter has 15 levels at most", PARAMETER, "name", "/a" * 16, "/a" * 15),
    one("a parameter's value is not empty", PARAMETER, "value", "", " "),
    one("a parameter names no other", PARAMETER, "value", "{{ssm:other}}", "{other}"),
    one("a database's name is lower case", DATABASE, "name", "Fraud", "fraud_1"),
    one("a table's name is lower case", TABLE, "name", "Transactions", "transactions_1"),
    one("a workgroup's results go to S3", WORKGROUP, "configuration.resultConfiguration.outputLocation",
        {"resultConfiguration": {"outputLocation": "lake/results"}},
        {"resultConfiguration": {"outputLocation": "s3://lake/results/"}}),
    one("a workgroup that encrypts by KMS names the key", WORKGROUP,
        "configuration.resultConfiguration.encryptionConfiguration",
        {"resultConfiguration": {"encryptionConfiguration": {"encryptionOption": "SSE_KMS"}}},
        {"resultConfiguration": {"encryptionConfiguration": {"encryptionOption": "SSE_KMS", "kmsKeyArn": "arn:key"}}}),
    one("a budget's name takes no colon", BUDGET, "name", "fraud:dev", "fraud-dev"),
    one("a budget's limit is an amount", BUDGET, "limitAmount", "much", "99.5"),
    one("a budget's start is a time", BUDGET, "timePeriodStart", "2026-01-01", "2026-01-01_00:00"),
    one("a budget's end is a time", BUDGET, "timePeriodEnd", "2026-01-01", "2026-01-01_00:00"),
    one("a budget has ten notifications at most", BUDGET, "notifications", notification() * 11, notification() * 10),
    one("a notification has a subscriber", BUDGET, "notifications[0]",
        notification(subscriberEmailAddresses=[]), notification()),
    one("a notification goes to ten addresses at most", BUDGET, "notifications[0].subscriberEmailAddresses",
        notification(subscriberEmailAddresses=["a@example.com"] * 11),
        notification(subscriberEmailAddresses=["a@example.com"] * 10)),
    one("a notification goes to one topic at most", BUDGET, "notifications[0].subscriberSnsTopicArns",
        notification(subscriberSnsTopicArns=["a", "b"]), notification(subscriberSnsTopicArns=["a"])),
    one("a notification compares", BUDGET, "notifications[0].comparisonOperator",
        notification(comparisonOperator=">"), notification(comparisonOperator="EQUAL_TO")),
    one("a notification is of what is, or what is foreseen", BUDGET, "notifications[0].notificationType",
        notification(notificationType="PAST"), notification(notificationType="FORECASTED")),
    one("a threshold is a percentage or an amount", BUDGET, "notifications[0].thresholdType",
        notification(thresholdType="SHARE"), notification(thresholdType="ABSOLUTE_VALUE")),
    Case("a budget's filter says what it measures", BUDGET, "",
         {"filterExpression": {"tags": {"key": "team", "values": ["fraud"]}}}, {"metrics": "BlendedCost"}),
    one("the state of a controlled resource is a JSON object", CONTROLLED, "desiredState", "[]",
        '{"EndpointConfigName": "a"}'),
    one("the state of a controlled resource is JSON", CONTROLLED, "desiredState", "{", '{"EndpointConfigName": "b"}'),
]  # fmt: skip
TAG_CASES = [
    one("tag keys have 128 characters at most", BUCKET, "tags", {"k" * 129: "v"}, {"k" * 128: "v"}),
    one("tag keys are not empty", BUCKET, "tags", {"": "v"}, {"k": ""}),
    one("tag values have 256 characters at most", BUCKET, "tags", {"k": "v" * 257}, {"k": "v" * 256}),
    one("the tags of AWS are reserved", VPC, "tags", {"AWS:team": "fraud"}, {"awsteam": "fraud"}),
    one("a resource has 50 tags at most", ROLE, "tags",
        {str(n): "v" for n in range(51)}, {str(n): "v" for n in range(50)}),
    one("an object has 10 tags at most", OBJECT, "tags",
        {str(n): "v" for n in range(11)}, {str(n): "v" for n in range(10)}),
    one("tags have an alphabet", ROLE, "tags", {"team": "fraud;risk"}, {"team": "fraud_risk é.:/=+-@ 1"}),
]  # fmt: skip


@pytest.mark.parametrize("case", [*CASES, *TAG_CASES], ids=lambda case: case.sentence)
def test_what_a_rule_refuses_is_refused_and_its_neighbour_accepted(case: Case):
    refused = check(case.token, case.inputs(case.refused))
    assert case.property in {failure.property for failure in refused}
    assert check(case.token, case.inputs(case.accepted)) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_ordinary_inputs_are_accepted(token):
    assert check(token, ACCEPTED[token]) == []


@pytest.mark.parametrize("token", ACCEPTED)
def test_inputs_of_which_nothing_is_known_are_accepted(token):
    assert check(token, dict.fromkeys(ACCEPTED[token], UNKNOWN)) == []


def test_every_rule_refuses_one_of_the_cases():
    idle = [rule for rule in rules.RULES if rule.token in ACCEPTED]
    for case in CASES:
        values, _ = shapes.read(case.token, case.inputs(case.refused))
        idle = [rule for rule in idle if rule.token != case.token or not list(rule.failures(values))]
    assert [f"{rule.token} {rule.property}" for rule in idle] == []


def test_every_type_with_rules_has_cases_here_or_in_a_page_of_its_own():
    pages = [page.read_text() for page in Path(__file__).parent.glob("test_knowledge_*.py")]
    assert [rule.token for rule in rules.RULES if not any(f'"{rule.token}"' in page for page in pages)] == []


def test_every_rule_names_the_page_it_comes_from():
    assert [rule for rule in rules.RULES if not rule.source.startswith("https://docs.aws.amazon.com/")] == []


def test_tags_of_ec2_take_any_character():
    assert check(VPC, {**ACCEPTED[VPC], "tags": {"team": "fraud;risk*"}}) == []
