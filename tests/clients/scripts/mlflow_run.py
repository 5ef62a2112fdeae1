"""What a training job does with an MLflow server: log a run with a file and a model, and read all of it again."""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

import boto3


def resolve(uri: str, port: int) -> None:
    """Have the server's name lead to a port of this machine, as a load balancer's name leads to its targets."""
    name, known = urlsplit(uri).hostname, socket.getaddrinfo

    def found(host: Any, *arguments: Any, **named: Any) -> Any:
        return known("127.0.0.1", port, *arguments[1:], **named) if host == name else known(host, *arguments, **named)

    socket.getaddrinfo = found


def write(experiment: str) -> dict[str, Any]:
    """Log a run; its id, and where its files lie."""
    import mlflow

    class Doubles(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: list[float]) -> list[float]:
            return [2 * value for value in model_input]

    mlflow.set_experiment(experiment)
    file = Path(mkdtemp()) / "notes.txt"
    file.write_text("what was tried")
    with mlflow.start_run() as run:
        mlflow.log_param("depth", 3)
        for step, recall in enumerate((0.7, 0.9)):
            mlflow.log_metric("recall", recall, step=step)
        mlflow.log_artifact(str(file))
        model = mlflow.pyfunc.log_model(name="model", python_model=Doubles(), pip_requirements=["mlflow"])
    return {"run": run.info.run_id, "artifacts": run.info.artifact_uri, "model": model.model_uri}


def read(run: str, model: str) -> dict[str, Any]:
    """A run, its file, and what its model says."""
    import mlflow

    client = mlflow.MlflowClient()
    found = client.get_run(run)
    notes = Path(mlflow.artifacts.download_artifacts(run_id=run, artifact_path="notes.txt"))
    return {
        "params": found.data.params,
        "metrics": found.data.metrics,
        "history": [each.value for each in client.get_metric_history(run, "recall")],
        "notes": notes.read_text(),
        "said": mlflow.pyfunc.load_model(model).predict([1.5, 4.0]),
        "status": found.info.status,
    }


def look() -> dict[str, Any]:
    """See what there is."""
    import mlflow

    return {"experiments": [each.name for each in mlflow.search_experiments()]}


def annotate(run: str) -> dict[str, Any]:
    """Write into somebody's run."""
    import mlflow

    mlflow.MlflowClient().set_tag(run, "seen", "yes")
    return {}


TASKS = {"write": write, "read": read, "annotate": annotate, "look": look}


def done(task: str, **given: Any) -> dict[str, Any]:
    """What came of a task, or why it was refused."""
    from mlflow.exceptions import MlflowException

    try:
        return TASKS[task](**given)
    except MlflowException as error:
        status = re.search(r"\b(401|403)\b", str(error))
        return {"refused": str(error), "status": int(status[1]) if status else error.get_http_status_code()}


def main(uri: str, secret: str, port: int, tasks: list[dict[str, Any]], password: str) -> None:
    """Do tasks as the user whose name and password a secret holds, with another password if one is given."""
    resolve(uri, port)
    known = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    os.environ["MLFLOW_TRACKING_URI"] = uri
    os.environ["MLFLOW_TRACKING_USERNAME"] = known["username"]
    os.environ["MLFLOW_TRACKING_PASSWORD"] = password or known["password"]
    print(json.dumps([done(**task) for task in tasks]))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
