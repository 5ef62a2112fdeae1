"""MLflow on Fargate: a service behind an internal load balancer, its passwords, its logs, and its two roles."""

from __future__ import annotations

import re
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.tracking import server
from modelyard.build.tracking.database import NAME, PORT, Database
from modelyard.build.tracking.doors import Doors
from modelyard.build.tracking.idle import Switch
from modelyard.build.tracking.spec import HttpsListener, SelfHostedTracking
from modelyard.build.tracking.store import Store
from modelyard.core.access import Statement
from modelyard.core.actions import PULL_IMAGES
from modelyard.core.component import Component
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import NetworkLike
from modelyard.foundation.secrets import GeneratedSecret, Secrets, SecretsSpec

_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[^:@]+)"
)
_TLS: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"
_CONTAINER: Final = "server"
_GRACE_SECONDS: Final = 300


class Hosted:
    """The server and all that it stands on."""

    def __init__(
        self,
        tracking: Component,
        spec: SelfHostedTracking,
        store: Store,
        *,
        keys: KeysLike,
        network: NetworkLike,
        rests: bool,
    ) -> None:
        self._tracking = tracking
        self._spec = spec
        context = tracking.context
        secure = isinstance(spec.listener, HttpsListener)
        self._doors = Doors(tracking, spec, network, 443 if secure else 80)
        self.client_group = self._doors.client
        self.secrets = self._passwords(keys)
        self.database = Database(
            tracking,
            spec.database,
            network=network,
            group=self._doors.database,
            key_arn=keys.arn("data"),
            secret_key_arn=keys.arn("secrets"),
        )
        self.secrets.add_managed("database", self.database.master_secret_arn, key_arn=keys.arn("secrets"))
        log_group = aws.cloudwatch.LogGroup(
            tracking.named("logs"),
            name=tracking.physical("log-group", "server"),
            retention_in_days=spec.log_days,
            kms_key_id=keys.arn("logs"),
            opts=tracking.options(),
        )
        starter = self._role("starter", self._may_start(), "Starts the tracking server: its image, logs and secrets")
        runner = self._role(
            "runner", [*self.database.may_connect(), *store.may_read()], "The tracking server reaches its database"
        )
        self.secrets.grant_read(starter.role, secrets=sorted({*server.SECRETS.values(), *_USERS.values(), "database"}))
        balancer = self._balancer(network)
        self.balancer_name: pulumi.Output[str] = balancer.dns_name
        self.tracking_uri: pulumi.Output[str] = (
            pulumi.Output.from_input(f"https://{spec.listener.host}")
            if isinstance(spec.listener, HttpsListener)
            else pulumi.Output.concat("http://", balancer.dns_name)
        )
        self.containers = self._containers(store, log_group.name)
        definition = aws.ecs.TaskDefinition(
            tracking.written_at("task", spec.source()),
            family=tracking.physical("ecs"),
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(spec.cpu),
            memory=str(spec.memory_mib),
            execution_role_arn=starter.arn,
            task_role_arn=runner.arn,
            runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": "X86_64"},
            volumes=[{"name": "credentials"}, {"name": "scratch"}],
            container_definitions=pulumi.Output.json_dumps(self.containers, separators=(",", ":")),
            opts=tracking.options(),
        )
        targets, listener = self._targets(network, balancer)
        self._cluster = tracking.physical("ecs")
        cluster = aws.ecs.Cluster(
            tracking.named("cluster"),
            name=self._cluster,
            settings=[{"name": "containerInsights", "value": "disabled"}],
            opts=tracking.options(),
        )
        self._service = tracking.physical("ecs", "server")
        aws.ecs.Service(
            tracking.written_at("service", spec.source()),
            name=self._service,
            cluster=cluster.arn,
            task_definition=definition.arn,
            launch_type="FARGATE",
            platform_version="1.4.0",
            desired_count=spec.count,
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            enable_execute_command=False,
            health_check_grace_period_seconds=_GRACE_SECONDS,
            propagate_tags="SERVICE",
            network_configuration={
                "subnets": network.subnet_ids("private"),
                "security_groups": [self._doors.server, network.security_group("workload")],
                "assign_public_ip": False,
            },
            load_balancers=[
                {"target_group_arn": targets.arn, "container_name": _CONTAINER, "container_port": server.PORT}
            ],
            opts=tracking.options(
                depends_on=[listener, starter.may_work, runner.may_work],
                ignore_changes=["desiredCount"] if rests else [],
            ),
        )
        self._context = context

    def switches(self) -> list[Switch]:
        """How servers and database are stopped and started."""
        named = {"Cluster": self._cluster, "Service": self._service}
        service = self._context.arn("ecs", f"service/{self._cluster}/{self._service}")
        return [
            Switch(
                "server",
                "ecs",
                stop=("updateService", {**named, "DesiredCount": 0}),
                start=("updateService", {**named, "DesiredCount": self._spec.count}),
                statement=Statement(("ecs:UpdateService",), (service,)),
            ),
            self.database.switch(),
        ]

    def _passwords(self, keys: KeysLike) -> Secrets:
        """MLflow's users and the key of its sessions: values that Secrets Manager makes, and no state holds."""
        spec, tracking = self._spec, self._tracking
        versions = {server.ADMIN: 1, server.WRITER: spec.password_version, server.READER: spec.password_version}
        entries: dict[str, Any] = {
            _USERS[user]: GeneratedSecret(
                kind="generated",
                description=f"MLflow's user {user}",
                beside={"username": user},
                version=versions[user],
            )
            for user in _USERS
        }
        entries["mlflow-session"] = GeneratedSecret(
            kind="generated", description="Signs MLflow's sessions", length=64, punctuation=False
        )
        return Secrets(
            tracking.named("secrets"),
            SecretsSpec(entries=entries),
            context=tracking.context,
            keys=keys,
            opts=tracking.options(),
        )

    def _role(self, role: str, statements: list[Statement], description: str) -> ServiceRole:
        tracking = self._tracking
        return ServiceRole(
            tracking,
            role,
            "ecs-tasks",
            source_arn=tracking.context.arn("ecs", "*"),
            statements=statements,
            description=description,
            written=self._spec.source(),
        )

    def _may_start(self) -> list[Statement]:
        context = self._tracking.context
        logs = context.arn("logs", f"log-group:{self._tracking.physical('log-group', 'server')}")
        statements = [
            Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (f"{logs}:*",)),
            Statement(("ecr:GetAuthorizationToken",), ("*",)),
        ]
        found = _IMAGE.match(self._spec.image)
        if found is not None:
            place = f"arn:{context.partition}:ecr:{found['region']}:{found['account']}"
            statements.append(Statement(PULL_IMAGES, (f"{place}:repository/{found['name']}",)))
        return statements

    def _balancer(self, network: NetworkLike) -> aws.lb.LoadBalancer:
        tracking = self._tracking
        return aws.lb.LoadBalancer(
            tracking.named("balancer"),
            name=tracking.physical("load-balancer"),
            internal=True,
            load_balancer_type="application",
            subnets=network.subnet_ids("private"),
            security_groups=[self._doors.balancer],
            drop_invalid_header_fields=True,
            enable_deletion_protection=tracking.context.production,
            opts=tracking.options(),
        )

    def _targets(
        self, network: NetworkLike, balancer: aws.lb.LoadBalancer
    ) -> tuple[aws.lb.TargetGroup, aws.lb.Listener]:
        tracking, listener = self._tracking, self._spec.listener
        targets = aws.lb.TargetGroup(
            tracking.named("targets"),
            name=tracking.physical("load-balancer"),
            port=server.PORT,
            protocol="HTTP",
            target_type="ip",
            vpc_id=network.vpc_id,
            deregistration_delay=30,
            health_check={"path": "/health", "matcher": "200", "interval": 15, "timeout": 5},
            opts=tracking.options(),
        )
        security: dict[str, Any] = {"port": 80, "protocol": "HTTP"}
        if isinstance(listener, HttpsListener):
            security = {
                "port": 443,
                "protocol": "HTTPS",
                "certificate_arn": listener.certificate_arn,
                "ssl_policy": _TLS,
            }
        made = aws.lb.Listener(
            tracking.written_at("listener", listener.source()),
            load_balancer_arn=balancer.arn,
            default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
            opts=tracking.options(),
            **security,
        )
        return targets, made

    def _containers(self, store: Store, log_group: pulumi.Output[str]) -> pulumi.Output[list[dict[str, Any]]]:
        spec, region = self._spec, self._tracking.context.region
        listener = spec.listener
        host = listener.host if isinstance(listener, HttpsListener) else self.balancer_name
        return pulumi.Output.all(
            secrets=self.secrets.arns,
            address=self.database.address,
            log_group=log_group,
            root=store.root,
            host=host,
        ).apply(
            lambda known: server.containers(
                image=spec.image,
                region=region,
                log_group=known["log_group"],
                artifact_root=known["root"],
                hosts=[known["host"]],
                workers=spec.workers,
                database={
                    "host": known["address"],
                    "port": PORT,
                    "user": self.database.user,
                    "name": NAME,
                    "ca_file": spec.database.ca_file,
                },
                secrets=known["secrets"],
                password_version=spec.password_version,
            )
        )


_USERS: Final = {user: f"mlflow-{user}" for user in (server.ADMIN, server.WRITER, server.READER)}
"""The entry of each user's password among the component's secrets."""
