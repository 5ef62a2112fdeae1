"""A feature store: views in SageMaker feature groups or in Feast, what fills them, and who may read and write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from modelyard.build.data import DataLake
from modelyard.build.features.feast import FeastStore
from modelyard.build.features.groups import FeatureGroups
from modelyard.build.features.jobs import Jobs
from modelyard.build.features.places import Places
from modelyard.build.features.spec import FeastFlavour, FeaturesSpec
from modelyard.build.features.views import Stored, View, views_of
from modelyard.core.access import Grantee, PendingAddress, Statement, address, identity_of
from modelyard.core.addresses import FeatureViewAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.features import OfflineTable, SourceTable, ViewDefinition
from modelyard.core.retention import Retention, retention_for
from modelyard.foundation.network import NetworkLike


class FeatureStore(Component):
    """The feature views of a team, each version in a store of its own, which no later version touches.

    `network`: where jobs run, and a cache lies. Absent: jobs run outside of any VPC. Raises `SpecError` with the faults
    of `spec`, and with those that the lake shows.
    """

    CAPABILITY = "features"

    def __init__(
        self,
        name: str,
        spec: FeaturesSpec,
        *,
        context: Context,
        lake: DataLake,
        network: NetworkLike | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [*spec.all_faults(), *spec.faults_for(lake.spec)]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._lake = lake
        self._network = network
        self._places = Places(self, lake)
        self._views = {view.key: view for view in views_of(spec)}
        views = list(self._views.values())
        self._stored: dict[str, Stored] = self._keep(views)
        self._jobs = (
            Jobs(self, spec.job, views, key_arn=lake.key_arn, network=network) if spec.job is not None else None
        )
        for view in views:
            self._define(view)
        if self._jobs is not None:
            for key, role in self._jobs.roles.items():
                self._work(self._views[key], role)
                self._jobs.add(self._views[key])
        self.register_outputs({"views": self.views, "topics": dict(self.topics)})

    @property
    def views(self) -> dict[str, dict[str, object]]:
        """Of each version, such as `customer-v2`: where it is kept, and the fingerprint that `lock` takes."""
        return {
            key: {
                "store": self._stored[key].store,
                "table": self._stored[key].table,
                "fingerprint": view.spec.fingerprint,
            }
            for key, view in self._views.items()
        }

    @property
    def topics(self) -> Mapping[str, pulumi.Output[str]]:
        """The topic of each owner whose views have jobs, by the owner's address."""
        return self._jobs.topics if self._jobs is not None else {}

    def grant_read_online(self, grantee: Grantee, *, views: Sequence[str] | None = None) -> None:
        """Let `grantee` read single records of `views`, every version. Absent: of all views that are online."""
        self._grant(grantee, "read-online", views, online=True)

    def grant_read_offline(self, grantee: Grantee, *, views: Sequence[str] | None = None) -> None:
        """Let `grantee` read and query the history of `views`, every version. Absent: of all views that have one."""
        self._grant(grantee, "read-offline", views, offline=True)
        self._lake.grant_query(grantee)

    def grant_write(self, grantee: Grantee, *, views: Sequence[str] | None = None) -> None:
        """Let `grantee` write records of `views`, every version. Absent: of all views."""
        self._grant(grantee, "write", views)

    def _grant(
        self,
        grantee: Grantee,
        intent: str,
        views: Sequence[str] | None,
        *,
        online: bool = False,
        offline: bool = False,
    ) -> None:
        chosen = self._chosen(views, online=online, offline=offline)
        for view in chosen:
            self._allow(grantee, intent, view)

    def _chosen(self, views: Sequence[str] | None, *, online: bool, offline: bool) -> list[View]:
        """Every version of the views. Raises `InputError` for unknown ones, and for those without such a store."""
        where, has = self.written.at("views"), ", ".join(self.spec.views) or "none"
        unknown = [name for name in views or () if name not in self.spec.views]
        faults = [Fault("is no view of this store", f"It has {has}.", where, name) for name in unknown]
        named = [view for view in self._views.values() if views is None or view.name in views]
        fitting = [v for v in named if (v.spec.online or not online) and (v.spec.offline or not offline)]
        if views is not None:
            kind = "online" if online else "offline"
            lacking = {view.name for view in named} - {view.name for view in fitting}
            faults += [Fault(f"is not kept {kind}", f"Say {kind}: true.", where, name) for name in sorted(lacking)]
        if faults:
            raise InputError(*faults)
        return fitting

    def _allow(self, grantee: Grantee, intent: str, view: View) -> None:
        stored = self._stored[view.key]
        statements: dict[str, tuple[Statement, ...]] = {
            "read-online": stored.read_online,
            "read-offline": stored.read_offline,
            "write": stored.write,
        }
        identity_of(grantee).allow(
            self,
            f"{intent} {view.key}",
            [*statements[intent], *self._places.may_read_definitions()],
            [self._address(view)],
        )

    def _work(self, view: View, role: Grantee) -> None:
        """What the job of a version needs: its source, and the version's own stores."""
        self._lake.grant_read(role, datasets=[view.spec.dataset])
        self._lake.grant_query(role)
        self._allow(role, "write", view)
        if view.spec.online:
            self._allow(role, "read-online", view)
        if view.spec.offline:
            self._allow(role, "read-offline", view)

    def _address(self, view: View) -> PendingAddress:
        stored, places = self._stored[view.key], self._places
        return address(
            FeatureViewAddress,
            name=view.key,
            view=view.name,
            version=str(view.version),
            flavour=self.spec.flavour.kind,
            store=stored.store,
            bucket=places.artifacts.bucket.bucket,
            definition=places.definition(view.key),
            repository=places.repository if isinstance(self.spec.flavour, FeastFlavour) else "",
            database=stored.database,
            table=stored.table,
            workgroup=stored.workgroup,
            key_arn=places.key_arn,
            endpoint=stored.endpoint,
            reader=stored.users.get("reader", ""),
            writer=stored.users.get("writer", ""),
        )

    def _keep(self, views: Sequence[View]) -> dict[str, Stored]:
        flavour = self.spec.flavour
        if isinstance(flavour, FeastFlavour):
            whole = retention_for(
                self._lake.spec.classification("features"),
                production=self.context.production,
                declared=self._lake.spec.retention,
            )
            feast = FeastStore(self, flavour, self._places, self._network, whole)
            stored = {view.key: feast.add(view, self._retention(view)) for view in views}
            feast.publish()
            return stored
        groups = FeatureGroups(self, flavour, self._places, list(views))
        return {view.key: groups.add(view, self._retention(view)) for view in views}

    def _retention(self, view: View) -> Retention:
        """As long as its source: features say what the data says."""
        dataset = self._lake.spec.datasets[view.spec.dataset]
        return retention_for(
            dataset.classification, production=self.context.production, declared=self._lake.spec.retention
        )

    def _define(self, view: View) -> None:
        """Write what the view is where its readers find it."""
        aws.s3.BucketObjectv2(
            self.named(f"{view.key}-definition"),
            bucket=self._places.artifacts.bucket.bucket,
            key=self._places.definition(view.key),
            content=self._places.artifacts.bucket.bucket.apply(
                lambda bucket: self.definition(view, bucket).model_dump_json(indent=2)
            ),
            content_type="application/json",
            opts=self.options(),
        )

    def definition(self, view: View, bucket: str) -> ViewDefinition:
        """What jobs and readers are told of a version."""
        stored, places, spec = self._stored[view.key], self._places, view.spec
        offline = OfflineTable(database=stored.database, table=stored.table) if stored.table else None
        source = spec.dataset
        return ViewDefinition(
            view=view.name,
            version=view.version,
            flavour=self.spec.flavour.kind,
            store=stored.store,
            entity=view.entity,
            event_time=spec.event_time,
            features=view.features,
            source=SourceTable(database=places.database, table=self._lake.spec.table(source), columns=view.columns),
            offline=offline,
            online=spec.online,
            ttl_hours=spec.ttl_hours,
            workgroup=stored.workgroup,
            staging=f"s3://{bucket}/{stored.staging}" if stored.staging else "",
            sample=spec.consistency.sample if spec.consistency else 0,
            tolerance=spec.consistency.tolerance if spec.consistency else 0.0,
            dimensions=self._jobs.dimensions(view) if self._jobs is not None else {},
        )
