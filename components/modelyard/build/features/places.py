"""Where a feature store's things lie in the lake, and the statements that lead there."""

from __future__ import annotations

from modelyard.build.data import DataLake, Zone
from modelyard.core.access import Statement
from modelyard.core.actions import READ_CATALOG
from modelyard.core.component import Component


class Places:
    """The parts of a lake that one feature store works with."""

    def __init__(self, store: Component, lake: DataLake) -> None:
        self._store = store
        self.lake = lake
        self.context = store.context
        self.key_arn = lake.key_arn
        self.features: Zone = lake.zone("features")
        self.artifacts: Zone = lake.zone("artifacts")
        self.database: str = lake.spec.database.adopt or lake.physical("glue-database")
        self.workgroup: str = lake.physical("athena-workgroup")
        self.repository = f"features/{store.component}/"
        """In the artifacts zone: what says what the views are."""

    def history(self, role: str) -> str:
        """Where the history of a version lies in the features zone."""
        return f"{self._store.component}/{role}/"

    def definition(self, key: str) -> str:
        """The object that defines a version, in the artifacts zone."""
        return f"{self.repository}views/{key}.json"

    def tables(self, *names: str) -> tuple[str, ...]:
        """Catalog, database and tables: Glue authorizes a call on a table against all three together."""
        parts = ("catalog", f"database/{self.database}", *(f"table/{self.database}/{name}" for name in names))
        return tuple(self.context.arn("glue", part) for part in parts)

    def may_read_definitions(self) -> list[Statement]:
        """Lets an identity read what the views are."""
        return self.artifacts.may_read(self.repository)

    def may_read_history(self, prefix: str, table: str) -> list[Statement]:
        """Lets an identity read the objects and the table of a version's history."""
        return [*self.features.may_read(prefix), Statement(READ_CATALOG, self.tables(table))]
