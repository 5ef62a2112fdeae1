"""What Checkov says of graphs: its rules on AWS over a Terraform plan of each, those on Kubernetes over its objects.

Checkov runs in a process and an environment of its own. It knows no severities without an account of its vendor's, so
all its findings are low here: they are told, and stop a change where the platform's file names them under `stops`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from modelyard.assess.bridges.kubernetes import write_manifests
from modelyard.assess.bridges.terraform import write_plan
from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.policy.engine import Judgement, Result, Verdict
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.core.errors import EnvironmentFault
from modelyard.engine import locked
from modelyard.engine.progress import Progress

PREFIX: Final = "checkov:"
"""What the ids of Checkov's rules begin with here."""

_PLAN: Final = "plan.json"
_OBJECTS: Final = "objects"
_SECONDS: Final = 300
_TAIL: Final = 400
OFFLINE: Final = ("--skip-download", "--quiet", "--compact", "--soft-fail", "--output", "json")
_SETTINGS: Final = {"EVAL_TF_PLAN_AFTER_UNKNOWN": "1", "LOG_LEVEL": "ERROR"}


def checkov_results(graph: Graph, progress: Progress | None = None) -> list[Result]:
    """What Checkov finds wrong with the graph's resources, sorted by rule and URN; at most one for each of both.

    Its environment is made first if this machine has none: a few seconds from uv's cache, 190 MB. Nothing is sent
    anywhere, and a secret's value is not written. Raises `EnvironmentFault` where Checkov can't be had, or breaks.
    """
    python = install(progress)
    with tempfile.TemporaryDirectory(prefix="modelyard-checkov-") as work:
        folder = Path(work)
        plan = write_plan(graph, folder / _PLAN)
        objects = write_manifests(graph, folder / _OBJECTS)
        found = dict[tuple[str, str], Result]()
        if plan.nodes:
            for check in _failed(python, folder, "terraform_plan", "--file", _PLAN):
                _add(found, check, plan.nodes.get(check["resource"]))
        if objects:
            for check in _failed(python, folder, "kubernetes", "--directory", _OBJECTS):
                _add(found, check, objects.get(Path(check["file_path"]).name))
    return [found[key] for key in sorted(found)]


def beside(judgement: Judgement, results: Sequence[Result]) -> Judgement:
    """A judgement with Checkov's results added to it, each of which counts as one question."""
    asked = Counter(judgement.asked) + Counter(result.rule.id for result in results)
    return replace(judgement, results=(*judgement.results, *results), asked=asked)


def install(progress: Progress | None = None) -> Path:
    """The interpreter of Checkov's environment, made first if this machine has none. Raises `EnvironmentFault`."""
    return locked.program("checkov", whose="Checkov's", content="Checkov", progress=progress)


def _failed(python: Path, folder: Path, framework: str, *what: str) -> Iterator[Mapping[str, Any]]:
    command = [str(python.with_name("checkov")), *what, "--framework", framework, *OFFLINE]
    environment = {**os.environ, **_SETTINGS, "HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFault(f"Checkov could not run: {error}", remedy="Try again, or leave --checkov out") from None
    try:
        report: Any = json.loads(done.stdout)
    except ValueError:
        said = " | ".join((done.stderr.strip() or done.stdout.strip()).splitlines())[-_TAIL:]
        raise EnvironmentFault(f"Checkov broke ({done.returncode}): {said}", remedy="Leave --checkov out") from None
    if "results" not in report:
        return
    broken = report["results"].get("parsing_errors")
    if broken:
        raise EnvironmentFault(f"Checkov can't read {', '.join(broken)}", remedy="Leave --checkov out")
    yield from cast("Sequence[Mapping[str, Any]]", report["results"]["failed_checks"])


def _add(found: dict[tuple[str, str], Result], check: Mapping[str, Any], node: Node | None) -> None:
    if node is None:
        return
    name = str(check["check_name"]).rstrip(".")
    rule = _rule(str(check["check_id"]), name, str(check.get("guideline") or ""))
    problem = f"fails {check['check_id']}: {name}"
    found[rule.id, node.urn] = Result(rule, Verdict.VIOLATED, node.urn, problem, source=node.source)


def _rule(check: str, name: str, guideline: str) -> Rule:
    return Rule(
        f"{PREFIX}{check}",
        Severity.LOW,
        Domain.CLUSTER if "_K8S_" in check else Domain.CLOUD,
        name,
        "Checkov asks it of every resource of the kind, whatever it is for.",
        f"See {guideline}." if guideline else "See Checkov's page on it.",
        (),
        _asked_elsewhere,
        bad=(),
        good=(),
        maps=(check,),
    )


def _asked_elsewhere(_: Subject) -> Iterator[Violation]:
    """Checkov asks its rules itself."""
    yield from ()
