"""LocalStack for the sandbox: in host mode, or one that somebody else started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import modelyard_sandbox
from modelyard.core.errors import EmulatorError, Fault, Source
from modelyard.engine.progress import Shown
from modelyard_sandbox import processes
from modelyard_sandbox.aws.session import is_loopback
from modelyard_sandbox.localstack import environment
from modelyard_sandbox.localstack.services import How, table
from modelyard_sandbox.places import Places
from modelyard_sandbox.processes import Process
from modelyard_sandbox.servers import Choice, answer, at

ENDPOINT: Final = "MODELYARD_LOCALSTACK_ENDPOINT"
"""The variable that names a LocalStack that runs already, by container say; absent: one is started in host mode."""
ENFORCE: Final = "MODELYARD_ENFORCE_IAM"
"""The variable that has LocalStack refuse what no policy allows."""

_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_PATIENCE: Final = 90.0


class LocalStack:
    """LocalStack 4.14, the last that needs no token, in an environment of its own."""

    access_key = "123456789012"
    """LocalStack takes an access key of twelve digits for the account's number."""

    def check(self, choice: Choice) -> None:
        """Refuse an external one that can't be used, and a bridge that doesn't exist; make its environment."""
        if choice.external:
            _check_external(choice)
            return
        unknown = [name for name in choice.bridge if name not in _bridgeable()]
        if unknown:
            known = table()
            problem = "LocalStack answers it itself" if unknown[0] in known else "moto has no such service"
            raise EmulatorError(
                Fault(
                    problem, "Use boto3's name of one that moto has, as in --bridge rekognition.", _BRIDGE, unknown[0]
                )
            )
        with Shown() as progress:
            environment.install(progress)

    def start(self, port: int, choice: Choice, places: Places) -> Process:
        """Start it, and wait until it answers."""
        log = places.log("emulator")
        arguments = [word for name in choice.bridge for word in ("--bridge", name)]
        if choice.enforces_iam:
            arguments.append("--enforce-iam")
        folder = places.folder / "localstack"
        shutil.rmtree(folder, ignore_errors=True)
        process = processes.start(
            "emulator",
            "modelyard_sandbox.localstack.server",
            arguments,
            log,
            python=environment.install(),
            variables=_variables(port, folder),
        )
        processes.wait_until_ready(process, lambda: self.healthy(at(port)), log, _PATIENCE)
        return process

    def healthy(self, endpoint: str) -> bool:
        """Whether it answers there."""
        said = answer(f"{endpoint}/_localstack/health")
        return isinstance(said, dict) and "services" in said

    def services(self, choice: Choice) -> dict[str, How]:
        """The table; of an external one, what it says of itself."""
        if not choice.external:
            return table(choice.bridge)
        said = answer(f"{choice.external}/_localstack/health") or {}
        return {name: "native" for name, state in sorted(said.get("services", {}).items()) if state != "disabled"}


_BRIDGE: Final = Source("--bridge")


def _bridgeable() -> frozenset[str]:
    """Services that moto can answer: AWS has them, moto too, and LocalStack doesn't itself."""
    from moto.backend_index import backend_url_patterns

    from modelyard_sandbox.aws.session import botocore_session

    modules = {module for module, _ in backend_url_patterns}
    native = {name for name, how in table().items() if how == "native"}
    known = set(botocore_session().get_available_services()) - native
    return frozenset(name for name in known if name.replace("-", "") in modules)


def _check_external(choice: Choice) -> None:
    where = Source(ENDPOINT)
    if not is_loopback(choice.external):
        raise EmulatorError(
            Fault("is not on this machine; the sandbox goes nowhere else", "Forward a port.", where, choice.external)
        )
    if choice.bridge or choice.enforces_iam:
        what = "--bridge" if choice.bridge else ENFORCE
        raise EmulatorError(
            Fault("only the LocalStack that yard starts can be extended", f"Unset {ENDPOINT}.", Source(what))
        )
    if not LocalStack().healthy(choice.external):
        raise EmulatorError(
            Fault(
                "no LocalStack answers there",
                "Start it (docker compose -f localstack/compose.yaml up --wait), or unset the variable: "
                "yard starts one itself.",
                where,
                choice.external,
            )
        )


def _variables(port: int, folder: Path) -> dict[str, str]:
    """All that LocalStack sees of the environment: nothing of AWS, of Python, or of proxies."""
    package = folder / "path" / "modelyard_sandbox"
    package.parent.mkdir(parents=True)
    package.symlink_to(Path(modelyard_sandbox.__file__).resolve().parent)
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    address = at(port).partition("://")[2]
    return inherited | {
        "PYTHONPATH": str(package.parent),
        "GATEWAY_LISTEN": address,
        "LOCALSTACK_HOST": address,
        "SQS_ENDPOINT_STRATEGY": "path",
        "FILESYSTEM_ROOT": str(folder / "files"),
        "XDG_CACHE_HOME": str(environment.home() / "cache"),
        # In a container it would take the container's own folders for its image's, and empty them.
        "OVERRIDE_IN_DOCKER": "false",
        "DNS_ADDRESS": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    }
