"""A first version of each model that a loop serves in the sandbox, so that endpoints have something to answer with.

What no job here can do is made up, and says so: the weights and what the gates measured. All that follows is what
happens on AWS: the promotion judges and signs, and the loop releases.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelyard.core.errors import EnvironmentFault, Fault, Source
from modelyard.core.provenance import SnapshotReference
from modelyard.core.releases import GateResult
from modelyard.core.releasing import APPROVED, holds
from modelyard.operate.data import lake_of, take
from modelyard.operate.data.snapshots import key_of
from modelyard.operate.data.store import asking
from modelyard.operate.deployments import Place
from modelyard.operate.models import Model, decide, model_of, versions
from modelyard.operate.models.promoting import address_of
from modelyard.operate.retraining import Loop, loops_of, start
from modelyard_jobs.versions import register, report

WHY: Final = "the sandbox begins with a version that somebody made up"
_AUTHOR: Final = "nobody@sandbox.example"
_DAY: Final = "2026-01-01"
_LONGEST_SECONDS: Final = 120
_LOOK_SECONDS: Final = 0.5
_MEASURED: Final = (1.0, 0.0)
"""Values of which one passes any gate: nothing is better than all, or than nothing."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What became of one loop's endpoint: the version that serves, or will with the next `up`."""

    team: str
    loop: str
    endpoint: str
    model: str
    version: int
    new: bool

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


def seed(where: Place, tell: Callable[[str], None] = lambda _: None) -> list[Seeded]:
    """Give each loop a champion that has none; `tell` hears of each step."""
    return list(_seeded(where, tell))


def _seeded(where: Place, tell: Callable[[str], None]) -> Iterator[Seeded]:
    for loop in loops_of(where):
        spec = where.project.team(loop.team, where.environment).serving[loop.spec.endpoint]
        champion, new = loop.champion(), False
        if champion is None:
            model = model_of(where, spec.model, loop.team)
            version = next((one.number for one in versions(model) if one.status == APPROVED), None)
            if version is None:
                version = _version(model, spec.model, _rows(where, loop.team, tell), tell)
            tell(f"{loop.team}: {loop.name} releases version {version} of {spec.model} for {loop.spec.endpoint}")
            _follow(loop, start(loop, WHY, version=version).execution)
            champion, new = loop.champion(), True
            assert champion is not None, "the run's end says that there is one"
        yield Seeded(
            loop.team,
            loop.name,
            loop.spec.endpoint,
            spec.model,
            champion.version,
            new,
        )


def _follow(loop: Loop, execution: str) -> None:
    """Wait for a run's end. Raises `EnvironmentFault` where it released nothing, or takes too long."""
    machines, begun = loop.client("stepfunctions"), time.monotonic()
    while (found := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
        if time.monotonic() - begun > _LONGEST_SECONDS:
            raise EnvironmentFault(Fault("runs on and on", "Look into the execution.", Source(execution)))
        time.sleep(_LOOK_SECONDS)
    end = json.loads(found.get("output") or found.get("cause") or "{}")
    if end.get("outcome") not in ("recorded", "released"):
        problem = f"released nothing ({end.get('code')}): {end.get('reason')}"
        raise EnvironmentFault(Fault(problem, "Look into the execution, then try again.", Source(execution)))


def _rows(where: Place, team: str, tell: Callable[[str], None]) -> SnapshotReference:
    """A snapshot of a row without values, in the team's first dataset."""
    import duckdb

    lake = lake_of(where, team)
    dataset = lake.dataset(next(iter(lake.spec.datasets)))
    spec = dataset.spec
    place = "".join(f"{part.name}={_DAY if part.type == 'date' else 1}/" for part in spec.partitions)
    columns = ", ".join(f'CAST(NULL AS {column.type}) AS "{column.name}"' for column in spec.columns)
    with tempfile.TemporaryDirectory(prefix="modelyard-seed-") as folder:
        file = Path(folder) / "row.parquet"
        duckdb.sql(f"COPY (SELECT {columns}) TO '{file}' (FORMAT parquet)")
        with asking(dataset.bucket, lake.context):
            lake.s3.put_object(Bucket=dataset.bucket, Key=f"{dataset.prefix}{place}row.parquet", Body=file.read_bytes())
    tell(f"{team}: a row of {dataset.name} is there, and a snapshot of it")
    taken = take(dataset).manifest
    return SnapshotReference.of(taken, lake.bucket("artifacts"), key_of(dataset.name, taken.hash))


def _version(model: Model, name: str, trained_on: SnapshotReference, tell: Callable[[str], None]) -> int:
    """A version that is approved: what nobody trained, with results that its gates hold."""
    registry = model.registry
    context, there = registry.context, address_of(model)
    image = f"{context.account}.dkr.ecr.{context.region}.amazonaws.com/serve@sha256:{'0' * 64}"
    with tempfile.TemporaryDirectory(prefix="modelyard-seed-") as folder:
        weights = Path(folder) / "model.tar.gz"
        weights.write_bytes(f"{name}: {WHY}".encode())
        made = register(
            there,
            weights,
            image=image,
            author=_AUTHOR,
            code_commit="0000000",
            snapshots=(trained_on,),
            description=WHY,
            s3=registry.client("s3"),
            sagemaker=registry.client("sagemaker"),
        )
    tell(f"{registry.team}: version {made.version} of {name} is registered; its gates are told what they want to hear")
    report(there, made.package, list(_results(model)), s3=registry.client("s3"))
    decide(model, made.version, "approved", WHY, pause=lambda _: time.sleep(_LOOK_SECONDS))
    return made.version


def _results(model: Model) -> Iterator[GateResult]:
    for gate, spec in model.spec.gates.items():
        facts = spec.value.model_dump(mode="json")
        passing = [value for value in _MEASURED if holds(facts, {"value": value, "champion": None}, champion=False)]
        yield GateResult(gate=gate, metric=facts["metric"], value=passing[0], slice=facts.get("slice") or {})
