"""The graph of one stack from its three sources, the real engine among them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.assess.graph import Secret, agree, from_preview, from_state, record
from modelyard.engine import locate

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi


class Shelf(pulumi.ComponentResource):
    def __init__(self, name, size, opts=None):
        inputs = {"size": size, "label": None, "nested": {"list": [1, 2.5, True, None], "empty": {}}}
        super().__init__("modelyard:test:Shelf", name, inputs, opts)
        self.size = pulumi.Output.from_input(size)
        self.register_outputs({"size": self.size})


def rename(args):
    if args.name != "third":
        return None
    return pulumi.ResourceTransformResult({**args.props, "label": "transformed"}, args.opts)


async def main():
    pulumi.runtime.register_resource_transform(rename)
    big = Shelf("big", 3)
    token = pulumi.Output.secret("hunter2")
    small = Shelf("small", token, pulumi.ResourceOptions(parent=big, protect=True))
    third = Shelf("third", big.size, pulumi.ResourceOptions(depends_on=[small]))
    return {"size": third.size, "token": token, "list": [1, {"x": "y"}]}


pulumi.run(main)
"""


@pytest.fixture
def pulumi(tmp_path: Path) -> Callable[..., str]:
    engine = locate()
    if engine is None:
        pytest.skip("no engine on this machine; install one: yard engine install")
    for folder in ("home", "state"):
        (tmp_path / folder).mkdir()
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (project / "__main__.py").write_text(PROGRAM)
    environment = {
        **os.environ,
        "PATH": engine.search_path(os.environ["PATH"]),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": (tmp_path / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "passphrase",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run(*arguments: str) -> str:
        command = [str(engine.path), *arguments, "--non-interactive"]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("stack", "init", "dev")
    return run


def test_the_recorded_the_previewed_and_the_deployed_graph_of_a_stack_agree(pulumi: Callable[..., str], tmp_path: Path):
    recorded = record(tmp_path / "project", project="shop", stack="dev")
    previewed = from_preview(pulumi("preview", "--json", "--show-sames"))
    assert agree(recorded, previewed) == []
    pulumi("up", "--yes", "--skip-preview")
    deployed = from_state(pulumi("stack", "export"))
    assert agree(recorded, deployed) == []
    assert agree(recorded, from_preview(pulumi("preview", "--json", "--show-sames"))) == []
    assert len(recorded) == len(previewed) == len(deployed) == 4
    assert {node.urn: node.options for node in recorded} == {node.urn: node.options for node in deployed}
    assert deployed.outputs == {**recorded.outputs, "token": Secret()}
    (third,) = recorded.named("third")
    assert third.properties["label"] == "transformed", "the engine and the recorder run the same transforms"
