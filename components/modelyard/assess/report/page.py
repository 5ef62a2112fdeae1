"""The page: one HTML file with everything in it, which opens without a network and says itself that it asks none."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import Any, Final

import jinja2
from markupsafe import Markup

from modelyard.assess.policy.rule import ORDER
from modelyard.assess.report.model import Report
from modelyard.assess.report.secrets import secrets_of, without
from modelyard.assess.report.view import view

_ESCAPED: Final = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})
_SECTIONS: Final = ("Picture", "Rules", "Price", "Changes", "Access", "Lineage", "Components")
_PICTURE: Final = ("Picture", "Components")


def document(report: Report) -> dict[str, Any]:
    """What the page shows, as JSON. No value of a secret is in it."""
    return without(view(report), secrets_of(report.graphs))


def page(report: Report) -> str:
    """The report as HTML. No value of a secret is in it."""
    shown = document(report)
    data = shown.pop("data")
    style, script = _part("page.css"), _part("page.js")
    text = (
        _templates()
        .get_template("page.html")
        .render(
            **shown,
            sections=_PICTURE if report.only_picture else _SECTIONS,
            severities=[str(severity) for severity in ORDER],
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style, script),
            embedded=Markup(_embedded(data)),
        )
    )
    return text + "\n"


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy under which nothing is loaded, and nothing runs but the page's own script."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _embedded(data: Any) -> str:
    """JSON that can stand inside a script element, whatever is in it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED)


def _part(name: str) -> str:
    environment = _templates()
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("modelyard.assess.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = counted
    environment.filters["breakable"] = _breakable
    return environment


def _breakable(text: str) -> Markup:
    """A path that a narrow column may break at its slashes, and nowhere else."""
    return Markup("/<wbr>").join(text.split("/"))


def counted(number: int, what: str) -> str:
    """`1 resource`, `1,204 resources`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
