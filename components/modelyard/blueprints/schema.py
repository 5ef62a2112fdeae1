"""The JSON schemas of the two files, for editors and for everybody who generates such files."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Final

from modelyard.blueprints.project import Project
from modelyard.blueprints.spec import PlatformSpec, TeamSpec
from modelyard.core.document import OVERRIDES
from modelyard.core.spec import Spec

KINDS: Final[dict[str, type[Spec]]] = {"platform": PlatformSpec, "team": TeamSpec}


def schema(kind: str) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of the platform's file or of a team's, overrides included.

    An environment's overrides have the fields of the whole, none of them required; so the whole requires none of what
    an environment may bring.
    """
    made = _undecided(KINDS[kind].model_json_schema())
    overrides = _optional(copy.deepcopy(made))
    definitions = made.setdefault("$defs", {})
    for name, definition in overrides.pop("$defs", {}).items():
        definitions[f"{name}Override"] = definition
    overrides["title"] = "Overrides"
    overrides["description"] = (
        "What differs in this environment. Mappings merge unless of another kind, the rest replaces, null takes away."
    )
    definitions["Overrides"] = _renamed(overrides)
    for name in list(definitions):
        if name.endswith("Override"):
            definitions[name] = _renamed(definitions[name])
    made["properties"][OVERRIDES] = {
        "type": "object",
        "description": "The environments, and what differs in each.",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Overrides"}, {"type": "null"}]},
    }
    brought = {"account", "region", "network"}
    made["required"] = [name for name in made.get("required", []) if name not in brought] + [OVERRIDES]
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return made


def _undecided(node: Any) -> Any:
    """What no required field decides may fit several of its choices, such as the owner of a monitor of any flavour."""
    if isinstance(node, dict):
        open_choice = "oneOf" in node and "discriminator" not in node
        return {"anyOf" if open_choice and key == "oneOf" else key: _undecided(value) for key, value in node.items()}
    return [_undecided(item) for item in node] if isinstance(node, list) else node


def _optional(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: _optional(value) for key, value in node.items() if key != "required" or not isinstance(value, list)
        }
    return [_optional(item) for item in node] if isinstance(node, list) else node


def _renamed(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: f"{value}Override" if key == "$ref" and not value.endswith("Override") else _renamed(value)
            for key, value in node.items()
        }
    return [_renamed(item) for item in node] if isinstance(node, list) else node


def text(kind: str) -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(kind), indent=2, sort_keys=True) + "\n"


def texts(project: Project) -> dict[Path, str]:
    """Both schemas, by the paths beside the files that they describe."""
    places = {
        "platform": project.platform_folder / "platform.schema.json",
        "team": project.stacks_folder / "team.schema.json",
    }
    return {path: text(kind) for kind, path in places.items()}


def write(project: Project) -> list[str]:
    """Write both schemas beside the files that they describe; the paths written."""
    found = texts(project)
    for path, content in found.items():
        path.write_text(content)
    return [str(path) for path in found]
