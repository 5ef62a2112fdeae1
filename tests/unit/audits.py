"""An audit, recorded, and what is asked of its graph."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from modelyard.assess.graph import Graph, record
from modelyard.core.context import Context
from modelyard.core.spec import SourceMap
from modelyard.foundation.audit import AuditSpec, AuditTrail, key_statements
from modelyard.foundation.keys import Keys, KeysSpec

ACCOUNT = "123456789012"
CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT)
PRODUCTION = dataclasses.replace(CONTEXT, environment="prod", production=True)
TOLD: dict[str, Any] = {"notify": ["security@acme.example"]}
Use = Callable[[AuditTrail], None]


def audited(context: Context = CONTEXT, use: Use | None = None, **given: Any) -> Graph:
    spec = AuditSpec.model_validate(given)
    spec.locate(SourceMap("platform.yaml"), "audit")

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context, services=key_statements(context))
        audit = AuditTrail("audit", spec, context=context, keys=keys)
        if use:
            use(audit)

    return record(program, project="p", stack="s", region=context.region)


def properties(graph: Graph, name: str) -> Any:
    (node,) = [node for node in graph.nodes if node.name == name and node.type.startswith("aws:")]
    return node.properties


def statements(graph: Graph, name: str, prop: str = "policy") -> dict[str, Any]:
    document = json.loads(properties(graph, name)[prop])
    return {statement.get("Sid", str(number)): statement for number, statement in enumerate(document["Statement"])}
