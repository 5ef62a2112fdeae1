"""The audit: a trail of every region that nobody changes, alarms on tampering, and the bus of the platform's events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import pulumi
import pulumi_aws as aws

from modelyard.core import access
from modelyard.core.access import Grantee, Principal, Statement, identity_of, trust_service
from modelyard.core.buckets import access_log_bucket, closed, encrypted, logged, only_tls, versioned
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.names import PLATFORM_TEAM
from modelyard.core.retention import Classification, retention_for
from modelyard.core.settle import at_program_end
from modelyard.foundation.audit import alarms, bus
from modelyard.foundation.audit.known import grant_publish, grant_subscribe
from modelyard.foundation.audit.places import DOMAIN, Places
from modelyard.foundation.audit.selectors import DataKind, Prefix, selectors, too_many
from modelyard.foundation.audit.spec import AuditSpec, ComplianceLock
from modelyard.foundation.keys import DECRYPT, KeysLike, through_service

_DELIVERED: Final = "AWSLogs"
_SEARCH: Final = ("logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetQueryResults", "logs:StartQuery")


class AuditTrail(Component):
    """Who did what in the whole account: recorded, locked, searched, and told to people where somebody tampers with it.

    Belongs to the platform's own stack. `keys` must let services in as `key_statements` says:
    `Keys("keys", spec, context=context, services=key_statements(context))`. Outputs: `bucket`, `topic_arn`,
    `bus_arn`, `bus_name`.
    """

    CAPABILITY = "audit"

    def __init__(
        self,
        name: str,
        spec: AuditSpec,
        *,
        context: Context,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        faults = list(spec.faults_in(context))
        if faults:
            raise SpecError(*faults)
        self.spec = spec
        self._retention = retention_for(Classification.RESTRICTED, production=context.production)
        self.places = Places(context, name)
        self.key_arn = keys.arn(DOMAIN)
        self._watched: dict[DataKind, list[Prefix]] = {}
        self._accounts: set[str] = set()
        self._settled = False
        self.bucket, may_write = self._bucket()
        self.log_group = aws.cloudwatch.LogGroup(
            self.named("log-group"),
            name=self.places.log_group_name,
            retention_in_days=spec.log_days,
            kms_key_id=self.key_arn,
            opts=self.options(protect=self._retention.protect),
        )
        self._trail_needs: list[pulumi.Resource] = [may_write]
        self.delivery = self._delivery()
        self.topic_arn = alarms.topic(self, self.places, spec, self.key_arn)
        alarms.rules(self, self.places, self.topic_arn)
        alarms.metric_alarms(self, self.places, spec, self.log_group, self.topic_arn)
        self.bus_arn, self.bus_name = bus.event_bus(self, self.places, spec, self.key_arn)
        at_program_end(self._settle)
        self.register_outputs({"bucket": self.bucket.bucket, "topic_arn": self.topic_arn, "bus_arn": self.bus_arn})

    def watch(self, *prefixes: Prefix, kind: DataKind = "AWS::S3::Object") -> None:
        """Record data events of what begins with one of these ARNs, such as `arn:aws:s3:::bucket/dataset/`.

        Raises `InputError` once the program has ended; more than CloudTrail takes is an error at its end.
        """
        if self._settled:
            remedy = "Call watch() in the program itself, never inside apply()."
            raise InputError(Fault("is watched after the trail was made", remedy, self.written, list(prefixes)))
        self._watched.setdefault(kind, []).extend(prefixes)

    def watch_buckets(self, *names: str) -> None:
        """Record accesses to objects of every bucket whose name begins with one of these."""
        self.watch(*(f"arn:{self.context.partition}:s3:::{name}" for name in names))

    def watch_team(self, team: str) -> None:
        """Record accesses to objects of all the team's buckets, whatever they are called, now and later."""
        owner = self.context.for_team(team).names.owner
        self.watch_buckets("-".join((*owner, "")))

    def admit_account(self, account: str) -> None:
        """Let the roles that the platform's teams have in another account of theirs put events on the bus."""
        if account != self.context.account:
            self._accounts.add(account)

    def grant_read(self, grantee: Grantee) -> None:
        """Let `grantee` read the trail's files, see what it records, verify its digests, and search its log group."""
        files = self.places.bucket
        identity_of(grantee).allow(
            self,
            "read",
            [
                Statement(("s3:GetBucketLocation", "s3:ListBucket"), (files,)),
                Statement(("s3:GetObject", "s3:GetObjectVersion"), (f"{files}/*",)),
                Statement(("cloudtrail:GetEventSelectors",), (self.places.trail,)),
                # Neither takes a resource: AWS's public keys, and the trails that there are (validate-logs asks both).
                Statement(("cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys"), ("*",)),
                Statement(_SEARCH, (self.places.log_group, f"{self.places.log_group}:*")),
                through_service(self.context, "s3", DECRYPT, self.key_arn),
            ],
        )

    def grant_publish(self, grantee: Grantee, *, team: str = PLATFORM_TEAM) -> None:
        """Let `grantee` put the platform's events on the bus in the name of `team`; absent, of the platform itself."""
        grant_publish(self, self.places, grantee, team)

    def grant_subscribe(self, grantee: Grantee, *, team: str) -> None:
        """Let `grantee` keep rules on the bus for the events of `team`, and lead them to things of the team's."""
        grant_subscribe(self, self.places, grantee, team)

    def _bucket(self) -> tuple[aws.s3.Bucket, aws.s3.BucketPolicy]:
        """The bucket of the trail's files: locked, versioned, encrypted, and written by this trail alone."""
        arn, name, days = self.places.bucket, self.places.bucket_name, self.spec.days(self.context)
        logs = access_log_bucket(self, sources=[arn], days=self.spec.access_log_days)
        bucket = aws.s3.Bucket(
            self.named("trail-files"),
            bucket=name,
            object_lock_enabled=True,
            force_destroy=self._retention.force_destroy,
            opts=self.options(protect=self._retention.protect),
        )
        closed(self, "trail-files", bucket)
        versioning = versioned(self, "trail-files-versioning", bucket)
        mode = "COMPLIANCE" if isinstance(self.spec.lock, ComplianceLock) else "GOVERNANCE"
        aws.s3.BucketObjectLockConfiguration(
            self.named("trail-files-lock"),
            bucket=bucket.bucket,
            rule={"default_retention": {"mode": mode, "days": days}},
            opts=self.options(depends_on=[versioning]),
        )
        # A bucket key would ask CloudTrail to decrypt, too.
        encrypted(self, "trail-files-encryption", bucket, self.key_arn, bucket_key=False)
        aws.s3.BucketLifecycleConfiguration(
            self.named("trail-files-lifecycle"),
            bucket=bucket.bucket,
            rules=[
                {
                    "id": "retention",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "expiration": {"days": days},
                    "noncurrent_version_expiration": {"noncurrent_days": 1},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
                }
            ],
            opts=self.options(depends_on=[versioning]),
        )
        logged(self, "trail-files-logging", bucket, logs, "trail/")
        policy = aws.s3.BucketPolicy(
            self.named("trail-files-policy"),
            bucket=bucket.bucket,
            policy=access.policy_json([*self._may_write(), *only_tls(arn)]),
            opts=self.options(),
        )
        return bucket, policy

    def _may_write(self) -> list[Statement]:
        """This trail writes, nobody else does, and in production nobody lifts the lock.

        Source: awscloudtrail/latest/userguide, "Amazon S3 bucket policy for CloudTrail".
        """
        arn, trail = self.places.bucket, {"aws:SourceArn": self.places.trail}
        service = "cloudtrail.amazonaws.com"
        delivered = f"{arn}/{_DELIVERED}/{self.context.account}/*"
        statements = [
            Statement(
                ("s3:GetBucketAcl",),
                (arn,),
                {"StringEquals": trail},
                principal=Principal.service(service),
                sid="TrailSeesTheBucket",
            ),
            Statement(
                ("s3:PutObject",),
                (delivered,),
                {"StringEquals": {**trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
                principal=Principal.service(service),
                sid="TrailWrites",
            ),
            Statement(
                ("s3:PutObject",),
                (f"{arn}/*",),
                {"StringNotEquals": {"aws:PrincipalServiceName": service}},
                "Deny",
                Principal.everyone(),
                "NobodyElseWrites",
            ),
        ]
        if self.context.production:
            lifts = ("s3:BypassGovernanceRetention", "s3:PutObjectLegalHold", "s3:PutObjectRetention")
            statements.append(
                Statement(lifts, (f"{arn}/*",), effect="Deny", principal=Principal.everyone(), sid="NobodyLiftsTheLock")
            )
        return statements

    def _delivery(self) -> aws.iam.Role:
        """The role by which the trail writes to its log group, and nothing else."""
        role = aws.iam.Role(
            self.named("delivery"),
            name=self.physical("iam-role", "delivery"),
            path=self.context.names.path,
            description="Delivers the trail to CloudWatch Logs",
            assume_role_policy=access.policy_json(
                [trust_service("cloudtrail.amazonaws.com", context=self.context, source_arn=self.places.trail)]
            ),
            permissions_boundary=self.context.boundary,
            opts=self.options(),
        )
        stream = f"{self.places.log_group}:log-stream:{self.context.account}_CloudTrail_*"
        policy = aws.iam.RolePolicy(
            self.named("delivery-policy"),
            name="deliver",
            role=role.name,
            policy=access.policy_json([Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (stream,))]),
            opts=self.options(),
        )
        self._trail_needs.append(policy)
        return role

    def _settle(self) -> None:
        self._settled = True
        made = selectors(self._watched, self.spec.data_events)
        fault = too_many(made, self.written.at("data_events"))
        if fault:
            raise InputError(fault)
        bus.bus_policy(self, self.places, self.bus_name, self._accounts)
        aws.cloudtrail.Trail(
            self.named("trail"),
            name=self.places.trail_name,
            s3_bucket_name=self.bucket.bucket,
            kms_key_id=self.key_arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            cloud_watch_logs_group_arn=pulumi.Output.concat(self.log_group.arn, ":*"),
            cloud_watch_logs_role_arn=self.delivery.arn,
            advanced_event_selectors=cast(Any, made),
            opts=self.options(depends_on=self._trail_needs, protect=self._retention.protect),
        )
