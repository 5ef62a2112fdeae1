"""What a person does with a Feast repository: apply, materialize, ask online and for a training set."""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import boto3
import pandas as pd
from feast import FeatureStore


def main(bucket: str, repository: str, service: str, keys: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
    """`keys` are asked online, `asked` are entities with the moments that a training set is wanted of."""
    folder = Path(mkdtemp())
    s3 = boto3.client("s3")
    for file in ("feature_store.yaml", "definitions.py"):
        s3.download_file(bucket, f"{repository}{file}", str(folder / file))
    feast = str(Path(sys.executable).with_name("feast"))
    for arguments in (["apply"], ["materialize", "2020-01-01T00:00:00", "2040-01-01T00:00:00"]):
        done = subprocess.run([feast, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
    store = FeatureStore(repo_path=str(folder))
    chosen = store.get_feature_service(service)
    frame = pd.DataFrame([{**row, "event_timestamp": datetime.fromisoformat(row["event_timestamp"])} for row in asked])
    history = store.get_historical_features(entity_df=frame, features=chosen).to_df()
    print(
        json.dumps(
            {
                "views": [view.name for view in store.list_feature_views()],
                "online": store.get_online_features(features=chosen, entity_rows=keys).to_dict(),
                "history": json.loads(history.sort_values("event_timestamp").to_json(orient="records")),
            },
            default=str,
        )
    )


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
