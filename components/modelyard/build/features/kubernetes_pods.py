"""The pods of a Feast store on Kubernetes: the server, the job that fills it, and a Valkey of its own.

Sources: docs.feast.dev/reference/feature-servers/python-feature-server, …/online-stores/redis;
valkey.io/topics/acl, …/topics/encryption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi

from modelyard.build.features import feast_files
from modelyard.build.features.kubernetes_spec import GivenRedis, KubernetesFeaturesSpec, OwnRedis
from modelyard.core.given import SecretKey
from modelyard.core.kubernetes import WorkloadIdentity
from modelyard.core.pods import ASIDE_SECONDS, GIVEN_UP, apart, restricted, variables

PORT: Final = 6566
PORT_NAME: Final = "features"
REDIS_PORT: Final = 6379
REPOSITORY: Final = "/repository"
_TLS: Final = "/tls"
_CA: Final = "/ca"
_DRAIN_SECONDS: Final = 30
_START_SECONDS: Final = 300
_PERIOD: Final = 10
_RIGHTS: Final = {
    "reader": "~* -@all +@read +@connection +info +cluster|slots +cluster|shards",
    "writer": "~* +@all -@admin -@dangerous +info",
}
_USERS: Final = "".join(
    ["umask 077; printf 'user default off\\n"]
    + [f"user {user} on {rights} >%s\\n" for user, rights in _RIGHTS.items()]
    + ['\' "$READER_PASSWORD" "$WRITER_PASSWORD" > /users/users.acl']
)
"""A shell's command that writes Valkey's users where memory alone holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What pods of a store share. `files`: the ConfigMap of Feast's files. `redis`: its `host:port`; none: DynamoDB."""

    spec: KubernetesFeaturesSpec
    files: pulumi.Input[str]
    region: str
    redis: str | None
    kept: Sequence[Mapping[str, Any]]


def server_pod(around: Around, identity: WorkloadIdentity, *, selects: Mapping[str, str]) -> dict[str, Any]:
    """The pod that answers; it reads, and can write nothing."""
    spec = around.spec
    probe = {
        "httpGet": {"path": "/health", "port": PORT_NAME, "scheme": "HTTPS"},
        "periodSeconds": _PERIOD,
        "timeoutSeconds": 5,
    }
    held = {"memory": f"{spec.memory_mib}Mi"}
    serves = {
        **_container("server", spec.image, server_command(workers=spec.workers), around, "reader"),
        "ports": [{"name": PORT_NAME, "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": f"{spec.cpus:g}", **held}, "limits": held},
        "startupProbe": {**probe, "failureThreshold": _START_SECONDS // _PERIOD},
        "readinessProbe": {**probe, "failureThreshold": 2},
        "livenessProbe": {**probe, "failureThreshold": 6},
        "lifecycle": {"preStop": {"sleep": {"seconds": ASIDE_SECONDS}}},
    }
    serves["volumeMounts"] = [*serves["volumeMounts"], {"name": "tls", "mountPath": _TLS, "readOnly": True}]
    return {
        **_pod(identity, [serves], [*_volumes(around), _secret("tls", spec.tls)]),
        "terminationGracePeriodSeconds": _DRAIN_SECONDS + ASIDE_SECONDS,
        "topologySpreadConstraints": apart(selects),
    }


def server_command(*, workers: int, folder: str = REPOSITORY, port: int = PORT, certificate: str = _TLS) -> list[str]:
    """The arguments that start Feast's server; `certificate`: the folder of `tls.crt` and `tls.key`."""
    bound = ["--host", "0.0.0.0", "--port", str(port), "--workers", str(workers), "--no-access-log"]
    return [
        *("feast", "-c", folder, "serve", *bound),
        *("--cert", f"{certificate}/tls.crt", "--key", f"{certificate}/tls.key"),
    ]


def job_pod(around: Around, identity: WorkloadIdentity) -> dict[str, Any]:
    """The pod that fills online values from history."""
    spec = around.spec
    held = {"memory": f"{spec.job_memory_mib}Mi"}
    program = Path(__file__).with_name("materialize.py").read_text("utf-8")
    fills = {
        **_container("materialize", spec.image, ["python", "-c", program], around, "writer"),
        "resources": {"requests": {"cpu": "1", **held}, "limits": held},
    }
    return {**_pod(identity, [fills], _volumes(around)), "restartPolicy": "Never"}


def redis_pod(online: OwnRedis, identity: WorkloadIdentity) -> dict[str, Any]:
    """The pod of Valkey; its disk is the claim `data`."""
    held = {"memory": f"{online.memory_mib}Mi"}
    users = {"name": "users", "mountPath": "/users"}
    common: dict[str, Any] = {"image": online.image, "securityContext": dict(GIVEN_UP)}
    writes = {
        "name": "users",
        **common,
        "command": ["sh", "-c", _USERS],
        "env": [
            online.passwords.reader.variable("READER_PASSWORD"),
            online.passwords.writer.variable("WRITER_PASSWORD"),
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "volumeMounts": [users],
    }
    probe = {"tcpSocket": {"port": "redis"}, "periodSeconds": _PERIOD}
    serves = {
        "name": "redis",
        **common,
        "command": redis_command(memory_mib=online.memory_mib),
        "ports": [{"name": "redis", "containerPort": REDIS_PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "500m", **held}, "limits": held},
        "readinessProbe": probe,
        "livenessProbe": {**probe, "failureThreshold": 6},
        "volumeMounts": [
            {**users, "readOnly": True},
            {"name": "tls", "mountPath": _TLS, "readOnly": True},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    memory = {"name": "users", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
    return {**_pod(identity, [serves], [memory, _secret("tls", online.tls)]), "initContainers": [writes]}


def redis_command(
    *, memory_mib: int, port: int = REDIS_PORT, tls: str = _TLS, users: str = "/users", data: str = "/data"
) -> list[str]:
    """The arguments that start Valkey or Redis: TLS alone, its users' file, and every write on the disk."""
    said = {
        "--port": 0,
        "--tls-port": port,
        "--tls-cert-file": f"{tls}/tls.crt",
        "--tls-key-file": f"{tls}/tls.key",
        "--tls-ca-cert-file": f"{tls}/ca.crt",
        "--tls-auth-clients": "no",
        "--aclfile": f"{users}/users.acl",
        "--dir": data,
        "--appendonly": "yes",
        "--maxmemory": f"{memory_mib * 3 // 4}mb",
        "--maxmemory-policy": "noeviction",
    }
    return ["redis-server", *(str(part) for pair in said.items() for part in pair)]


def _pod(identity: WorkloadIdentity, containers: list[dict[str, Any]], volumes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "serviceAccountName": identity.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted(),
        "containers": containers,
        "volumes": volumes,
    }


def _secret(name: str, secret: str, files: Mapping[str, str] | None = None) -> dict[str, Any]:
    items = [{"key": key, "path": path} for key, path in (files or {}).items()]
    return {"name": name, "secret": {"secretName": secret, "defaultMode": 0o440, **({"items": items} if items else {})}}


def _authority(spec: KubernetesFeaturesSpec) -> SecretKey | None:
    """Where the certificate authority of its Redis lies."""
    if isinstance(spec.online, OwnRedis):
        return SecretKey(name=spec.online.tls, key="ca.crt")
    return spec.online.ca if isinstance(spec.online, GivenRedis) else None


def _volumes(around: Around) -> list[dict[str, Any]]:
    authority = _authority(around.spec)
    found: list[dict[str, Any]] = [
        {"name": "repository", "configMap": {"name": around.files}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "2Gi"}},
    ]
    return found if authority is None else [*found, _secret("ca", authority.name, {authority.key: "ca.crt"})]


def _container(name: str, image: str, command: Sequence[str], around: Around, user: str) -> dict[str, Any]:
    """A container with Feast's files, each by itself: as a folder, a ConfigMap shows Feast each file twice."""
    mounts: list[dict[str, Any]] = [
        {"name": "repository", "mountPath": f"{REPOSITORY}/{file}", "subPath": file, "readOnly": True}
        for file in (feast_files.CONFIGURATION, feast_files.DEFINITIONS)
    ]
    if _authority(around.spec) is not None:
        mounts.append({"name": "ca", "mountPath": _CA, "readOnly": True})
    told = {
        "AWS_DEFAULT_REGION": around.region,
        "FEAST_USAGE": "False",
        "HOME": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
        "REPOSITORY": REPOSITORY,
    }
    return {
        "name": name,
        "image": image,
        "command": list(command[:1]),
        "args": list(command[1:]),
        "workingDir": "/tmp",
        "env": [*variables(told), *around.kept, *_redis(around, user)],
        "securityContext": dict(GIVEN_UP),
        "volumeMounts": [*mounts, {"name": "scratch", "mountPath": "/tmp"}],
    }


def _redis(around: Around, user: str) -> list[dict[str, Any]]:
    """How Redis is entered as `user`; Kubernetes itself puts the password in ("Dependent Environment Variables")."""
    online = around.spec.online
    if not isinstance(online, GivenRedis | OwnRedis):
        return []
    password = online.passwords.reader if user == "reader" else online.passwords.writer
    parts = [around.redis or "", "ssl=true", f"username={user}", "password=$(REDIS_PASSWORD)"]
    if _authority(around.spec) is not None:
        parts.append(f"ssl_ca_certs={_CA}/ca.crt")
    return [
        password.variable("REDIS_PASSWORD"),
        {"name": feast_files.REDIS_VARIABLE, "value": ",".join(parts)},
    ]
