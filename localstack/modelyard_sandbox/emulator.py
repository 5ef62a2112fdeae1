"""The sandbox of a project: an emulator and the stand-in plugin's daemon, started, found and stopped."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.config import Config

from modelyard.core.document import read
from modelyard.core.errors import EmulatorError, Fault, ModelyardError, Source
from modelyard_sandbox import processes
from modelyard_sandbox.accounting import counted
from modelyard_sandbox.aws.session import botocore_session
from modelyard_sandbox.baseline import baseline
from modelyard_sandbox.kubernetes.server import Cluster
from modelyard_sandbox.kubernetes.starting import Wanted, begin
from modelyard_sandbox.localstack.host import ENDPOINT, ENFORCE
from modelyard_sandbox.places import MARKER, Places
from modelyard_sandbox.processes import Process
from modelyard_sandbox.record import Record
from modelyard_sandbox.servers import LOCALSTACK, MOTO, Choice, at, free_port, server

SECRET: Final = "sandbox"
PASSPHRASE: Final = "sandbox"
FALLBACK_REGION: Final = "us-east-1"
OTHER_REGIONS: Final = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1")
_NODES: Final = Source("--gpu-nodes")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Sandbox:
    """The sandbox of the project at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.places = Places(self.root)

    def start(
        self,
        port: int | None = None,
        emulator: str | None = None,
        bridge: Sequence[str] = (),
        *,
        kubernetes: bool | None = None,
        gpu_nodes: int | None = None,
    ) -> dict[str, Any]:
        """Start it if it isn't running; what `status` tells.

        `emulator`: `moto` or `localstack`; absent: the one of the last start, until it is stopped, else moto. `bridge`:
        further services of moto's that LocalStack is to offer. `kubernetes`: whether an API server runs beside it;
        absent: as at the last start, or where the platform's file wants a cluster. `gpu_nodes`: how many nodes with
        GPUs the cluster plays. Raises `EmulatorError` for a port that is taken, an emulator or a cluster that can't be
        had or reached, one that runs already, and a full disk.
        """
        with self._alone(), _disk():
            last = Record.read(self.places.record)
            choice = _choice(last, emulator, bridge)
            wanted = self._wanted(last, kubernetes, gpu_nodes)
            if last is not None and last.alive:
                self._refuse_another(last, choice, port, wanted)
                if wanted is not None and last.cluster is None:
                    replace(last, cluster=self._start_cluster(wanted)).write(self.places.record)
                return self.status()
            chosen = server(choice.emulator)
            chosen.check(choice)
            if choice.external and port is not None:
                where = Source("--port")
                raise EmulatorError(Fault(f"LocalStack answers at {choice.external}", "Leave it away.", where, port))
            self._end(last)
            self._put_stale_state_aside()
            begun: list[Process] = []
            cluster = None
            try:
                endpoint = choice.external
                if not endpoint:
                    free = free_port(port)
                    begun.append(chosen.start(free, choice, self.places))
                    endpoint = at(free)
                begun.append(self._start_daemon(endpoint))
                own = baseline(choice, self.region, lambda: self._counted(endpoint, chosen.access_key))
                processes.wait_until_ready(begun[-1], self.places.socket.exists, self.places.log("provider"))
                cluster = self._start_cluster(wanted) if wanted is not None else None
                self._mark()
                Record(choice, endpoint, tuple(begun), own, cluster).write(self.places.record)
            except BaseException:
                if cluster is not None:
                    cluster.stop()
                for process in begun:
                    process.stop()
                raise
        return self.status()

    def stop(self) -> bool:
        """Stop it, with everything in it; whether it ran. Pulumi's state of what is gone is put aside.

        A LocalStack that somebody else started goes on running, with everything in it.
        """
        if not self.places.folder.exists():
            return False
        with self._alone():
            last = Record.read(self.places.record)
            self._end(last)
            self._put_stale_state_aside()
        return last is not None

    def reset(self) -> dict[str, Any]:
        """Empty it: emulator and Pulumi's state. It runs afterwards.

        Raises `EmulatorError` for a LocalStack that somebody else started.
        """
        last = Record.read(self.places.record)
        if last is None:
            return self.start()
        if last.choice.external:
            raise EmulatorError(
                f"LocalStack at {last.choice.external} isn't yard's to empty",
                remedy="Stop the sandbox, and start that LocalStack anew",
            )
        self.stop()
        port = urlsplit(last.endpoint).port
        nodes = last.cluster.gpu_nodes if last.cluster else None
        more = {"kubernetes": last.cluster is not None, "gpu_nodes": nodes}
        return self.start(port, last.choice.emulator, last.choice.bridge, **more)

    def status(self) -> dict[str, Any]:
        """Whether it runs, and where.

        `running`, `healthy`, `emulator`, `endpoint`, `pids`, `folder`, `services`, and the cluster as `kubernetes`.
        """
        record = Record.read(self.places.record)
        found: dict[str, Any] = {"running": False, "healthy": False, "emulator": None, "endpoint": None, "pids": {}}
        if record is not None and record.alive:
            chosen = server(record.choice.emulator)
            cluster = record.cluster
            begun = (*record.processes, *(cluster.processes if cluster else ()))
            found = {
                "running": True,
                "healthy": chosen.healthy(record.endpoint) and (cluster is None or cluster.healthy()),
                "emulator": record.choice.emulator,
                "endpoint": record.endpoint,
                "pids": {process.name: process.pid for process in begun},
                "services": chosen.services(record.choice),
                "kubernetes": cluster.described() if cluster else None,
            }
        return {**found, "folder": str(self.places.folder)}

    def counts(self) -> dict[str, int]:
        """What exists in the emulator beyond what it began with, by `service: kind`.

        Raises `EmulatorError` where it doesn't run.
        """
        record = self._record()
        now = self._counted(record.endpoint, server(record.choice.emulator).access_key)
        before = dict(record.baseline)
        if record.cluster is not None:
            now |= record.cluster.counted()
            before |= record.cluster.baseline
        left = {name: count - before.get(name, 0) for name, count in now.items()}
        return {name: count for name, count in left.items() if count > 0}

    def environment(self) -> dict[str, str | None]:
        """The variables that lead Pulumi, the AWS command line and boto3 here; None takes one away.

        Raises `EmulatorError` where the sandbox doesn't run.
        """
        record = self._record()
        variables: dict[str, str | None] = {
            "AWS_ACCESS_KEY_ID": server(record.choice.emulator).access_key,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": record.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "KUBECONFIG": str(record.cluster.kubeconfig) if record.cluster else os.devnull,
            "MODELYARD_SANDBOX": "1",
            "PULUMI_HOME": str(self.places.pulumi_home),
            "PULUMI_BACKEND_URL": f"file://{self.places.state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_SKIP_CHECKPOINTS": "true",
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
        region = self._platform().get("region")
        return region if isinstance(region, str) else FALLBACK_REGION

    def _platform(self) -> Mapping[str, Any]:
        """What the platform's file says of the first environment that lives in the sandbox; empty without one."""
        try:
            document = read(self.root / "platform" / "platform.yaml")
        except ModelyardError:
            return {}
        environments = (document.for_environment(name).data for name in document.environments)
        return next((found for found in environments if found.get("sandbox")), {})

    def _wanted(self, last: Record | None, kubernetes: bool | None, gpu_nodes: int | None) -> Wanted | None:
        """The cluster that is to run beside the emulator. Only one that somebody asked for may fail."""
        if kubernetes is False and gpu_nodes:
            raise EmulatorError(Fault("there is no cluster without Kubernetes", "Leave it away.", _NODES, gpu_nodes))
        before = last.cluster if last else None
        asked = bool(kubernetes or gpu_nodes)
        if kubernetes is False or not (asked or before or self._platform().get("cluster") is not None):
            return None
        kept = before.gpu_nodes if before else 0
        return Wanted(asked, kept if gpu_nodes is None else gpu_nodes)

    def _start_cluster(self, wanted: Wanted) -> Cluster | None:
        return begin(self.places.cluster.parent, self.places.log, wanted)

    def _start_daemon(self, endpoint: str) -> Process:
        from modelyard_sandbox.plugins import launcher

        where = self.places.socket
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        where.unlink(missing_ok=True)
        arguments = ["--root", str(self.root), "--endpoint", endpoint]
        process = processes.start(
            "provider", "modelyard_sandbox.plugins.daemon", arguments, self.places.log("provider")
        )
        launcher.install(self.places.pulumi_home, where)
        return process

    def _record(self) -> Record:
        record = Record.read(self.places.record)
        if record is None or not record.alive:
            raise EmulatorError("the sandbox doesn't run", remedy="Start it: yard sandbox start")
        return record

    def _refuse_another(self, running: Record, choice: Choice, port: int | None, wanted: Wanted | None) -> None:
        """Refuse a start that asks for something else than what runs, and one that runs and doesn't answer."""
        stop = "Stop it first: yard sandbox stop"
        if choice != running.choice:
            raise EmulatorError(f"the sandbox runs already, {_described(running.choice)}", remedy=stop)
        if not server(choice.emulator).healthy(running.endpoint):
            raise EmulatorError(
                Fault(
                    f"the sandbox runs at {running.endpoint}, and doesn't answer",
                    "Look into its log; to begin anew, with nothing in it: yard sandbox stop",
                    Source(str(self.places.log("emulator"))),
                )
            )
        if port is not None and at(port) != running.endpoint:
            raise EmulatorError(f"the sandbox runs already, at {running.endpoint}", remedy=stop)
        cluster = running.cluster
        if cluster is not None and (wanted is None or wanted.gpu_nodes != cluster.gpu_nodes):
            raise EmulatorError(
                f"the sandbox runs already, with Kubernetes and {cluster.gpu_nodes} nodes with GPUs", remedy=stop
            )

    def _end(self, last: Record | None) -> None:
        if last is not None and last.cluster is not None:
            last.cluster.stop()
        for process in reversed(last.processes if last else ()):
            process.stop()
        self.places.record.unlink(missing_ok=True)
        self.places.socket.unlink(missing_ok=True)

    def _put_stale_state_aside(self) -> None:
        """What the emulator held is gone with it, so Pulumi's state of it is none any more."""
        if (self.places.state / ".pulumi" / "stacks").exists():
            aside = self.places.folder / "state-of-the-last-run"
            shutil.rmtree(aside, ignore_errors=True)
            self.places.state.rename(aside)

    def _mark(self) -> None:
        self.places.state.mkdir(parents=True, exist_ok=True)
        self.places.pulumi_home.mkdir(parents=True, exist_ok=True)
        (self.places.state / MARKER).write_text(json.dumps({"sandbox": True}) + "\n")

    def _counted(self, endpoint: str, access_key: str) -> dict[str, int]:
        session = botocore_session()
        settings = Config(
            proxies={},
            retries={"total_max_attempts": 2},
            ignore_configured_endpoint_urls=True,
            inject_host_prefix=False,
        )

        def client(service: str, region: str) -> Any:
            return session.create_client(
                service,
                region_name=region,
                endpoint_url=endpoint,
                aws_access_key_id=access_key,
                aws_secret_access_key=SECRET,
                config=settings,
            )

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


def _choice(last: Record | None, emulator: str | None, bridge: Sequence[str]) -> Choice:
    """What is asked for; what isn't said stays as it was."""
    if emulator is None and last is not None:
        return replace(last.choice, bridge=tuple(bridge)) if bridge else last.choice
    name = emulator or MOTO
    external = os.environ.get(ENDPOINT, "").rstrip("/") if name == LOCALSTACK else ""
    enforces = os.environ.get(ENFORCE, "") not in ("", "0")
    if bridge or last is None or last.choice.emulator != name:
        return Choice(name, tuple(bridge), enforces, external)
    return Choice(name, last.choice.bridge, enforces, external)


def _described(choice: Choice) -> str:
    more = [f"with {', '.join(choice.bridge)} bridged"] if choice.bridge else []
    more += ["enforcing policies"] if choice.enforces_iam else []
    more += [f"at {choice.external}"] if choice.external else []
    return " ".join([f"on {choice.emulator}", *more])


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise EmulatorError("the disk is full", remedy="Make room, then: yard sandbox start") from None
        raise


class Moto:
    """The sandbox as `modelyard` knows it: the entry point `moto` of the group `modelyard.emulators`.

    What runs is used, whichever emulator it is; moto is started where none runs.
    """

    _emulator: str | None = None

    def start(self, root: Path) -> dict[str, Any]:
        """Start the emulator of the project at `root` if it isn't running."""
        return Sandbox(root).start(emulator=self._emulator)

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


class LocalStack(Moto):
    """The sandbox on LocalStack: the entry point `localstack`."""

    _emulator = LOCALSTACK

    def deploy(self, program: Any, **options: Any) -> Any:
        """A program deployed by this process to a LocalStack that all such deployments share, emptied before each."""
        from modelyard_sandbox.inprocess import deploy
        from modelyard_sandbox.localstack.shared import shared

        return deploy(program, emulated=shared(), **options)


moto = Moto()
localstack = LocalStack()
