"""A Kubernetes API server on the loopback interface: etcd, the API server and the controllers, as processes of ours."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelyard_sandbox import processes
from modelyard_sandbox.kubernetes import client, discovery, nodes, pki
from modelyard_sandbox.kubernetes.binaries import VERSION, Binaries
from modelyard_sandbox.moto_server import LOOPBACK
from modelyard_sandbox.processes import Process
from modelyard_sandbox.servers import free_port

CONTEXT: Final = "modelyard-sandbox"
"""The context of the administrator's kubeconfig, and the name of its cluster and its user."""
ETCD: Final = "etcd"
SERVICES: Final = "10.0.0.0/24"
_ISSUER: Final = "https://kubernetes.default.svc"
_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
_PATIENCE: Final = 180.0

Log = Callable[[str], Path]
"""From a process's name to its log."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that was started. `folder` holds its keys and its data and is gone with it.

    `address`: the API server's, such as `https://127.0.0.1:40001`. `gpu_nodes`: nodes that are played. `baseline`: what
    it held by itself, by `kubernetes: kind`.
    """

    folder: Path
    address: str
    processes: tuple[Process, ...]
    version: str = VERSION
    gpu_nodes: int = 0
    baseline: Mapping[str, int] = field(default_factory=dict)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, which nobody else may read."""
        return self.folder / "kubeconfig"

    @property
    def alive(self) -> bool:
        """Whether all its processes still run."""
        return all(process.running() for process in self.processes)

    def healthy(self) -> bool:
        """Whether the API server says that it is ready."""
        return _says_ok(self.folder, f"{self.address}/readyz")

    def counted(self) -> dict[str, int]:
        """How many objects of each kind exist in it, by `kubernetes: plural.group`; only those that do."""
        return discovery.counted(client.connected(self.kubeconfig))

    def described(self) -> dict[str, Any]:
        """What `yard sandbox status` says of it."""
        return {
            "version": self.version,
            "address": self.address,
            "kubeconfig": str(self.kubeconfig),
            "gpu_nodes": self.gpu_nodes,
        }

    def stop(self) -> None:
        """End it for sure, with everything in it."""
        for process in reversed(self.processes):
            process.stop(kindly=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def freeze(self, to: Path) -> None:
        """End it, and keep the data of its etcd at `to`, to begin another cluster with."""
        for process in reversed(self.processes):
            process.stop(kindly=process.name == ETCD)
        data(self.folder).rename(to)
        self.stop()

    def as_json(self) -> dict[str, Any]:
        """The cluster as the record keeps it."""
        return {
            "folder": str(self.folder),
            "address": self.address,
            "processes": {process.name: process.as_json() for process in self.processes},
            "version": self.version,
            "gpu_nodes": self.gpu_nodes,
            "baseline": dict(self.baseline),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Cluster:
        """The cluster that the record keeps."""
        begun = tuple(Process(name, at["pid"], at["began"]) for name, at in kept["processes"].items())
        return cls(Path(kept["folder"]), kept["address"], begun, kept["version"], kept["gpu_nodes"], kept["baseline"])


def start(folder: Path, binaries: Binaries, log: Log, *, gpu_nodes: int = 0, snapshot: Path | None = None) -> Cluster:
    """Start a cluster in `folder`, emptied first, and wait until it is ready.

    `gpu_nodes`: how many nodes to play, with eight GPUs each. `snapshot`: the data of etcd to begin with. Raises
    `EmulatorError` with a log's last lines where it doesn't start.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    made = pki.make(folder / "pki", ("localhost", "kubernetes.default.svc"), (LOOPBACK, "10.0.0.1"))
    if snapshot is not None:
        shutil.copytree(snapshot, data(folder))
    begun: list[Process] = []

    def launch(name: str, command: list[str], ready: Callable[[], bool] | None = None) -> None:
        # What the user's shell says of proxies and of Go is no business of theirs.
        begun.append(processes.launch(name, command, log(name), variables={}))
        if ready is not None:
            processes.wait_until_ready(begun[-1], ready, log(name), _PATIENCE)

    try:
        port = free_port(None)
        etcd = f"https://{LOOPBACK}:{port}"
        launch(ETCD, _etcd(binaries, made, folder, etcd), lambda: _listens(port))
        address = f"https://{LOOPBACK}:{free_port(None)}"
        _write_credentials(folder, made, address)
        command = _api_server(binaries, made, folder, etcd, address)
        launch("kube-apiserver", command, lambda: _says_ok(folder, f"{address}/readyz"))
        command = _controllers(binaries, made, folder)
        launch("kube-controller-manager", command, lambda: _has_settled(folder, address))
        if gpu_nodes:
            launch("kube-scheduler", nodes.scheduler(binaries, folder / "kubeconfig"))
            api = client.connected(folder / "kubeconfig")
            nodes.create(api, gpu_nodes)
            launch("kwok", nodes.kwok(binaries, folder / "kubeconfig"), lambda: nodes.ready(api, gpu_nodes))
    except BaseException:
        Cluster(folder, "", tuple(begun)).stop()
        raise
    return Cluster(folder, address, tuple(begun), gpu_nodes=gpu_nodes)


def data(folder: Path) -> Path:
    """Where the etcd of the cluster in `folder` keeps its data."""
    return folder / "etcd"


def _etcd(binaries: Binaries, made: pki.Pki, folder: Path, address: str) -> list[str]:
    """Its peers' port is whichever the system gives: it has no peers."""
    peers = f"https://{LOOPBACK}:0"
    return [
        str(binaries.etcd),
        f"--data-dir={data(folder)}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        *_mutual(made, ""),
        *_mutual(made, "peer-"),
        "--log-level=warn",
        "--unsafe-no-fsync",
    ]


def _mutual(made: pki.Pki, whose: str) -> list[str]:
    return [
        f"--{whose}cert-file={made.certificate}",
        f"--{whose}key-file={made.key}",
        f"--{whose}trusted-ca-file={made.authority}",
        f"--{whose}client-cert-auth",
    ]


def _api_server(binaries: Binaries, made: pki.Pki, folder: Path, etcd: str, address: str) -> list[str]:
    return [
        str(binaries.api_server),
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={address.rsplit(':', 1)[1]}",
        f"--tls-cert-file={made.certificate}",
        f"--tls-private-key-file={made.key}",
        f"--etcd-servers={etcd}",
        f"--etcd-cafile={made.authority}",
        f"--etcd-certfile={made.certificate}",
        f"--etcd-keyfile={made.key}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        # Pod Security decides what is privileged, as it does where nodes exist.
        "--allow-privileged=true",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={made.service_accounts}",
        f"--service-account-signing-key-file={made.service_accounts}",
        f"--service-cluster-ip-range={SERVICES}",
        "--endpoint-reconciler-type=none",
        "--profiling=false",
    ]


def _controllers(binaries: Binaries, made: pki.Pki, folder: Path) -> list[str]:
    return [
        str(binaries.controller_manager),
        f"--kubeconfig={folder / 'kubeconfig'}",
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={made.service_accounts}",
        f"--root-ca-file={made.authority}",
        "--profiling=false",
    ]


def _write_credentials(folder: Path, made: pki.Pki, address: str) -> None:
    token = secrets.token_urlsafe(32)
    pki.write_secret(folder / "token", token)
    pki.write_secret(folder / "tokens.csv", f'{token},{CONTEXT},{CONTEXT},"system:masters"\n')
    authority = base64.b64encode(made.authority.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": address, "certificate-authority-data": authority}}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "current-context": CONTEXT,
    }
    pki.write_secret(folder / "kubeconfig", json.dumps(config, indent=2) + "\n")


def _has_settled(folder: Path, address: str) -> bool:
    """Whether the controllers have put into the first namespaces what they put into each."""
    parts = ("serviceaccounts/default", "configmaps/kube-root-ca.crt")
    inside = (f"{address}/api/v1/namespaces/{name}/{part}" for name in _NAMESPACES for part in parts)
    return all(_answer(folder, url) is not None for url in inside)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def _says_ok(folder: Path, url: str) -> bool:
    return _answer(folder, url) == b"ok"


def _answer(folder: Path, url: str) -> bytes | None:
    """What the API server answers its administrator; None where it doesn't, or refuses."""
    try:
        token = (folder / "token").read_text()
        context = ssl.create_default_context(cafile=str(folder / "pki" / "ca.crt"))
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.build_opener(*handlers).open(asked, timeout=5) as said:
            return said.read()
    except (urllib.error.URLError, OSError):
        return None
