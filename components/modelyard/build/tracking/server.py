"""What runs in the containers of a server that we host, as data: no cloud SDK, so that tests start the same server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

PORT: Final = 5000
ADMIN, WRITER, READER = "admin", "writer", "reader"
"""MLflow's users. The reader sees runs, the writer owns those that it makes, the administrator may do everything."""

CREDENTIALS: Final = "/credentials"
SCRATCH: Final = "/tmp"
TOKEN_FILE: Final = f"{CREDENTIALS}/pgpass"
AUTH_FILE: Final = f"{CREDENTIALS}/auth.ini"
_NOT_THE_KEEPERS: Final = (
    *("AUDIT_WRITE", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
"""What containers have by themselves, but for what makes files another user's (CHOWN, DAC_OVERRIDE, FOWNER)."""

SERVER_USER: Final = 1000
"""The server runs as nobody in particular: no root, nothing of its image writable."""

_PATIENCE_SECONDS: Final = 60

PRIVATE_HOSTS: Final = ("localhost:*", "127.0.0.1:*", "10.*", "192.168.*", *(f"172.{n}.*" for n in range(16, 32)))
"""Hosts under which it may be asked beside its own name: what MLflow allows by itself, which a list replaces."""


def server_command(
    *,
    backend: str | None = None,
    artifact_root: str,
    through: str | None = None,
    hosts: Sequence[str] = (),
    port: int = PORT,
    workers: int = 2,
) -> list[str]:
    """The arguments that start MLflow, the first being the program.

    `backend`: SQLAlchemy's URI of the database; absent: MLFLOW_BACKEND_STORE_URI says it, where it holds a password.
    `artifact_root`: where runs keep their files; clients write there under their own rights, so that the server never
    stands between them. `through`: where the server itself keeps what clients send it; the root is then
    `mlflow-artifacts:/`. `hosts`: names under which it is reached.
    """
    served = ["--no-serve-artifacts"] if through is None else ["--serve-artifacts", "--artifacts-destination", through]
    return [
        "mlflow",
        "server",
        "--host",
        "0.0.0.0",
        "--port",
        str(port),
        "--workers",
        str(workers),
        *([] if backend is None else ["--backend-store-uri", backend]),
        "--default-artifact-root",
        artifact_root,
        *served,
        "--app-name",
        "basic-auth",
        "--allowed-hosts",
        ",".join((*hosts, *PRIVATE_HOSTS)),
    ]


def uvicorn_options(certificate: str | None) -> str:
    """What uvicorn is told. `certificate`: the folder of a Secret of type kubernetes.io/tls; None: no TLS.

    By itself it ends a process that says nothing for five seconds, as one does on a busy machine.
    """
    patience = f"--timeout-worker-healthcheck {_PATIENCE_SECONDS}"
    if certificate is None:
        return patience
    return f"{patience} --ssl-certfile {certificate}/tls.crt --ssl-keyfile {certificate}/tls.key"


def server_environment(
    *, region: str, auth_file: str = AUTH_FILE, token_file: str | None = TOKEN_FILE, certificate: str | None = None
) -> dict[str, str]:
    """The variables that the server needs beside its two secrets, `SECRETS`.

    `certificate`: the folder of a Secret of type kubernetes.io/tls; None: it speaks no TLS itself. libpq reads the
    token anew at each connection (postgresql.org/docs/current/libpq-pgpass); None: it has a password.
    """
    return {
        "AWS_DEFAULT_REGION": region,
        "HOME": SCRATCH,
        "MLFLOW_AUTH_CONFIG_PATH": auth_file,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_UVICORN_OPTS": uvicorn_options(certificate),
        **({} if token_file is None else {"PGPASSFILE": token_file}),
    }


SECRETS: Final = {"MLFLOW_AUTH_ADMIN_PASSWORD": "mlflow-admin", "MLFLOW_FLASK_SERVER_SECRET_KEY": "mlflow-session"}
"""The server's secrets: variable → entry of the component's secrets."""


def auth_configuration(*, database: str) -> str:
    """MLflow's own authorization, as its file says it; passwords aren't in it.

    Whoever has a user reads everything, writes what it makes itself, and nothing of others.
    """
    return "\n".join(
        (
            "[mlflow]",
            "default_permission = READ",
            f"database_uri = {database.replace('%', '%%')}",
            f"admin_username = {ADMIN}",
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth",
            "",
        )
    )


def database_uri(*, host: str, port: int, user: str, name: str, ca_file: str | None = None) -> str:
    """SQLAlchemy's URI of the database: no password, no connection without TLS, and the driver that images bring.

    The driver is named, since from 2.1 on SQLAlchemy takes another for `postgresql` alone.
    """
    security = f"sslmode=verify-full&sslrootcert={ca_file}" if ca_file else "sslmode=require"
    return f"postgresql+psycopg2://{user}@{host}:{port}/{name}?{security}"


def program(name: str) -> str:
    """The source of one of the small programs beside this file, which containers run as it is."""
    return Path(__file__).with_name(f"{name}.py").read_text("utf-8")


def containers(
    *,
    image: str,
    region: str,
    log_group: str,
    artifact_root: str,
    hosts: Sequence[str],
    workers: int,
    database: dict[str, Any],
    secrets: dict[str, str],
    password_version: int,
) -> list[dict[str, Any]]:
    """The containers of a task, in the form of RegisterTaskDefinition.

    One makes the database's user and ends, one keeps the token fresh and MLflow's users in step, one is the server.
    `database`: host, port, user, name, ca_file. `secrets`: ARNs by entry, and that of the database's master under
    `database`. Nothing secret is in any of it.
    """
    uri = database_uri(**database)
    place = {
        "AWS_DEFAULT_REGION": region,
        "CREDENTIALS": CREDENTIALS,
        "DATABASE_HOST": database["host"],
        "DATABASE_NAME": database["name"],
        "DATABASE_PORT": str(database["port"]),
        "DATABASE_USER": database["user"],
        "SSL_ROOT_CERTIFICATE": database["ca_file"] or "",
    }
    master = {f"MASTER_{key.upper()}": f"{secrets['database']}:{key}::" for key in ("username", "password")}
    keeping = {
        **place,
        "AUTH_CONFIGURATION": auth_configuration(database=uri),
        "AUTH_FILE": AUTH_FILE,
        "PASSWORD_VERSION": str(password_version),
        "SCRATCH": SCRATCH,
        "SERVER": f"http://127.0.0.1:{PORT}",
        "SERVER_USER": str(SERVER_USER),
        "TOKEN_FILE": TOKEN_FILE,
    }
    passwords = {f"{user.upper()}_PASSWORD": f"{secrets[f'mlflow-{user}']}:password::" for user in (WRITER, READER)}
    passwords["ADMIN_PASSWORD"] = f"{secrets['mlflow-admin']}:password::"
    both = [_mount("credentials", CREDENTIALS), _mount("scratch", SCRATCH)]
    start = ["python", "-c"]
    common: dict[str, Any] = {"image": image, "log_group": log_group, "region": region}
    return [
        _container(
            "database", [*start, program("prepare")], place, master, **common, essential=False, user=str(SERVER_USER)
        ),
        _container(
            "keeper",
            [*start, program("keeper")],
            keeping,
            passwords,
            **common,
            user="0",
            drop=_NOT_THE_KEEPERS,
            mountPoints=both,
            dependsOn=[{"containerName": "database", "condition": "SUCCESS"}],
            healthCheck=_healthy(["python", "-c", f"import os; os.stat('{TOKEN_FILE}'); os.stat('{AUTH_FILE}')"]),
        ),
        _container(
            "server",
            server_command(backend=uri, artifact_root=artifact_root, hosts=hosts, workers=workers),
            server_environment(region=region),
            {variable: _value(secrets[entry], entry) for variable, entry in SECRETS.items()},
            **common,
            user=str(SERVER_USER),
            workingDirectory=SCRATCH,
            mountPoints=both,
            portMappings=[{"containerPort": PORT, "hostPort": PORT, "protocol": "tcp"}],
            dependsOn=[{"containerName": "keeper", "condition": "HEALTHY"}],
            healthCheck=_healthy(["python", "-c", _ASK], start=180),
        ),
    ]


_ASK: Final = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/health', timeout=4)"


def _value(arn: str, entry: str) -> str:
    return arn if entry == "mlflow-session" else f"{arn}:password::"


def _mount(volume: str, path: str) -> dict[str, Any]:
    return {"sourceVolume": volume, "containerPath": path, "readOnly": False}


def _healthy(command: list[str], start: int = 30) -> dict[str, Any]:
    return {"command": ["CMD", *command], "interval": 15, "timeout": 5, "retries": 4, "startPeriod": start}


def _container(
    name: str,
    command: list[str],
    environment: dict[str, str],
    secrets: dict[str, str],
    *,
    image: str,
    log_group: str,
    region: str,
    essential: bool = True,
    drop: Sequence[str] = ("ALL",),
    **more: Any,
) -> dict[str, Any]:
    """One container: nothing of its image writable, every capability of the kernel dropped that it doesn't need."""
    logs = {"awslogs-group": log_group, "awslogs-region": region, "awslogs-stream-prefix": name}
    return {
        "name": name,
        "image": image,
        "essential": essential,
        "entryPoint": command[:1],
        "command": command[1:],
        "environment": [{"name": key, "value": value} for key, value in sorted(environment.items())],
        "secrets": [{"name": key, "valueFrom": value} for key, value in sorted(secrets.items())],
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": list(drop)}, "initProcessEnabled": True},
        "logConfiguration": {"logDriver": "awslogs", "options": logs},
        **more,
    }
