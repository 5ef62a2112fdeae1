"""What Feast's SDK reads: `feature_store.yaml`, and the definitions of entities and views as Python.

Written for Feast 0.67 (docs.feast.dev/v0.67-branch: reference/feature-repository, reference/online-stores/dynamodb,
reference/online-stores/redis, reference/offline-stores/athena).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML

from modelyard.build.features.views import View
from modelyard.core.features import DAY, FeatureType

CONFIGURATION: Final = "feature_store.yaml"
DEFINITIONS: Final = "definitions.py"
REGISTRY: Final = "registry.db"
STAGING: Final = "staging"
REDIS_VARIABLE: Final = "MODELYARD_FEAST_REDIS"
"""The environment variable that holds the connection to Redis, whose password lives for minutes."""

_TYPES: Final[dict[FeatureType, str]] = {
    "string": "String",
    "integer": "Int64",
    "float": "Float64",
    "boolean": "Bool",
    "timestamp": "UnixTimestamp",
}
_HEADER: Final = '''"""What this store holds, as Feast's SDK reads it; the stack writes it anew."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field
from feast.infra.offline_stores.contrib.athena_offline_store.athena_source import AthenaSource
from feast.types import Bool, Float64, Int64, String, UnixTimestamp
from feast.value_type import ValueType
'''


def dynamodb(*, region: str, prefix: str) -> dict[str, Any]:
    """The online store: a table per view, called `<prefix>.<view>`."""
    return {"type": "dynamodb", "region": region, "table_name_template": f"{prefix}.{{table_name}}"}


def redis() -> dict[str, Any]:
    """The online store: a cluster whose address and password the environment gives."""
    return {"type": "redis", "redis_type": "redis_cluster", "connection_string": f"${{{REDIS_VARIABLE}}}"}


def configuration(
    *,
    project: str,
    bucket: str,
    repository: str,
    region: str,
    database: str,
    workgroup: str,
    online: Mapping[str, Any],
) -> str:
    """The text of `feature_store.yaml`; `repository` is its prefix below `bucket`."""
    place = f"s3://{bucket}/{repository}"
    document = {
        "project": project,
        "provider": "local",
        "registry": {"path": f"{place}{REGISTRY}", "cache_ttl_seconds": 60},
        "online_store": dict(online),
        "offline_store": {
            "type": "athena",
            "region": region,
            "data_source": "AwsDataCatalog",
            "database": database,
            "workgroup": workgroup,
            "s3_staging_location": f"{place}{STAGING}",
        },
        "entity_key_serialization_version": 3,
    }
    text = StringIO()
    YAML(typ="safe", pure=True).dump(document, text)  # pyright: ignore[reportUnknownMemberType]
    return text.getvalue()


def definitions(views: Iterable[tuple[View, str, str]], database: str) -> str:
    """The text of the definitions: each view with its name in Feast and its table in `database`."""
    known = list(views)
    entities = {key.name: key for view, _, _ in known for key in view.entity}
    parts = [_HEADER]
    for name, key in sorted(entities.items()):
        kind = "STRING" if key.type == "string" else "INT64"
        parts.append(
            f"{name}_key = Entity(name={name!r}, join_keys=[{name!r}], value_type=ValueType.{kind}, "
            f"description={key.description!r})\n"
        )
    for view, feast_name, table in known:
        parts.append(_view(view, feast_name, table, database))
    return "\n".join(parts)


def _view(view: View, name: str, table: str, database: str) -> str:
    ttl = f"timedelta(hours={view.spec.ttl_hours})" if view.spec.ttl_hours else "timedelta(0)"
    fields = [f"Field(name={key.name!r}, dtype={_TYPES[key.type]})" for key in view.entity]
    fields += [
        f"Field(name={each.name!r}, dtype={_TYPES[each.type]}, description={each.description!r}, "
        f"tags={{'owner': {each.owner!r}}})"
        for each in view.features
    ]
    schema = "".join(f"        {field},\n" for field in fields)
    entities = ", ".join(f"{key.name}_key" for key in view.entity)
    return f"""{view.snake} = FeatureView(
    name={name!r},
    entities=[{entities}],
    ttl={ttl},
    schema=[
{schema}    ],
    online={view.spec.online!r},
    source=AthenaSource(
        name={name!r},
        table={table!r},
        database={database!r},
        data_source="AwsDataCatalog",
        timestamp_field={view.spec.event_time!r},
        date_partition_column={DAY!r},
    ),
    description={view.description!r},
    owner={view.owner!r},
    tags={{"view": {view.name!r}, "version": "{view.version}"}},
)
{view.snake}_service = FeatureService(name={view.snake!r}, features=[{view.snake}])
"""
