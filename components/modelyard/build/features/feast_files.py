"""What Feast's SDK reads: `feature_store.yaml`, and the definitions of entities and views as Python.

Written for Feast 0.67 (docs.feast.dev/v0.67-branch: reference/feature-repository, reference/online-stores/dynamodb,
reference/online-stores/redis, reference/offline-stores/athena).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
{imports}
from feast.types import Bool, Float64, Int64, String, UnixTimestamp
from feast.value_type import ValueType
'''


def dynamodb(*, region: str, prefix: str) -> dict[str, Any]:
    """The online store: a table per view, called `<prefix>.<view>`."""
    return {"type": "dynamodb", "region": region, "table_name_template": f"{prefix}.{{table_name}}"}


def redis(*, cluster: bool = True) -> dict[str, Any]:
    """The online store: a cluster, or one server, whose address and password the environment gives."""
    kind = "redis_cluster" if cluster else "redis"
    return {"type": "redis", "redis_type": kind, "connection_string": f"${{{REDIS_VARIABLE}}}"}


def athena(*, place: str, region: str, database: str, workgroup: str) -> dict[str, Any]:
    """The offline store: tables of the lake; `place` ends in a slash."""
    return {
        "type": "athena",
        "region": region,
        "data_source": "AwsDataCatalog",
        "database": database,
        "workgroup": workgroup,
        "s3_staging_location": f"{place}{STAGING}",
    }


def files() -> dict[str, Any]:
    """The offline store: Parquet, as `FileSource` names it."""
    return {"type": "dask"}


def configuration(*, project: str, place: str, online: Mapping[str, Any], offline: Mapping[str, Any]) -> str:
    """The text of `feature_store.yaml`; `place`: where the registry lies, an S3 URI that ends in a slash."""
    document = {
        "project": project,
        "provider": "local",
        "registry": {"path": f"{place}{REGISTRY}", "cache_ttl_seconds": 60},
        "online_store": dict(online),
        "offline_store": dict(offline),
        "entity_key_serialization_version": 3,
    }
    text = StringIO()
    YAML(typ="safe", pure=True).dump(document, text)  # pyright: ignore[reportUnknownMemberType]
    return text.getvalue()


@dataclass(frozen=True, slots=True)
class Source:
    """Where Feast reads the history of a view: Python that makes it, without its name, and what it imports."""

    imports: str
    kind: str
    arguments: Mapping[str, object]


def athena_source(view: View, *, table: str, database: str) -> Source:
    """A table of the lake."""
    return Source(
        "from feast.infra.offline_stores.contrib.athena_offline_store.athena_source import AthenaSource",
        "AthenaSource",
        {
            "table": table,
            "database": database,
            "data_source": "AwsDataCatalog",
            "timestamp_field": view.spec.event_time,
            "date_partition_column": DAY,
        },
    )


def file_source(view: View, *, uri: str, endpoint: str | None) -> Source:
    """Parquet below `uri`, with the columns of the view's dataset; `endpoint`: of a store that isn't AWS's."""
    return Source(
        "from feast.infra.offline_stores.file_source import FileSource",
        "FileSource",
        {
            "path": uri,
            "timestamp_field": view.spec.event_time,
            "field_mapping": {column: name for name, column in view.columns.items() if column != name},
            **({} if endpoint is None else {"s3_endpoint_override": endpoint}),
        },
    )


def definitions(views: Iterable[tuple[View, str, Source]]) -> str:
    """The text of the definitions: each view with its name in Feast and where its history lies."""
    known = list(views)
    entities = {key.name: key for view, _, _ in known for key in view.entity}
    imports = "\n".join(sorted({source.imports for _, _, source in known}))
    parts = [_HEADER.format(imports=imports)]
    for name, key in sorted(entities.items()):
        kind = "STRING" if key.type == "string" else "INT64"
        parts.append(
            f"{name}_key = Entity(name={name!r}, join_keys=[{name!r}], value_type=ValueType.{kind}, "
            f"description={key.description!r})\n"
        )
    for view, feast_name, source in known:
        parts.append(_view(view, feast_name, source))
    return "\n".join(parts)


def _view(view: View, name: str, source: Source) -> str:
    ttl = f"timedelta(hours={view.spec.ttl_hours})" if view.spec.ttl_hours else "timedelta(0)"
    fields = [f"Field(name={key.name!r}, dtype={_TYPES[key.type]})" for key in view.entity]
    fields += [
        f"Field(name={each.name!r}, dtype={_TYPES[each.type]}, description={each.description!r}, "
        f"tags={{'owner': {each.owner!r}}})"
        for each in view.features
    ]
    schema = "".join(f"        {field},\n" for field in fields)
    given = "".join(f"        {key}={value!r},\n" for key, value in source.arguments.items())
    entities = ", ".join(f"{key.name}_key" for key in view.entity)
    return f"""{view.snake} = FeatureView(
    name={name!r},
    entities=[{entities}],
    ttl={ttl},
    schema=[
{schema}    ],
    online={view.spec.online!r},
    source={source.kind}(
        name={name!r},
{given}    ),
    description={view.description!r},
    owner={view.owner!r},
    tags={{"view": {view.name!r}, "version": "{view.version}"}},
)
{view.snake}_service = FeatureService(name={view.snake!r}, features=[{view.snake}])
"""
