"""The pods of an MLflow server on Kubernetes: containers that bring the database up to date, serve, and keep users.

Sources: mlflow.org/docs/latest/self-hosting/security/basic-http-auth, …/self-hosting/architecture/tracking-server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from modelyard.build.tracking import server
from modelyard.build.tracking.kubernetes_spec import KubernetesTrackingSpec, SecretTls
from modelyard.core.given import CompatibleStore
from modelyard.core.kubernetes import WorkloadIdentity
from modelyard.core.pods import ASIDE_SECONDS, GIVEN_UP, apart, restricted, variables

PORT_NAME: Final = "mlflow"
CERTIFICATE: Final = "/tls"
CA: Final = "/ca"
_PLACE: Final = "DATABASE"
"""Stands in the file of MLflow's authorization until a container knows the database's address."""
_PROXIED: Final = "mlflow-artifacts:/"
_DRAIN_SECONDS: Final = 60
_START_SECONDS: Final = 300
_PERIOD: Final = 10


def pod(
    spec: KubernetesTrackingSpec,
    identity: WorkloadIdentity,
    *,
    selects: Mapping[str, str],
    region: str,
    hosts: Sequence[str],
    root: pulumi.Input[str],
) -> dict[str, Any]:
    """The pod as the API writes it. `root`: where runs keep their files. `hosts`: the names of its service."""
    return {
        "serviceAccountName": identity.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _DRAIN_SECONDS + ASIDE_SECONDS,
        "securityContext": restricted(),
        "topologySpreadConstraints": apart(selects),
        "initContainers": [_migrates(spec)],
        "containers": [_serves(spec, region=region, hosts=hosts, root=root), _keeps(spec)],
        "volumes": [
            {"name": "credentials", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "2Gi"}},
            *([_of_secret("tls", spec.listener.certificate)] if isinstance(spec.listener, SecretTls) else []),
            *(
                [_of_secret("ca", spec.database.ca.name, {spec.database.ca.key: "ca.crt"})]
                if spec.database.ca is not None
                else []
            ),
        ],
    }


def _of_secret(name: str, secret: str, files: Mapping[str, str] | None = None) -> dict[str, Any]:
    items = [{"key": key, "path": path} for key, path in (files or {}).items()]
    return {
        "name": name,
        "secret": {"secretName": secret, "defaultMode": 0o440, **({"items": items} if items else {})},
    }


def _database(spec: KubernetesTrackingSpec) -> list[dict[str, Any]]:
    """How the database is entered: libpq takes from variables what the address doesn't say."""
    security = {"PGSSLMODE": "require"}
    if spec.database.ca is not None:
        security = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": f"{CA}/ca.crt"}
    return [spec.database.connection.variable("MLFLOW_BACKEND_STORE_URI"), *variables(security)]


def _mounts(spec: KubernetesTrackingSpec) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "credentials", "mountPath": server.CREDENTIALS},
        {"name": "scratch", "mountPath": server.SCRATCH},
    ]
    if spec.database.ca is not None:
        found.append({"name": "ca", "mountPath": CA, "readOnly": True})
    if isinstance(spec.listener, SecretTls):
        found.append({"name": "tls", "mountPath": CERTIFICATE, "readOnly": True})
    return found


def _container(name: str, spec: KubernetesTrackingSpec, command: Sequence[str], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": spec.image,
        "command": list(command[:1]),
        "args": list(command[1:]),
        "securityContext": dict(GIVEN_UP),
        **more,
        "volumeMounts": _mounts(spec),
    }


def _migrates(spec: KubernetesTrackingSpec) -> dict[str, Any]:
    told = {
        "AUTH_CONFIGURATION": server.auth_configuration(database=_PLACE),
        "AUTH_FILE": server.AUTH_FILE,
        "DATABASE_PLACE": _PLACE,
        "HOME": server.SCRATCH,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    return _container(
        "database",
        spec,
        ["python", "-c", server.program("migrate")],
        env=[*variables(told), *_database(spec)],
        resources={"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    )


def _serves(
    spec: KubernetesTrackingSpec, *, region: str, hosts: Sequence[str], root: pulumi.Input[str]
) -> dict[str, Any]:
    listener, files = spec.listener, spec.files
    secured = isinstance(listener, SecretTls)
    environment = server.server_environment(
        region=region, token_file=None, certificate=CERTIFICATE if secured else None
    )
    command: dict[str, Any] = {"hosts": hosts, "workers": spec.workers}
    kept: list[dict[str, Any]] = []
    if isinstance(files, CompatibleStore):
        command |= {"artifact_root": _PROXIED, "through": files.uri}
        kept = files.variables()
    else:
        command |= {"artifact_root": root}
    asked = {"path": "/health", "port": PORT_NAME, **({"scheme": "HTTPS"} if secured else {})}
    probe = {"httpGet": asked, "periodSeconds": _PERIOD, "timeoutSeconds": 5}
    passwords = spec.passwords
    held = {"memory": f"{spec.memory_mib}Mi"}
    return _container(
        "server",
        spec,
        server.server_command(**command),
        workingDir=server.SCRATCH,
        env=[
            *variables(environment),
            *kept,
            *_database(spec),
            passwords.admin.variable("MLFLOW_AUTH_ADMIN_PASSWORD"),
            passwords.session.variable("MLFLOW_FLASK_SERVER_SECRET_KEY"),
        ],
        ports=[{"name": PORT_NAME, "containerPort": server.PORT, "protocol": "TCP"}],
        resources={"requests": {"cpu": f"{spec.cpus:g}", **held}, "limits": held},
        startupProbe={**probe, "failureThreshold": _START_SECONDS // _PERIOD},
        readinessProbe={**probe, "failureThreshold": 2},
        livenessProbe={**probe, "failureThreshold": 6},
        lifecycle={"preStop": {"sleep": {"seconds": ASIDE_SECONDS}}},
    )


def _keeps(spec: KubernetesTrackingSpec) -> dict[str, Any]:
    secured = isinstance(spec.listener, SecretTls)
    told = {
        "HOME": server.SCRATCH,
        "SERVER": f"{'https' if secured else 'http'}://127.0.0.1:{server.PORT}",
        **({"SERVER_CERTIFICATE": f"{CERTIFICATE}/tls.crt"} if secured else {}),
    }
    passwords = spec.passwords
    return _container(
        "users",
        spec,
        ["python", "-c", server.program("keeper")],
        env=[
            *variables(told),
            passwords.admin.variable("ADMIN_PASSWORD"),
            passwords.reader.variable("READER_PASSWORD"),
            passwords.writer.variable("WRITER_PASSWORD"),
        ],
        resources={"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    )
