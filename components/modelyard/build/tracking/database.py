"""The database of a server that we host: PostgreSQL, private, encrypted, entered by tokens of IAM."""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.build.tracking.idle import Switch
from modelyard.build.tracking.spec import DEFAULT_CLASS, TrackingDatabaseSpec
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.retention import Classification, retention_for
from modelyard.foundation.network import NetworkLike

PORT: Final = 5432
NAME: Final = "mlflow"
_MASTER: Final = "postgres"


class Database:
    """The instance, and the user by which the server connects.

    The user's name begins as all of the team's names do, so that IAM can tell it from other teams' users; the
    instance's own id, which `rds-db:connect` asks for, is known only afterwards.
    """

    def __init__(
        self,
        tracking: Component,
        spec: TrackingDatabaseSpec,
        *,
        network: NetworkLike,
        group: pulumi.Output[str],
        key_arn: pulumi.Output[str],
        secret_key_arn: pulumi.Output[str],
    ) -> None:
        context = tracking.context
        self._context = context
        self._identifier = tracking.physical("database")
        self.user = tracking.physical("database-user")
        retention = retention_for(Classification.CONFIDENTIAL, production=context.production)
        subnets = aws.rds.SubnetGroup(
            tracking.named("subnets"),
            name=tracking.physical("database-group"),
            description=f"Where the tracking of {context.owner} keeps its runs",
            subnet_ids=network.subnet_ids("private"),
            opts=tracking.options(),
        )
        parameters = aws.rds.ParameterGroup(
            tracking.named("parameters"),
            name=tracking.physical("database-group", f"postgres-{spec.version}"),
            family=f"postgres{spec.version}",
            description="No connection without TLS",
            parameters=[{"name": "rds.force_ssl", "value": "1", "apply_method": "immediate"}],
            opts=tracking.options(),
        )
        days = (30 if context.production else 1) if spec.backup_days is None else spec.backup_days
        final = tracking.physical("database", "final") if context.production else None
        self.instance = aws.rds.Instance(
            tracking.written_at("database", spec.source()),
            identifier=self._identifier,
            engine="postgres",
            engine_version=spec.version,
            instance_class=spec.instance_class or DEFAULT_CLASS,
            storage_type="gp3",
            allocated_storage=spec.storage_gib,
            max_allocated_storage=spec.most_storage_gib,
            storage_encrypted=True,
            kms_key_id=key_arn,
            db_name=NAME,
            username=_MASTER,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=secret_key_arn,
            iam_database_authentication_enabled=True,
            publicly_accessible=False,
            multi_az=context.production if spec.two_zones is None else spec.two_zones,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group],
            parameter_group_name=parameters.name,
            port=PORT,
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=False,
            backup_retention_period=days,
            copy_tags_to_snapshot=True,
            deletion_protection=retention.protect,
            skip_final_snapshot=final is None,
            final_snapshot_identifier=final,
            delete_automated_backups=final is None,
            opts=tracking.options(protect=retention.protect),
        )
        self.address: pulumi.Output[str] = self.instance.address
        self.master_secret_arn: pulumi.Output[str] = self.instance.master_user_secrets.apply(
            lambda secrets: secrets[0].secret_arn or ""
        )

    def may_connect(self) -> list[Statement]:
        """Lets an identity sign in as the server's user."""
        user = pulumi.Output.concat(self._context.arn("rds-db", "dbuser:"), self.instance.resource_id, f"/{self.user}")
        return [Statement(("rds-db:connect",), (user,))]

    def switch(self) -> Switch:
        """How it is stopped and started; a stopped one starts by itself after seven days."""
        named = {"DbInstanceIdentifier": self.instance.identifier}
        statement = Statement(
            ("rds:StartDBInstance", "rds:StopDBInstance"), (self._context.arn("rds", f"db:{self._identifier}"),)
        )
        return Switch("database", "rds", ("stopDBInstance", named), ("startDBInstance", named), statement)
