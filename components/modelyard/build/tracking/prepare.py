"""Runs in a container before the server: makes the database's user, who signs in by IAM and never by a password.

It alone sees the password of the database's master, which RDS made and rotates, and ends before the server starts.
Source: AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.PostgreSQL.
"""

from __future__ import annotations

import os
from typing import Any


def statements(user: str, name: str, known: bool) -> list[str]:
    """What the master says to the database; `known`: whether the user exists already."""
    quoted, database = (f'"{text}"' for text in (user, name))
    made = [] if known else [f"CREATE ROLE {quoted} LOGIN"]
    return [
        *made,
        f"GRANT rds_iam TO {quoted}",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {quoted}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {quoted}",
    ]


def prepare(connection: Any, user: str, name: str) -> None:
    """Make the user, or see that it is as it should be; a second time changes nothing."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (user,))
        known = cursor.fetchone() is not None
        for statement in statements(user, name, known):
            cursor.execute(statement)


def main() -> None:
    """Connect as the master and prepare."""
    import psycopg2  # pyright: ignore[reportMissingModuleSource, reportMissingImports]

    root = os.environ["SSL_ROOT_CERTIFICATE"]
    security: dict[str, Any] = {"sslmode": "require"}
    if root:
        security = {"sslmode": "verify-full", "sslrootcert": root}
    name = os.environ["DATABASE_NAME"]
    connection = psycopg2.connect(
        host=os.environ["DATABASE_HOST"],
        port=os.environ["DATABASE_PORT"],
        dbname=name,
        user=os.environ["MASTER_USERNAME"],
        password=os.environ["MASTER_PASSWORD"],
        connect_timeout=20,
        **security,
    )
    prepare(connection, os.environ["DATABASE_USER"], name)
    print("the database's user is ready", flush=True)


if __name__ == "__main__":
    main()
