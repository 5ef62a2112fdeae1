"""`yard charts`."""

from __future__ import annotations

from modelyard.cli.options import Environment, Json
from modelyard.cli.telling import told


def charts(env: Environment = None, json: Json = False) -> None:
    """Show the charts that the platform installs, and what a registry of yours must have of them, without a cloud."""
    from modelyard.assess.graph.stacks import record_platform
    from modelyard.blueprints.project import Project
    from modelyard.operate.charts import document, installed, shown

    project = Project.find()
    environment = env or project.environments()[0]
    with told("recording the platform's stack"):
        found = installed(record_platform(project.root, environment))
    if json:
        from json import dumps

        print(dumps(document(found), indent=2))
        return
    for line in shown(found, environment):
        print(line)
