"""Where a team's evidence lies, and what lies there: entries of the index, and bundles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import AwareDatetime, ValidationError

from modelyard.core.distributions import Value
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.evidence import INDEX, MANIFEST, PAGE, PARTS, file_of, folder, index_key
from modelyard.core.releases import Digest, Text
from modelyard.core.releasing import APPROVED
from modelyard.operate.deployments import Place
from modelyard.operate.models import Model, Registry, registries_of
from modelyard.operate.models.place import asking, read
from modelyard.operate.putting import put_down
from modelyard.run.governance import GovernanceSpec

COMPONENT: Final = "evidence"
"""What a team's stack calls its evidence store."""
SIGN_IN: Final = "Sign in as a persona that has it: `evidence` in the team's file says who reads it."


class Lock(Value):
    """How the objects of a bundle are locked, as it was when they were written."""

    mode: Literal["GOVERNANCE", "COMPLIANCE"]
    years: int


class Entry(Value):
    """A bundle as the index lists it."""

    version: int
    team: Text
    environment: Text
    model: Text
    model_version: int
    group: Text
    package: Text
    approved_by: Text
    lock: Lock
    released_at: AwareDatetime
    written_at: AwareDatetime
    absent: tuple[str, ...]
    files: int
    manifest_sha256: Digest
    signature_sha256: Digest


@dataclass(frozen=True, slots=True)
class Store:
    """The evidence of one registry's releases."""

    registry: Registry
    spec: GovernanceSpec

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return self.registry.context.names.of("s3-bucket", COMPONENT)

    @property
    def s3(self) -> Any:
        """S3, as whoever asks."""
        return self.registry.client("s3")

    def keys(self, prefix: str) -> Iterator[tuple[str, str, bool]]:
        """Every version below a prefix: its key, its version, and whether a read without a version gives it.

        A marker of a deletion is one, too.
        """
        with asking(f"s3://{self.bucket}/{prefix}", SIGN_IN, of=self.registry.context):
            for found in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
                for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
                    yield str(one["Key"]), str(one["VersionId"]), bool(one["IsLatest"])


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a bundle by name, and its entry in the index as text; absent for a copy."""

    store: Store
    model: Model
    version: int
    files: dict[str, bytes]
    index: bytes | None

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.model.name} {self.version}"

    @property
    def parts(self) -> dict[str, Any]:
        """What each part says; one that can't be read says so."""
        return {part: _parsed(self.files.get(file_of(part))) for part in PARTS}

    @property
    def manifest(self) -> Any:
        """What the manifest says."""
        return _parsed(self.files.get(MANIFEST))


def stores_of(where: Place, teams: Sequence[str] | None = None) -> list[Store]:
    """The evidence stores of `teams`, absent of all teams of the environment. Raises `InputError` where none is."""
    found: list[Store] = []
    for registry in registries_of(where, teams):
        spec = _declared(where, registry)
        if spec is not None:
            found.append(Store(registry, spec))
    if not found:
        who = ", ".join(teams) if teams else f"no team of {where.environment}"
        raise InputError(_undeclared(f"{who} declares an evidence store" if not teams else f"{who} declares none"))
    return found


def store_of(where: Place, model: Model) -> Store:
    """The store of a model's evidence. Raises `InputError` where its team declares none."""
    spec = _declared(where, model.registry)
    if spec is None:
        raise InputError(_undeclared(f"{model.registry.team} declares no evidence store"))
    return Store(model.registry, spec)


def _declared(where: Place, registry: Registry) -> GovernanceSpec | None:
    return where.project.team(registry.team, where.environment).governance


def _undeclared(problem: str) -> Fault:
    return Fault(problem, 'Add "governance: {}" to the team\'s file, and deploy it.', Source("governance"))


def bundles(store: Store, models: Sequence[str] | None = None) -> list[Entry]:
    """What the index lists, by model, the newest version first. Raises `InputError` for an entry that is none."""
    found: list[Entry] = []
    for model in models if models is not None else sorted(store.registry.spec.models):
        keys = {key for key, _, _ in store.keys(f"{INDEX}/{model}/")}
        numbers = sorted((int(Path(key).stem) for key in keys if Path(key).stem.isdigit()), reverse=True)
        entries = (_entry(store, index_key(model, number)) for number in numbers)
        found += [entry for entry in entries if entry is not None]
    return found


def without(store: Store, entries: Sequence[Entry], models: Sequence[str] | None = None) -> list[tuple[str, int]]:
    """Approved versions that no entry speaks of, by model: released before evidence was kept, or not written since."""
    known = {(entry.model, entry.model_version) for entry in entries if entry.team == store.registry.team}
    found: list[tuple[str, int]] = []
    for name in models if models is not None else sorted(store.registry.spec.models):
        group, sagemaker = store.registry.model(name).group, store.registry.client("sagemaker")
        with asking(f"the group {group}"):
            pages = sagemaker.get_paginator("list_model_packages").paginate(
                ModelPackageGroupName=group, ModelApprovalStatus=APPROVED
            )
            numbers = sorted(
                int(one["ModelPackageVersion"]) for page in pages for one in page["ModelPackageSummaryList"]
            )
        found += [(name, number) for number in numbers if (name, number) not in known]
    return found


def _entry(store: Store, key: str) -> Entry | None:
    text = read(store.s3, store.bucket, key, of=store.registry.context)
    if text is None:
        return None
    try:
        return Entry.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = Source(f"s3://{store.bucket}/{key}", ".".join(map(str, problem["loc"])))
        raise InputError(Fault(problem["msg"], "Find out who wrote it: yard evidence verify", where)) from None


def fetch(store: Store, model: Model, version: int) -> Bundle:
    """The bundle of a version, as it lies there now. Raises `InputError` for one that there isn't."""
    prefix, key = folder(model.name, version), index_key(model.name, version)
    latest = [found for found, _, newest in store.keys(prefix) if newest]
    index = read(store.s3, store.bucket, key, of=store.registry.context)
    files = {found.removeprefix(prefix): _bytes(store, found) for found in latest}
    there = {name: content for name, content in files.items() if content is not None}
    if index is None and not there:
        model.describe(version)
        problem = f"{model.name} {version} of {model.registry.team} has no evidence"
        remedy = f"Only a released version has: yard model show {model.name} {version}"
        raise InputError(Fault(problem, remedy, Source(f"s3://{store.bucket}/{prefix}")))
    return Bundle(store, model, version, there, None if index is None else index.encode())


def saved(store: Store, model: Model, version: int, place: Path) -> Bundle:
    """The copy of a bundle that lies in a folder. Raises `InputError` where there is none."""
    if not (place / MANIFEST).is_file():
        remedy = "Name the folder that yard evidence show --save wrote."
        raise InputError(Fault(f"holds no {MANIFEST}", remedy, Source("--copy"), str(place)))
    files = {file.name: file.read_bytes() for file in sorted(place.iterdir()) if file.is_file()}
    return Bundle(store, model, version, files, None)


def save(bundle: Bundle, place: Path) -> None:
    """Write a bundle's files into a folder that is made. Raises `InputError` for one that is there."""
    if place.exists():
        raise InputError(Fault("exists already", "Name another folder.", Source("--save"), str(place)))
    try:
        place.mkdir(parents=True)
        for name, content in bundle.files.items():
            (place / Path(name).name).write_bytes(content)
    except OSError as error:
        problem = f"can't be written: {error.strerror}"
        raise InputError(Fault(problem, "Name another folder.", Source("--save"), str(place))) from None


def write_page(bundle: Bundle, file: Path) -> None:
    """Write the page. Raises `InputError` for a bundle without one, and for a file that can't be written."""
    if PAGE not in bundle.files:
        raise InputError(Fault(f"has no {PAGE}", "See what else is wrong: yard evidence verify", Source(bundle.name)))
    put_down(file, bundle.files[PAGE], "--html")


def _bytes(store: Store, key: str) -> bytes | None:
    from botocore.exceptions import ClientError

    with asking(f"s3://{store.bucket}/{key}", SIGN_IN, of=store.registry.context):
        try:
            return store.s3.get_object(Bucket=store.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise


def _parsed(content: bytes | None) -> Any:
    if content is None:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return None
