"""A team leaves an environment: what must be kept is exported, access ends, the rest goes, and is counted.

The order is the point. Nothing is taken down before the archive was written and read back. Pulumi deletes what depends
on others first, so the policies of the team's roles go before the data does: access ends first. The platform drops the
fence, with the team's key scheduled for deletion, which can be taken back for as many days as the key's window.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from modelyard import engine
from modelyard.assess.graph import Graph, Node
from modelyard.blueprints.programs import team_stack
from modelyard.blueprints.spec import TeamSpec
from modelyard.build.data import SNAPSHOTS
from modelyard.core.editing import forget_environment
from modelyard.core.errors import Fault, InputError, Source
from modelyard.core.source import shown_path
from modelyard.engine import StackTarget
from modelyard.operate import deployments, promoted
from modelyard.operate.archive import Archive, Store
from modelyard.operate.cloud import Cloud
from modelyard.operate.deployments import PLATFORM, Place

_BUCKET: Final = "aws:s3/bucket:Bucket"
_MODEL_GROUP: Final = "aws:sagemaker/modelPackageGroup:ModelPackageGroup"
_UNLOCKED: Final = datetime.min.replace(tzinfo=UTC)
_HELD: Final = datetime.max.replace(tzinfo=UTC)
_KEY_STATES_GONE: Final = ("PendingDeletion", "PendingReplicaDeletion")


@dataclass(frozen=True, slots=True)
class Part:
    """Objects below one prefix of one bucket that must be kept, and until when (None: nobody said)."""

    name: str
    bucket: str
    prefix: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """What taking `team` out of an environment means."""

    team: str
    environment: str
    target: StackTarget
    spec: TeamSpec
    state: Mapping[str, Any]
    parts: tuple[Part, ...]
    resources: int

    def as_json(self) -> dict[str, Any]:
        """The plan as `--json` prints it."""
        return {
            "team": self.team,
            "environment": self.environment,
            "resources": self.resources,
            "kept": [{"name": part.name, "reason": part.reason} for part in self.parts],
        }


@dataclass(slots=True)
class Removed:
    """What was done: where it is kept, how many files and bytes, what went and what is left (nothing)."""

    archive: str
    files: int = 0
    bytes: int = 0
    changes: dict[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    left: dict[str, int] = field(default_factory=dict[str, int])
    edited: list[str] = field(default_factory=list[str])

    def as_json(self) -> dict[str, Any]:
        """What was done as `--json` prints it."""
        return {
            "archive": self.archive,
            "files": self.files,
            "bytes": self.bytes,
            "changes": {name: dict(counts) for name, counts in self.changes.items()},
            "edited": self.edited,
            "left": self.left,
        }


def planned(where: Place, team: str, *, now: datetime | None = None) -> Removal:
    """What removing `team` from the environment of `where` means; nothing is touched.

    Raises `InputError` where a dataset is under a legal hold, with all of them.
    """
    spec = where.project.team(team, where.environment)
    datasets = spec.data.datasets if spec.data else {}
    held = [
        dataset.fault("legal_hold", f"keeps dataset {name}", "Lift the hold first, or leave the team.")
        for name, dataset in datasets.items()
        if getattr(dataset, "legal_hold", None) is not None
    ]
    if held:
        raise InputError(*held)
    target = deployments.targets(where, [team])[team]
    if target.stack not in deployments.standing(where)[False]:
        return Removal(team, where.environment, target, spec, {}, (), 0)
    state = engine.stack_state(target)
    held_there = (state.get("deployment") or {}).get("resources") or []
    outputs = engine.stack_outputs(target) if held_there else {}
    parts = tuple(_parts(spec, outputs.get("buckets") or {}, now or datetime.now(UTC)))
    return Removal(team, where.environment, target, spec, state, parts, len(held_there))


def _parts(spec: TeamSpec, buckets: Mapping[str, str], now: datetime) -> Iterator[Part]:
    if spec.data is None:
        return
    for name, dataset in spec.data.datasets.items():
        if dataset.retention_days is not None and dataset.zone in buckets:
            until = now + timedelta(days=dataset.retention_days)
            reason = f"{dataset.classification.value}, kept for {dataset.retention_days} days"
            yield Part(name, buckets[dataset.zone], spec.data.prefix(name), reason, until)
    if "artifacts" in buckets:
        yield Part("snapshots", buckets["artifacts"], SNAPSHOTS, "the manifests of every data version")


def refuse_locked(plan: Removal, cloud: Cloud) -> None:
    """Raises `InputError` where a bucket that isn't emptied by force holds what nobody may delete yet (S3 Object Lock).

    One fault a bucket, with the last day. Evidence and released models are locked so in production.
    """
    faults: list[Fault] = []
    for node in _closed_buckets(plan):
        if not node.properties.get("objectLockEnabled"):
            continue
        last = max(_locked(cloud.client("s3"), str(node.properties["bucket"])), default=_UNLOCKED)
        if last > datetime.now(UTC):
            day = "its legal hold ends" if last == _HELD else f"{last:%Y-%m-%d}"
            problem = f"holds what nobody may delete before {day} (Object Lock)"
            remedy = (
                "Remove the team then. To end its access now, take all but `registry` and `governance` out of its file "
                f"and run: yard up {plan.team} --env {plan.environment}"
            )
            faults.append(Fault(problem, remedy, Source(plan.team), str(node.properties["bucket"])))
    if faults:
        raise InputError(*faults)


def _locked(s3: Any, bucket: str) -> Iterator[datetime]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in page.get("Versions", []):
            head = s3.head_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
            if head.get("ObjectLockLegalHoldStatus") == "ON":
                yield _HELD
            elif until := head.get("ObjectLockRetainUntilDate"):
                yield until


def remove(where: Place, plan: Removal, store: Store, cloud: Cloud, console: Console | None = None) -> Removed:
    """Carry out `plan`: export to `store`, take the stack down, edit the team's file, update the platform, count."""
    say: Callable[[str], None] = console.print if console else lambda _: None
    archive = Archive(store)
    if plan.resources:
        say(f"exporting what must be kept to {store.place}")
        _export(plan, archive, cloud, say)
    _keep_files(where, plan, archive)
    archive.close({"team": plan.team, "environment": plan.environment, "at": datetime.now(UTC).isoformat()})
    done = Removed(store.place, len(archive.kept), sum(item.size for item in archive.kept))
    if plan.resources:
        engine.unprotect(plan.target, _protected(plan.state))
        _empty_what_stays_closed(plan, cloud, say)
        promoted.forget(_model_groups(plan), cloud.client)
        result = engine.down(plan.target, console=console)
        done.changes[plan.team] = result.changes
        engine.remove_stack(plan.target)
        deployments.sweep(where, plan.team, result, console)
    done.edited = _edited(where, plan)
    platform = deployments.targets(where, [PLATFORM])[PLATFORM]
    if platform.stack in deployments.standing(where)[True]:
        engine.unprotect(platform, _protected(engine.stack_state(platform), plan.team))
        done.changes[PLATFORM] = engine.up(platform, console=console).changes
    done.left = leftovers(where, plan.team, cloud)
    return done


def _protected(state: Mapping[str, Any], team: str | None = None) -> list[str]:
    """The URNs that Pulumi refuses to delete: all of a team's own stack, or what the platform holds for `team`."""
    return [
        node.urn
        for node in Graph.from_state(state)
        if node.options.get("protect") and (team is None or (node.properties.get("tags") or {}).get("team") == team)
    ]


def _export(plan: Removal, archive: Archive, cloud: Cloud, say: Callable[[str], None]) -> None:
    archive.add("state.json", _json(plan.state), "the stack as it was, secrets encrypted")
    graph = Graph.from_state(plan.state)
    archive.add("graph.json", graph.to_json().encode(), "what there was, and who could do what")
    s3 = cloud.client("s3")
    for part in plan.parts:
        count = 0
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=part.bucket, Prefix=part.prefix):
            for item in page.get("Contents", []):
                body = s3.get_object(Bucket=part.bucket, Key=item["Key"])["Body"]
                until = f" until {part.until.date()}" if part.until else ""
                archive.add(f"data/{part.bucket}/{item['Key']}", body, f"{part.reason}{until}")
                count += 1
        say(f"  {part.name}: {count} objects")
    sagemaker = cloud.client("sagemaker")
    for group in _model_groups(plan):
        count = 0
        for package in promoted.versions(group, sagemaker):
            record = sagemaker.describe_model_package(ModelPackageName=package)
            record.pop("ResponseMetadata")
            number = record["ModelPackageVersion"]
            archive.add(f"models/{group}/{number}.json", _json(record), "how a version was measured, and who decided")
            count += 1
        say(f"  {group}: {count} versions")


def _model_groups(plan: Removal) -> list[str]:
    return [
        str(node.properties["modelPackageGroupName"]) for node in Graph.from_state(plan.state).of_type(_MODEL_GROUP)
    ]


def _closed_buckets(plan: Removal) -> Iterator[Node]:
    return (node for node in Graph.from_state(plan.state).of_type(_BUCKET) if not node.properties.get("forceDestroy"))


def _keep_files(where: Place, plan: Removal, archive: Archive) -> None:
    for path in (where.project.team_file(plan.team), _configuration(where, plan)):
        if path.is_file():
            archive.add(path.name, path.read_bytes(), "as it was written")


def _configuration(where: Place, plan: Removal) -> Path:
    return where.project.stacks_folder / f"Pulumi.{team_stack(plan.team, plan.environment)}.yaml"


def _empty_what_stays_closed(plan: Removal, cloud: Cloud, say: Callable[[str], None]) -> None:
    """Production's buckets refuse to go while they hold anything; after the export nothing in them is needed."""
    s3 = cloud.client("s3")
    for node in _closed_buckets(plan):
        bucket = str(node.properties["bucket"])
        say(f"  emptying {bucket}")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if versions:
                objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _edited(where: Place, plan: Removal) -> list[str]:
    """The environment leaves the team's file; with its last one the file goes."""
    path = where.project.team_file(plan.team)
    done = [shown_path(str(path))]
    if where.project.team_environments(plan.team) == [plan.environment]:
        path.unlink()
    else:
        forget_environment(path, plan.environment)
    configuration = _configuration(where, plan)
    if configuration.is_file():
        configuration.unlink()
        done.append(shown_path(str(configuration)))
    return done


def leftovers(where: Place, team: str, cloud: Cloud) -> dict[str, int]:
    """What still exists of `team` in the environment, by kind; keys that wait for their deletion are gone.

    Found by the tags that everything of the team carries, and by the names and paths of what carries none.
    """
    spec = where.project.platform(where.environment)
    tags = {"platform": spec.platform, "environment": where.environment, "team": team}
    found: dict[str, int] = {}
    filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
    for page in cloud.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=filters):
        for item in page["ResourceTagMappingList"]:
            arn = str(item["ResourceARN"])
            if not (arn.split(":")[2] == "kms" and _going(cloud, arn)):
                kind = arn.split(":")[2]
                found[kind] = found.get(kind, 0) + 1
    path = "/".join(("", "modelyard", spec.platform, where.environment, team, ""))
    iam, logs, ssm = cloud.client("iam"), cloud.client("logs"), cloud.client("ssm")
    listed = {
        "roles": _count(iam, "list_roles", "Roles", PathPrefix=path),
        "policies": _count(iam, "list_policies", "Policies", Scope="Local", PathPrefix=path),
        "log groups": _count(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=path),
        "parameters": _count(ssm, "get_parameters_by_path", "Parameters", Path=path.rstrip("/"), Recursive=True),
    }
    return {**found, **{name: count for name, count in listed.items() if count}}


def _going(cloud: Cloud, key_arn: str) -> bool:
    state = cloud.client("kms").describe_key(KeyId=key_arn)["KeyMetadata"]["KeyState"]
    return state in _KEY_STATES_GONE


def _count(client: Any, operation: str, key: str, **arguments: Any) -> int:
    return sum(len(page[key]) for page in client.get_paginator(operation).paginate(**arguments))


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, default=str).encode()
