"""The official release of the Pulumi CLI: fetched, held against its checksum, unpacked."""

from __future__ import annotations

import hashlib
import platform
import queue
import sys
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from modelyard.core.errors import EngineError
from modelyard.engine import places
from modelyard.engine.progress import Progress

HOST = "https://get.pulumi.com/releases/sdk"
"""Where Pulumi publishes its releases."""

PATIENCE = 4.0
"""Seconds that the network may be silent before it counts as closed."""

_CHUNK = 1 << 20
_DIGESTS = {64: "sha256", 128: "sha512"}


class Unreachable(Exception):
    """The release can't be had from here; the reason is the message."""


def fetch(binaries: Path, work: Path, progress: Progress) -> None:
    """Puts the programs of the official release into the folder `binaries`.

    Raises `Unreachable` if the network refuses or stays silent for `PATIENCE` seconds, and `EngineError` if what was
    received is not what the release's checksum file says.
    """
    archive = f"pulumi-v{places.VERSION}-{target()}.tar.gz"
    progress.phase(f"Fetching the Pulumi CLI {places.VERSION}")
    wanted = _checksum(HOST, archive)
    packed = work / archive
    found = _download(f"{HOST}/{archive}", packed, _DIGESTS[len(wanted)], progress)
    if found != wanted:
        raise EngineError(
            f"{HOST}/{archive}: the download's checksum is {found[:16]}…, the release says {wanted[:16]}…",
            remedy="Retry; if it stays so, something on the way changes downloads: put a Pulumi CLI on PATH instead",
        )
    unpacked = work / "release"
    with tarfile.open(packed) as tar:
        tar.extractall(unpacked, filter="data")
    packed.unlink()
    for program in (unpacked / "pulumi").iterdir():
        program.rename(binaries / program.name)


def target(system: str = "", machine: str = "") -> str:
    """This platform as releases name it, such as `linux-x64`. Raises `Unreachable` where there is no release for it."""
    system, machine = system or sys.platform, machine or platform.machine()
    arch = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}.get(machine.lower())
    if system not in ("linux", "darwin") or arch is None:
        raise Unreachable(f"no release for {system} on {machine}")
    return f"{system}-{arch}"


def _checksum(host: str, archive: str) -> str:
    address = f"{host}/pulumi-{places.VERSION}-checksums.txt"
    for line in b"".join(_chunks(address)).decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition(" ")
        if name.strip(" *") == archive and len(digest) in _DIGESTS:
            return digest.lower()
    raise Unreachable(f"{address} does not list {archive}")


def _download(address: str, to: Path, algorithm: str, progress: Progress) -> str:
    digest = hashlib.new(algorithm)
    received = 0
    with to.open("wb") as file:
        for chunk in _chunks(address):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            progress.detail(f"{received / 1e6:.0f} MB")
    return digest.hexdigest()


def _chunks(address: str) -> Iterator[bytes]:
    """The body at `address`; a silence of `PATIENCE` seconds anywhere, name look-up included, ends it.

    A thread does the waiting, because neither the resolver nor a proxy's handshake obeys a socket's timeout.
    """
    inbox: queue.Queue[bytes | Exception] = queue.Queue(maxsize=16)
    threading.Thread(target=_receive, args=(address, inbox), daemon=True).start()
    while True:
        try:
            item = inbox.get(timeout=PATIENCE)
        except queue.Empty:
            raise Unreachable(f"{address}: silent for {PATIENCE:g} s") from None
        if isinstance(item, Exception):
            raise Unreachable(f"{address}: {item}") from item
        if not item:
            return
        yield item


def _receive(address: str, inbox: queue.Queue[bytes | Exception]) -> None:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE * 2) as response:
            length = response.length
            received = 0
            while chunk := response.read1(_CHUNK):
                received += len(chunk)
                inbox.put(chunk)
            if length is not None and received < length:
                raise OSError(f"the connection broke after {received} of {length} bytes")
        inbox.put(b"")
    except urllib.error.URLError as error:
        inbox.put(OSError(str(error.reason)))
    except Exception as error:
        inbox.put(error)
