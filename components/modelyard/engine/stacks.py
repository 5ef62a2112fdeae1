"""Pulumi stacks as Modelyard uses them: where they are, selected or created, their outputs and state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.core.errors import EngineError, Fault, InputError, Source
from modelyard.engine.found import Engine, locate

_NO_STACK = "no stack named"


@dataclass(frozen=True, slots=True)
class StackTarget:
    """One stack of the Pulumi project in `project_dir`.

    `env` is laid over this process's environment; None removes a variable. Backend, passphrase and credentials are
    the user's own unless `env` says otherwise. `secrets_provider` is used when the stack is created; absent: the
    backend's own.
    """

    project_dir: Path
    stack: str
    env: Mapping[str, str | None] = field(default_factory=dict)
    secrets_provider: str | None = None

    def project(self) -> str:
        """The project's name. Raises `InputError` where there is no readable Pulumi.yaml."""
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        file = self.project_dir / "Pulumi.yaml"
        try:
            read = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                Fault("is missing", "Run it in a checkout that has platform/ and stacks/", Source(str(file)))
            ) from None
        except (OSError, UnicodeDecodeError, YAMLError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(Fault(f"can't be read: {reason}", "Mend the file", Source(str(file)))) from error
        if not isinstance(read, dict) or not isinstance(read.get("name"), str):
            raise InputError(Fault("has no project name", "Add `name: …`", Source(str(file), "name")))
        return read["name"]


def environment(engine: Engine, env: Mapping[str, str | None]) -> dict[str, str]:
    """The CLI's environment: the caller's, with the engine first on PATH and this Python for programs."""
    merged: dict[str, str | None] = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    merged["PULUMI_PYTHON_CMD"] = os.environ.get("PULUMI_PYTHON_CMD") or sys.executable
    merged.update(env)
    merged["PATH"] = engine.search_path(merged.get("PATH") or "")
    return {name: value for name, value in merged.items() if value is not None}


def present() -> Engine:
    """The engine of this machine. Raises `EngineError` if there is none yet."""
    engine = locate()
    if engine is None:
        raise EngineError("there is no Pulumi CLI on this machine", remedy="Run `yard engine install`")
    return engine


def select(target: StackTarget, *, create: bool, engine: Engine | None = None) -> None:
    """Makes the target the project's current stack, created first if `create` says so.

    Raises `InputError` for a stack that is not there and `EngineError` for a backend that refuses.
    """
    target.project()
    arguments = ["stack", "select", target.stack, "--non-interactive"]
    if create:
        arguments.append("--create")
        if target.secrets_provider:
            arguments += ["--secrets-provider", target.secrets_provider]
    _ask(target.project_dir, target.env, arguments, engine, target.stack)


def stack_outputs(target: StackTarget, *, show_secrets: bool = False, engine: Engine | None = None) -> dict[str, Any]:
    """The outputs of the stack as last deployed; secrets are `[secret]` unless asked for."""
    arguments = ["stack", "output", "--json", "--stack", target.stack]
    if show_secrets:
        arguments.append("--show-secrets")
    return json.loads(_ask(target.project_dir, target.env, arguments, engine, target.stack))


def stack_state(target: StackTarget, *, engine: Engine | None = None) -> dict[str, Any]:
    """The stack's whole state as `pulumi stack export` gives it, secrets encrypted."""
    arguments = ["stack", "export", "--stack", target.stack]
    return json.loads(_ask(target.project_dir, target.env, arguments, engine, target.stack))


def list_stacks(
    project_dir: Path, env: Mapping[str, str | None], *, engine: Engine | None = None
) -> list[dict[str, Any]]:
    """The project's stacks in the backend: name, current, lastUpdate, resourceCount where the backend knows it."""
    return json.loads(_ask(project_dir, env, ["stack", "ls", "--json"], engine, ""))


def remove_stack(target: StackTarget, *, engine: Engine | None = None) -> None:
    """Forgets an empty stack; its configuration file stays."""
    arguments = ["stack", "rm", target.stack, "--yes", "--preserve-config", "--non-interactive"]
    _ask(target.project_dir, target.env, arguments, engine, target.stack)


def unprotect(target: StackTarget, urns: Sequence[str], *, engine: Engine | None = None) -> None:
    """Lets `urns` be deleted from here on; Pulumi refuses to as long as they are protected."""
    if urns:
        arguments = ["state", "unprotect", *urns, "--yes", "--stack", target.stack]
        _ask(target.project_dir, target.env, arguments, engine, target.stack)


def refused(project_dir: Path, stack: str, said: str) -> InputError | EngineError:
    """The error for what the CLI said on standard error before it did anything."""
    text = "\n".join(line.removeprefix("error: ") for line in said.strip().splitlines()) or "it said nothing"
    file = Source(str(project_dir / "Pulumi.yaml"))
    if _NO_STACK in text:
        return InputError(Fault("no such stack is deployed", "Name one of `pulumi stack ls`", file, stack))
    if "passphrase must be set" in text or "incorrect passphrase" in text:
        return EngineError(Fault(text, "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE", file))
    if "PULUMI_ACCESS_TOKEN" in text or "pulumi login" in text:
        remedy = "Run `pulumi login`, set PULUMI_BACKEND_URL, or use --sandbox"
        return EngineError(Fault(text, remedy, file))
    if "currently locked" in text:
        remedy = f"Wait for the other update, or, if it was killed, run `pulumi cancel --stack {stack}`"
        return EngineError(Fault(text, remedy, file))
    return EngineError(Fault(f"the Pulumi CLI refused: {text}", "Mend what it names, then retry", file))


def _ask(
    project_dir: Path, env: Mapping[str, str | None], arguments: Sequence[str], engine: Engine | None, stack: str
) -> str:
    used = engine or present()
    answer = subprocess.run(
        [used.path, *arguments, "--color", "never"],
        cwd=project_dir,
        env=environment(used, env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise refused(project_dir, stack, answer.stderr or answer.stdout)
    return answer.stdout
