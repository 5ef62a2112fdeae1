"""How Feast understands a store whose online values lie in Redis: from its file, and the address of who may read."""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import mkdtemp

import boto3
from feast.infra.online_stores.redis import RedisOnlineStore
from feast.repo_config import load_repo_config

from modelyard_jobs.feature_clients import redis_connection
from modelyard_jobs.resources import resources


def main(view: str) -> None:
    """Print the nodes and settings with which Feast would connect."""
    address = resources().feature_view(view)
    folder = Path(mkdtemp())
    file = folder / "feature_store.yaml"
    boto3.client("s3").download_file(address.bucket, f"{address.repository}feature_store.yaml", str(file))
    os.environ["MODELYARD_FEAST_REDIS"] = redis_connection(address)
    online = load_repo_config(folder, file).online_store
    nodes, settings = RedisOnlineStore._parse_connection_string(online.connection_string)
    print(json.dumps({"type": online.redis_type.value, "nodes": nodes, "settings": settings}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
