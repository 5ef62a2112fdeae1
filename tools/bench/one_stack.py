"""One team's stack in a process of its own: `python -m tools.bench.one_stack record|deploy TEAM`, seconds as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from tools.bench.process import ROOT

ENVIRONMENT = "local"


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = perf_counter()
    result = work()
    return perf_counter() - begin, result


def record(team: str) -> dict[str, float]:
    """Seconds of recording, once with all imports and once without, and the resources that were recorded."""
    from modelyard.assess.graph.stacks import record_team

    with_imports, _ = _timed(lambda: record_team(ROOT, team, ENVIRONMENT))
    beyond, graph = _timed(lambda: record_team(ROOT, team, ENVIRONMENT))
    return {"imports": with_imports - beyond, "beyond": beyond, "resources": len(graph.nodes)}


def deploy(team: str) -> dict[str, float]:
    """Seconds of deploying without the engine, one call at a time, and of those the seconds of the emulator's calls."""
    from botocore.client import BaseClient

    from modelyard.blueprints import platform_program, team_program
    from modelyard_sandbox.inprocess import deploy

    spent = {"calls": 0.0}
    original = BaseClient._make_api_call

    def timed(self: BaseClient, *arguments: Any, **named: Any) -> Any:
        begin = perf_counter()
        try:
            return original(self, *arguments, **named)
        finally:
            spent["calls"] += perf_counter() - begin

    platform, program = platform_program(ROOT, ENVIRONMENT), team_program(ROOT, team, ENVIRONMENT)
    with deploy(platform.run, project=platform.project, stack=platform.stack, region="eu-west-1") as base:
        known = {f"{platform.project}/{platform.stack}": base.outputs}
        BaseClient._make_api_call = timed  # pyright: ignore[reportAttributeAccessIssue]
        whole, made = _timed(
            lambda: deploy(
                program.run, project=program.project, stack=program.stack, region="eu-west-1", stack_references=known
            )
        )
        made.destroy()
    return {"whole": whole, "calls": spent["calls"]}


if __name__ == "__main__":
    print(json.dumps({"record": record, "deploy": deploy}[sys.argv[1]](sys.argv[2])))
