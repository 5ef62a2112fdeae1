"""A data lake on S3, with its Glue catalog and Athena workgroup."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data.catalog import Catalog
from modelyard.build.data.ingestion import Intake, intake
from modelyard.build.data.lifecycle import RESULTS
from modelyard.build.data.quality import check_quality
from modelyard.build.data.spec import ArrivalCheck, DatasetSpec, LakeSpec, ZoneName
from modelyard.build.data.versions import may_erase, may_snapshot
from modelyard.build.data.zone import Zone, bucket_name
from modelyard.core.access import Grantee, PendingAddress, Statement, address, identity_of
from modelyard.core.actions import QUERY, READ_CATALOG, WRITE_CATALOG
from modelyard.core.addresses import DatasetAddress
from modelyard.core.buckets import access_log_bucket
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError
from modelyard.core.notices import Notices
from modelyard.core.retention import Retention, retention_for
from modelyard.foundation.keys import KeysLike

_GIB: Final = 2**30


class DataLake(Component):
    """One bucket per zone, a Glue table per dataset, and a workgroup whose settings no client overrides."""

    CAPABILITY = "data"

    def __init__(
        self,
        name: str,
        spec: LakeSpec,
        *,
        context: Context,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.key_arn = keys.arn("data")
        sources = [f"arn:{context.partition}:s3:::{bucket_name(self, zone, spec)}" for zone in spec.zones]
        logs = access_log_bucket(self, sources=sources, days=spec.access_log_days)
        self.zones: dict[ZoneName, Zone] = {
            zone: Zone(
                self,
                zone,
                spec,
                key_arn=self.key_arn,
                retention=self._retention(zone),
                logs=logs,
            )
            for zone in spec.zones
        }
        self._catalog = Catalog(self, spec)
        self.database = self._catalog.database
        self._notices = Notices(self, self.key_arn)
        self._intakes: dict[str, Intake] = {}
        for dataset, dataset_spec in spec.datasets.items():
            self._dataset(dataset, dataset_spec)
        self._tell_of_arrivals()
        self.workgroup = self._workgroup()
        self.register_outputs(
            {
                "buckets": {zone: made.bucket.bucket for zone, made in self.zones.items()},
                "database": self.database.name,
                "workgroup": self.workgroup.name,
                "legalHolds": self.legal_holds,
                "notices": dict(self._notices.arns),
            }
        )

    @property
    def legal_holds(self) -> dict[str, dict[str, str]]:
        """The datasets that nothing may leave: why, since when, and by whose order."""
        return {
            name: {"reason": hold.reason, "since": hold.since.isoformat(), "by": hold.by}
            for name, hold in ((n, d.legal_hold) for n, d in self.spec.datasets.items())
            if hold is not None
        }

    @property
    def topics(self) -> Mapping[str, pulumi.Output[str]]:
        """The topic of each owner whose datasets take in events or have rules, by the owner's address."""
        return self._notices.arns

    def zone(self, name: ZoneName) -> Zone:
        """The zone called `name`. Raises `InputError` for one that the lake hasn't."""
        if name not in self.zones:
            has = ", ".join(self.zones)
            raise InputError(Fault("is no zone of this lake", f"It has {has}.", self.written.at("zones"), name))
        return self.zones[name]

    def grant_read(self, grantee: Grantee, *, datasets: Sequence[str] | None = None) -> None:
        """Let `grantee` read objects and catalog of `datasets`. Absent: of all datasets of the lake."""
        self._grant(grantee, "read", datasets, write=False)

    def grant_write(self, grantee: Grantee, *, datasets: Sequence[str] | None = None) -> None:
        """Let `grantee` write objects and partitions of `datasets`. Absent: of all datasets of the lake."""
        self._grant(grantee, "write", datasets, write=True)

    def grant_query(self, grantee: Grantee) -> None:
        """Let `grantee` run queries in the lake's workgroup, over what it was granted to read."""
        workgroup = self.context.arn("athena", f"workgroup/{self.physical('athena-workgroup')}")
        results = self.zone("artifacts")
        identity_of(grantee).allow(
            self, "query", [Statement(QUERY, (workgroup,)), *results.may_read(RESULTS), *results.may_write(RESULTS)]
        )

    def grant_publish(self, grantee: Grantee, *, datasets: Sequence[str] | None = None) -> None:
        """Let `grantee` put events to `datasets`. Absent: to all datasets of the lake that take in events."""
        chosen = sorted(self._intakes) if datasets is None else sorted(datasets)
        deaf = [name for name in chosen if name not in self._intakes]
        if deaf:
            has = ", ".join(self._intakes) or "none"
            where = self.written.at("datasets")
            raise InputError(
                *(Fault("is no dataset that takes in events", f"Those are: {has}.", where, name) for name in deaf)
            )
        made = [self._intakes[name] for name in chosen]
        statements = [statement for intake in made for statement in intake.statements]
        identity_of(grantee).allow(self, "publish", statements, [intake.address for intake in made])

    def grant_snapshot(self, grantee: Grantee, *, datasets: Sequence[str]) -> None:
        """Let `grantee` take snapshots of `datasets`: read every version of them, and add manifests."""
        self._grant_versions(grantee, "snapshot", datasets, may_snapshot)

    def grant_erase(self, grantee: Grantee, *, datasets: Sequence[str]) -> None:
        """Let `grantee` restore `datasets` and erase rows from all their versions; whoever may do so may destroy them.

        A legal hold stands above this grant: the bucket's own policy refuses.
        """
        self._grant_versions(grantee, "erase", datasets, may_erase)

    def _grant_versions(
        self, grantee: Grantee, intent: str, datasets: Sequence[str], may: Callable[..., list[Statement]]
    ) -> None:
        chosen, artifacts = self._known(datasets), self.zone("artifacts")
        statements = [
            statement
            for name in chosen
            for statement in may(self.zones[self.spec.datasets[name].zone], artifacts, name, self.spec.prefix(name))
        ]
        identity_of(grantee).allow(self, intent, statements, [self._address(name) for name in chosen])

    def _dataset(self, name: str, spec: DatasetSpec) -> None:
        zone = self.zones[spec.zone]
        table = self._catalog.add(name, spec, zone)
        parts = {"prefix": self.spec.prefix(name), "zone": zone, "catalog": self._catalog, "table": table}
        if spec.ingestion is not None:
            self._intakes[name] = intake(self, name, spec, **parts, notices=self._notices)
        if spec.quality is not None:
            check_quality(self, name, spec, **parts, notices=self._notices)

    def _tell_of_arrivals(self) -> None:
        """Zones tell EventBridge what arrives, where rules wait for it; telling costs a dollar a million objects."""
        for name, zone in self.zones.items():
            if any(
                spec.quality is not None and isinstance(spec.quality.when, ArrivalCheck)
                for spec in self.spec.datasets.values()
                if spec.zone == name
            ):
                aws.s3.BucketNotification(
                    self.named(f"{name}-arrivals"), bucket=zone.bucket.bucket, eventbridge=True, opts=self.options()
                )

    def _grant(self, grantee: Grantee, intent: str, datasets: Sequence[str] | None, *, write: bool) -> None:
        chosen = self._known(datasets)
        statements: list[Statement] = []
        for zone in self.zones.values():
            prefixes = [self.spec.prefix(name) for name in chosen if self.spec.datasets[name].zone == zone.name]
            if prefixes:
                statements += zone.may_write(*prefixes) if write else zone.may_read(*prefixes)
        if chosen:
            statements.append(Statement(WRITE_CATALOG if write else READ_CATALOG, self._catalog.arns(chosen)))
        identity_of(grantee).allow(self, intent, statements, [self._address(name) for name in chosen])

    def _known(self, datasets: Sequence[str] | None) -> list[str]:
        """The names sorted, absent all of them. Raises `InputError` with every one that the lake hasn't."""
        chosen = sorted(self.spec.datasets if datasets is None else datasets)
        unknown = [name for name in chosen if name not in self.spec.datasets]
        if unknown:
            has = ", ".join(self.spec.datasets) or "none"
            raise InputError(
                *(
                    Fault("is no dataset of this lake", f"It has {has}.", self.written.at("datasets"), n)
                    for n in unknown
                )
            )
        return chosen

    def _address(self, dataset: str) -> PendingAddress:
        zone = self.zones[self.spec.datasets[dataset].zone]
        return address(
            DatasetAddress,
            name=dataset,
            bucket=zone.bucket.bucket,
            prefix=self.spec.prefix(dataset),
            key_arn=zone.key_arn,
            database=self._catalog.name,
            table=self.spec.table(dataset),
            workgroup=self.physical("athena-workgroup"),
        )

    def _retention(self, zone: ZoneName) -> Retention:
        if self.spec.held(zone):
            return Retention.KEEP
        return retention_for(
            self.spec.classification(zone), production=self.context.production, declared=self.spec.retention
        )

    def _workgroup(self) -> aws.athena.Workgroup:
        results = self.zone("artifacts")
        return aws.athena.Workgroup(
            self.written_at("workgroup", self.spec.query.source()),
            name=self.physical("athena-workgroup"),
            description=f"Queries of {self.context.owner}",
            force_destroy=self._retention("artifacts").force_destroy,
            configuration={
                "enforce_workgroup_configuration": True,
                "publish_cloudwatch_metrics_enabled": True,
                "bytes_scanned_cutoff_per_query": self.spec.query.scan_limit_gib * _GIB,
                "result_configuration": {
                    "output_location": pulumi.Output.format("s3://{0}/{1}/", results.bucket.bucket, RESULTS),
                    "encryption_configuration": {"encryption_option": "SSE_KMS", "kms_key_arn": self.key_arn},
                },
            },
            opts=self.options(),
        )
