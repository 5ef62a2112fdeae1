"""Runs beside the server as long as it does: a fresh token for the database, and MLflow's users as the secrets say.

A token of IAM opens the database for fifteen minutes, to new connections only; libpq reads it from a file each time.
Where no variable names such a file, the database has a password, and users are all it keeps.
Source: AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request

EVERY_SECONDS = 300
LOOK_SECONDS = 5


def escaped(text: str) -> str:
    """As a field of a password file takes it."""
    return text.replace("\\", "\\\\").replace(":", "\\:")


def entry(host: str, port: str, name: str, user: str, token: str) -> str:
    """The line of a password file that holds a token."""
    return ":".join(escaped(text) for text in (host, port, name, user, token)) + "\n"


def put(path: str, text: str, owner: int) -> None:
    """Write a file at once, readable by `owner` alone: libpq takes no other."""
    fresh = f"{path}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.chown(fresh, owner, owner)
    os.replace(fresh, path)


def token(environment: dict[str, str]) -> str:
    """A token of the task's role, signed here: it asks nobody."""
    import boto3

    return boto3.client("rds", region_name=environment["AWS_DEFAULT_REGION"]).generate_db_auth_token(
        DBHostname=environment["DATABASE_HOST"],
        Port=int(environment["DATABASE_PORT"]),
        DBUsername=environment["DATABASE_USER"],
    )


def refresh(environment: dict[str, str]) -> None:
    """Put down a new token."""
    host, port, name, user = (environment[f"DATABASE_{part}"] for part in ("HOST", "PORT", "NAME", "USER"))
    line = entry(host, port, name, user, token(environment))
    put(environment["TOKEN_FILE"], line, int(environment["SERVER_USER"]))


def ask(server: str, method: str, path: str, password: str, body: dict[str, str]) -> int:
    """MLflow's answer to its administrator: the HTTP status."""
    signed = base64.b64encode(f"admin:{password}".encode()).decode()
    request = urllib.request.Request(
        f"{server}/api/2.0/mlflow/users/{path}",
        data=json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"Basic {signed}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10, context=trusted()) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def trusted() -> ssl.SSLContext | None:
    """Trust in the certificate of the server beside this, and in no other; None where it has none."""
    certificate = os.environ.get("SERVER_CERTIFICATE")
    if not certificate:
        return None
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def users(environment: dict[str, str]) -> bool:
    """Give each user of MLflow's its password; False while the server doesn't answer, or has another administrator."""
    server, admin = environment["SERVER"], environment["ADMIN_PASSWORD"]
    for user in ("writer", "reader"):
        said = {"username": user, "password": environment[f"{user.upper()}_PASSWORD"]}
        try:
            if ask(server, "PATCH", "update-password", admin, said) == 200:
                continue
            status = ask(server, "POST", "create", admin, said)
        except OSError:
            return False
        if status != 200:
            print(f"MLflow's user {user} isn't ready: {status}", flush=True)
            return False
    return True


def main() -> None:
    """Make room, write what the server reads, and keep it fresh."""
    environment = dict(os.environ)
    signs = "TOKEN_FILE" in environment
    if signs:
        owner = int(environment["SERVER_USER"])
        os.chmod(environment["SCRATCH"], 0o1777)
        os.chown(environment["CREDENTIALS"], owner, owner)
        put(environment["AUTH_FILE"], environment["AUTH_CONFIGURATION"], owner)
    written = 0.0
    told = False
    while True:
        if signs and (time.monotonic() - written > EVERY_SECONDS or not written):
            refresh(environment)
            written = time.monotonic()
        told = told or users(environment)
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
