"""Lambda: functions in Python run, under their role and with their own files; moto would take a container for each."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

from moto.awslambda.models import LambdaFunction
from moto.core.models import botocore_stubber
from moto.sts.models import sts_backends

_RUNNER: Final = Path(__file__).with_name("function_runner.py")
_CREDENTIALS_SECONDS: Final = 3600
_PORT: Final = "MOTO_PORT"
"""Set by the server that answers everything itself."""
_INHERITED: Final = ("HOME", "LANG", "PATH", "TMPDIR")


def invoke(self: Any, event: Any = None) -> tuple[str, bool, str]:
    """The handler's answer as JSON, whether it failed, and what it printed."""
    runtime = str(self.run_time)
    if not runtime.startswith("python") or not self.code_bytes:
        return _failure("NotImplemented", f"the sandbox runs Python that is shipped as a zip file, not {runtime}")
    with tempfile.TemporaryDirectory(prefix="modelyard-function-") as folder:
        with zipfile.ZipFile(io.BytesIO(self.code_bytes)) as files:
            files.extractall(folder)
        if not botocore_stubber.enabled and _PORT not in os.environ:
            return _failure("NotImplemented", "functions run in moto's own server, not behind another's gateway")
        run = _here if botocore_stubber.enabled else _apart
        return run(self, Path(folder), event if event is not None else {})


def _environment(function: Any) -> dict[str, str]:
    """What the function finds: its own variables, its region, and a session of its role."""
    session = sts_backends[function.account_id][function.partition].assume_role(
        function.region, function.function_name, function.role, "", _CREDENTIALS_SECONDS, ""
    )
    return {
        **{str(name): str(value) for name, value in function.environment_vars.items()},
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _apart(function: Any, folder: Path, event: Any) -> tuple[str, bool, str]:
    """In a process of its own, which reaches this server and knows nothing else."""
    variables = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    variables |= _environment(function)
    variables["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{os.environ[_PORT]}"
    command = [sys.executable, "-P", str(_RUNNER), str(folder), function.handler]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(event),
            env=variables,
            capture_output=True,
            text=True,
            timeout=float(function.timeout),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _failure("Sandbox.Timedout", f"{function.function_name} timed out after {function.timeout} seconds")
    if done.returncode != 0:
        return _failure("Runtime.ExitError", done.stderr[-2_000:])
    said = json.loads(done.stdout)
    return json.dumps(said["answer"]), bool(said["failed"]), done.stderr


def _here(function: Any, folder: Path, event: Any) -> tuple[str, bool, str]:
    """In this process, whose calls moto answers: what the files import comes from where this process has it."""
    file, _, name = function.handler.rpartition(".")
    printed = io.StringIO()
    with _as(_environment(function)), contextlib.redirect_stdout(printed):
        try:
            spec = importlib.util.spec_from_file_location(f"function_{file}", folder / f"{file}.py")
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return json.dumps(getattr(module, name)(event, None)), False, printed.getvalue()
        except Exception as error:
            answer, failed, _ = _failure(type(error).__name__, str(error))
            return answer, failed, printed.getvalue() + traceback.format_exc()


@contextlib.contextmanager
def _as(variables: Mapping[str, str]) -> Iterator[None]:
    """This process with a function's variables, and without a default session of boto3 that has others'."""
    import boto3

    with mock.patch.dict(os.environ, variables), mock.patch.object(boto3, "DEFAULT_SESSION", None):
        yield


def _failure(kind: str, message: str) -> tuple[str, bool, str]:
    return json.dumps({"errorType": kind, "errorMessage": message}), True, message


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    LambdaFunction._invoke_lambda = invoke  # type: ignore[method-assign]
