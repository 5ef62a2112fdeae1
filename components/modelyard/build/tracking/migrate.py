"""Runs in a container before the server: brings the database to what this MLflow knows, one pod at a time.

It writes what MLflow's authorization reads, which takes the database's address from a file alone.
"""

from __future__ import annotations

import os
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOCK = 5_417_352
"""By which pods of one server wait for another (postgresql.org/docs/current/explicit-locking, "Advisory Locks")."""
UNSAFE = ("allow", "disable", "prefer")
"""Modes in which libpq goes on unencrypted."""


def refuse(uri: str) -> None:
    """End with the reason where a connection could be unencrypted, or isn't one to PostgreSQL."""
    parts = urlsplit(uri)
    if parts.scheme.partition("+")[0] != "postgresql":
        sys.exit("the connection in the Secret is none of PostgreSQL; write postgresql://user:password@host:5432/name")
    asked = parse_qs(parts.query).get("sslmode", [])
    if set(asked) & set(UNSAFE):
        sys.exit(f"the connection in the Secret says sslmode={asked[0]}; take that out: it is encrypted here")


def write(path: str, text: str) -> None:
    """Write a file that its owner alone reads."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def upgrade(uri: str) -> None:
    """Make the tables of MLflow and of its users, or bring them to this version."""
    import sqlalchemy  # pyright: ignore[reportMissingImports]
    from mlflow.db import commands as tracking  # pyright: ignore[reportMissingImports]
    from mlflow.server.auth.db.cli import commands as users  # pyright: ignore[reportMissingImports]

    engine: Any = sqlalchemy.create_engine(uri)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        tracking(["upgrade", uri], standalone_mode=False)
        users(["upgrade", "--url", uri], standalone_mode=False)


def main() -> None:
    """Refuse, write, and upgrade."""
    uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
    refuse(uri)
    place = os.environ["DATABASE_PLACE"]
    write(os.environ["AUTH_FILE"], os.environ["AUTH_CONFIGURATION"].replace(place, uri.replace("%", "%%")))
    upgrade(uri)
    print("the database is ready", flush=True)


if __name__ == "__main__":
    main()
