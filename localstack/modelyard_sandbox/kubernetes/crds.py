"""The definitions of custom resources, as their own projects publish them: fetched as Go modules, applied, kept."""

from __future__ import annotations

import hashlib
import json
import time
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from modelyard.core.errors import EmulatorError, EngineError, Fault
from modelyard.engine import golang, places, staging
from modelyard.engine.progress import Progress, Silent
from modelyard.engine.toolchain import find_go
from modelyard_sandbox.kubernetes import client, discovery
from modelyard_sandbox.processes import POLL

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

KIND: Final = "CustomResourceDefinition"
MANAGER: Final = "modelyard-sandbox"
"""The field manager of what is applied here."""
TABLE: Final = Path(__file__).with_name("crds.toml")
PATIENCE: Final = 120.0
"""Seconds in which at least one more definition is served, until all are."""

_PATH: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_INSTALL: Final = "Fetch it: yard sandbox kubernetes install"
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a chart's definitions lie: a `folder` of a Go module. `sum`: the module's hash, as go.sum has it."""

    module: str
    version: str
    sum: str
    folder: str

    @property
    def digest(self) -> str:
        """What names this origin: another version, another name."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:12]


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: a lone `=`, which YAML 1.1 gives a meaning of its own, is text."""


_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_yaml_str)


@cache
def table() -> dict[str, Origin]:
    """Every chart whose definitions are known, by its key."""
    with TABLE.open("rb") as file:
        return {key: Origin(**entry) for key, entry in tomllib.load(file).items()}


def manifests(key: str) -> list[dict[str, Any]]:
    """The definitions that the chart `key` brings. Raises `EmulatorError` for another, and before `fetch`."""
    path = _kept(key)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise EmulatorError(Fault("its definitions weren't fetched yet", _INSTALL, value=key)) from None


def fetched(keys: Iterable[str]) -> bool:
    """Whether the definitions of all these charts lie on this machine."""
    return all(_kept(key).is_file() for key in keys)


def fetch(keys: Sequence[str], progress: Progress | None = None) -> None:
    """Fetch the definitions of these charts, unless they lie here.

    Raises `EmulatorError` for an unknown key, where there is no Go or module proxy, and for a module that isn't what
    the table says.
    """
    shown = progress or Silent()
    if fetched(keys):
        return
    try:
        with staging.alone(_folder(), "the definitions", shown):
            missing = [key for key in keys if not _kept(key).is_file()]
            if missing:
                shown.phase("Fetching definitions of custom resources")
                go = find_go(shown)
                with staging.workspace(_folder()) as work:
                    for key in missing:
                        shown.detail(key)
                        draft = work / _kept(key).name
                        draft.write_text(json.dumps(_read(key, _archive(go, key, work, shown))), encoding="utf-8")
                        draft.replace(_kept(key))
    except EngineError as error:
        raise EmulatorError(*error.faults) from error


def apply(api: ApiClient, definitions: Sequence[dict[str, Any]], progress: Progress | None = None) -> None:
    """Apply definitions, and wait until the API server serves them all. Raises `EmulatorError` where it doesn't."""
    shown = progress or Silent()

    def put(definition: dict[str, Any]) -> None:
        client.apply(api, f"{_PATH}/{definition['metadata']['name']}", definition, MANAGER)

    shown.phase(f"Applying {len(definitions)} definitions of custom resources")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, _ in enumerate(pool.map(put, definitions), start=1):
            shown.detail(f"{number} applied")
    wanted = {
        (definition["spec"]["group"], version["name"], definition["spec"]["names"]["plural"])
        for definition in definitions
        for version in definition["spec"]["versions"]
        if version["served"]
    }
    fewest, deadline = len(wanted), time.monotonic() + PATIENCE
    while missing := wanted - discovery.served(api):
        if len(missing) < fewest:
            fewest, deadline = len(missing), time.monotonic() + PATIENCE
        if time.monotonic() > deadline:
            raise EmulatorError(
                f"for {PATIENCE:.0f} s the API server served none of {len(missing)} definitions, such as "
                + "/".join(min(missing)),
                remedy="Look into its log, below .modelyard/sandbox/logs",
            )
        shown.detail(f"{len(wanted) - len(missing)} of {len(wanted)} served")
        time.sleep(POLL * 5)


def _folder() -> Path:
    return places.cache() / "kubernetes" / "crds"


def _kept(key: str) -> Path:
    known = table()
    if key not in known:
        raise EmulatorError(Fault(f"no such chart; there are: {', '.join(known)}", "Use one.", value=key))
    return _folder() / f"{key}-{known[key].digest}.json"


def _archive(go: Path, key: str, work: Path, progress: Progress) -> Path:
    """The module's zip file. Its `go` directive doesn't matter, since nothing of it is built."""
    origin = table()[key]
    wanted = f"{origin.module}@{origin.version}"
    # The table holds the module's hash, so that nobody else has to be asked for it.
    _, answer, said = golang.run(go, ["mod", "download", "-json", wanted], work, progress, {"GONOSUMDB": "*"})
    try:
        found = json.loads(answer)
    except ValueError:
        found = {}
    if "Zip" not in found:
        why = found.get("Error") or " ".join(said[-3:])
        raise EmulatorError(f"{wanted} can't be had: {why}", remedy="Let Go reach a module proxy (GOPROXY)")
    if found.get("Sum") != origin.sum:
        raise EmulatorError(
            f"{wanted} is {found.get('Sum')}, wanted is {origin.sum}",
            remedy="Something on the way changes modules: use another module proxy (GOPROXY)",
        )
    return Path(found["Zip"])


def _read(key: str, archive: Path) -> list[dict[str, Any]]:
    origin = table()[key]
    inside = f"{origin.module}@{origin.version}/{origin.folder}/"
    with zipfile.ZipFile(archive) as packed:
        names = sorted(name for name in packed.namelist() if name.startswith(inside) and name.endswith(".yaml"))
        return [found for name in names for found in _definitions(packed.read(name))]


def _definitions(text: bytes) -> Iterator[dict[str, Any]]:
    """A folder may hold kustomize's patches too; those are no whole definition."""
    for document in yaml.load_all(text, _Loader):
        if isinstance(document, dict) and document.get("kind") == KIND and "versions" in document["spec"]:
            yield document
