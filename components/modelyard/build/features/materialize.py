"""Runs as a job on Kubernetes: brings Feast's registry to the definitions, and online values up to this moment."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime


def main() -> None:
    """Apply, then fill by what is new in the history."""
    feast = ["feast", "-c", os.environ["REPOSITORY"]]
    subprocess.run([*feast, "apply"], check=True)
    now = datetime.now(tz=UTC).replace(tzinfo=None, microsecond=0)
    subprocess.run([*feast, "materialize-incremental", now.isoformat()], check=True)


if __name__ == "__main__":
    main()
