"""The embedded sandbox of a project: moto's server and the stand-in plugin's daemon, started, found and stopped."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.util
import json
import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from modelyard.core.document import read
from modelyard.core.errors import EmulatorError, Fault, ModelyardError, Source
from modelyard_sandbox import processes
from modelyard_sandbox.accounting import counted
from modelyard_sandbox.moto_server import LOOPBACK
from modelyard_sandbox.places import MARKER, Places
from modelyard_sandbox.processes import Process

CREDENTIAL: Final = "sandbox"
PASSPHRASE: Final = "sandbox"
FALLBACK_REGION: Final = "us-east-1"
OTHER_REGIONS: Final = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Sandbox:
    """The sandbox of the project at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.places = Places(self.root)

    def start(self, port: int | None = None) -> dict[str, Any]:
        """Start it if it isn't running; what `status` tells.

        Raises `EmulatorError` for a port that is taken, a process that doesn't come up, and a full disk.
        """
        if importlib.util.find_spec("moto") is None:
            raise EmulatorError("the emulator isn't installed", remedy="Install it: pip install 'modelyard[sandbox]'")
        with self._alone(), _disk():
            self._refuse_damaged()
            running = self._running()
            if running is not None and all(process.running() for process in running[1]):
                if not self._healthy(running[0]):
                    raise EmulatorError(
                        Fault(
                            f"the sandbox runs on port {running[0]}, and doesn't answer",
                            "Look into its log; to begin anew, with nothing in it: yard sandbox stop",
                            Source(str(self.places.log("emulator"))),
                        )
                    )
                if port is not None and port != running[0]:
                    raise EmulatorError(
                        f"the sandbox runs already, on port {running[0]}", remedy="Stop it first: yard sandbox stop"
                    )
                return self.status()
            self._end(running)
            self._put_stale_state_aside()
            chosen = _free_port(port)
            begun: list[Process] = []
            try:
                begun.append(self._start_server(chosen))
                begun.append(self._start_daemon(chosen))
                baseline = self._counted(chosen)
            except BaseException:
                for process in begun:
                    process.stop()
                raise
            self._write_record(chosen, begun, baseline)
        return self.status()

    def stop(self) -> bool:
        """Stop it, with everything in it; whether it ran. Pulumi's state of what is gone is put aside."""
        if not self.places.folder.exists():
            return False
        with self._alone():
            running = self._running()
            self._end(running)
            self._put_stale_state_aside()
        return running is not None

    def reset(self) -> dict[str, Any]:
        """Empty it: emulator and Pulumi's state. It runs afterwards."""
        running = self._running()
        port = running[0] if running else None
        self.stop()
        return self.start(port)

    def status(self) -> dict[str, Any]:
        """Whether it runs, and where: `running`, `healthy`, `endpoint`, `pids`, `folder`."""
        running = self._running()
        alive = running is not None and all(process.running() for process in running[1])
        return {
            "running": alive,
            "healthy": running is not None and alive and self._healthy(running[0]),
            "endpoint": _endpoint(running[0]) if running and alive else None,
            "pids": {process.name: process.pid for process in running[1]} if running and alive else {},
            "folder": str(self.places.folder),
        }

    def counts(self) -> dict[str, int]:
        """What exists in the emulator beyond what it began with, by `service: kind`.

        Raises `EmulatorError` where it doesn't run.
        """
        port = self._port()
        record = json.loads(self.places.record.read_text())
        now = self._counted(port)
        left = {name: count - record["baseline"].get(name, 0) for name, count in now.items()}
        return {name: count for name, count in left.items() if count > 0}

    def environment(self) -> dict[str, str | None]:
        """The variables that lead Pulumi, the AWS command line and boto3 here; None takes one away.

        Raises `EmulatorError` where the sandbox doesn't run.
        """
        variables: dict[str, str | None] = {
            "AWS_ACCESS_KEY_ID": CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
            "AWS_ENDPOINT_URL": _endpoint(self._port()),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "MODELYARD_SANDBOX": "1",
            "PULUMI_HOME": str(self.places.pulumi_home),
            "PULUMI_BACKEND_URL": f"file://{self.places.state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_PYTHON_CMD": sys.executable,
        }
        inherited = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN")
        others = ("AWS_WEB_IDENTITY_TOKEN_FILE", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK")
        variables.update(dict.fromkeys((*inherited, *others)))
        variables.update({name: None for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")})
        return variables

    @property
    def region(self) -> str:
        """The region of the project's first environment that lives in the sandbox."""
        try:
            document = read(self.root / "platform" / "platform.yaml")
        except ModelyardError:
            return FALLBACK_REGION
        environments = (document.for_environment(name).data for name in document.environments)
        region = next((found.get("region") for found in environments if found.get("sandbox")), FALLBACK_REGION)
        return region if isinstance(region, str) else FALLBACK_REGION

    def _start_server(self, port: int) -> Process:
        log = self.places.log("emulator")
        process = processes.start("emulator", "modelyard_sandbox.moto_server", ["--port", str(port)], log)
        processes.wait_until_ready(process, lambda: self._healthy(port), log)
        return process

    def _start_daemon(self, port: int) -> Process:
        from modelyard_sandbox.aws import launcher

        where = self.places.socket
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        where.unlink(missing_ok=True)
        log = self.places.log("provider")
        arguments = ["--socket", str(where), "--endpoint", _endpoint(port)]
        process = processes.start("provider", "modelyard_sandbox.aws.daemon", arguments, log)
        processes.wait_until_ready(process, where.exists, log)
        launcher.install(self.places.pulumi_home, where)
        return process

    def _running(self) -> tuple[int, list[Process]] | None:
        try:
            record = json.loads(self.places.record.read_text())
        except FileNotFoundError:
            return None
        found = [Process(name, at["pid"], at["began"]) for name, at in record["processes"].items()]
        return record["port"], found

    def _refuse_damaged(self) -> None:
        try:
            self._running()
        except (ValueError, KeyError, TypeError) as error:
            where = Source(str(self.places.record))
            raise EmulatorError(
                Fault(f"is damaged: {error}", "Delete it; end what still runs by hand.", where)
            ) from None

    def _port(self) -> int:
        running = self._running()
        if running is None or not all(process.running() for process in running[1]):
            raise EmulatorError("the sandbox doesn't run", remedy="Start it: yard sandbox start")
        return running[0]

    def _healthy(self, port: int) -> bool:
        try:
            with urllib.request.urlopen(f"{_endpoint(port)}/moto-api/config", timeout=5) as answer:
                return answer.status < 300
        except (urllib.error.URLError, OSError):
            return False

    def _end(self, running: tuple[int, list[Process]] | None) -> None:
        for process in reversed(running[1] if running else []):
            process.stop()
        self.places.record.unlink(missing_ok=True)
        self.places.socket.unlink(missing_ok=True)

    def _put_stale_state_aside(self) -> None:
        """What the emulator held is gone with it, so Pulumi's state of it is none any more."""
        if (self.places.state / ".pulumi" / "stacks").exists():
            aside = self.places.folder / "state-of-the-last-run"
            shutil.rmtree(aside, ignore_errors=True)
            self.places.state.rename(aside)

    def _write_record(self, port: int, begun: list[Process], baseline: Mapping[str, int]) -> None:
        self.places.state.mkdir(parents=True, exist_ok=True)
        self.places.pulumi_home.mkdir(parents=True, exist_ok=True)
        (self.places.state / MARKER).write_text(json.dumps({"sandbox": True}) + "\n")
        record = {
            "port": port,
            "processes": {process.name: process.as_json() for process in begun},
            "baseline": dict(baseline),
        }
        temporary = self.places.record.with_suffix(".new")
        temporary.write_text(json.dumps(record, indent=2) + "\n")
        temporary.replace(self.places.record)

    def _counted(self, port: int) -> dict[str, int]:
        session = boto3.Session(aws_access_key_id=CREDENTIAL, aws_secret_access_key=CREDENTIAL)
        settings = Config(proxies={}, retries={"total_max_attempts": 2}, ignore_configured_endpoint_urls=True)

        def client(service: str, region: str) -> Any:
            return session.client(service, region_name=region, endpoint_url=_endpoint(port), config=settings)

        return counted(client, self.region, tuple(region for region in OTHER_REGIONS if region != self.region))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two processes that start or stop one sandbox wait for each other."""
        with _disk():
            self.places.folder.mkdir(parents=True, exist_ok=True)
            handle = self.places.lock.open("w")
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _endpoint(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _free_port(wanted: int | None) -> int:
    """`wanted`, or one that the system gives. Raises `EmulatorError` for one that is taken or can't be."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted or 0))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "ports end at 65535"
            raise EmulatorError(
                Fault(f"can't be had: {reason}", "Use another, or none: a free one is found.", Source("--port"), wanted)
            ) from None
        return probe.getsockname()[1]


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise EmulatorError("the disk is full", remedy="Make room, then: yard sandbox start") from None
        raise


class Moto:
    """The sandbox as `modelyard` knows it: the entry point `moto` of the group `modelyard.emulators`."""

    def start(self, root: Path) -> dict[str, Any]:
        """Start the emulator of the project at `root` if it isn't running."""
        return Sandbox(root).start()

    def environment(self, root: Path) -> dict[str, str | None]:
        """The variables that lead Pulumi and boto3 to the emulator."""
        return Sandbox(root).environment()

    def counts(self, root: Path) -> dict[str, int]:
        """What exists in the emulator, by `service: kind`."""
        return Sandbox(root).counts()

    def deploy(self, program: Any, **options: Any) -> Any:
        """A program deployed to moto in this process, for tests; see `modelyard_sandbox.inprocess.deploy`."""
        from modelyard_sandbox.inprocess import deploy

        return deploy(program, **options)


moto = Moto()
