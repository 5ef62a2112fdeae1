"""Stacks without a cloud, deployed by the real engine through the language host."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from modelyard import engine as yard
from modelyard.core.errors import EngineError, InputError
from modelyard.engine import Engine, OperationError, StackTarget

pytestmark = pytest.mark.engine

PROGRAM = """
import os
import sys

import pulumi

from modelyard.core.errors import Fault, Source, SpecError


class Lake(pulumi.ComponentResource):
    def __init__(self, name, days):
        super().__init__("modelyard:data:DataLake", name)
        rules = {"rules": [{"expiration": {"days": days}}]}
        pulumi.Stash(f"{name}-raw", input=rules, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


Lake("lake", int(os.environ.get("DAYS", "30")))
Lake("pond", 5)
if os.environ.get("FAIL") == "mistake":
    source = Source("teams/fraud.yaml", "data.days", 3, 4)
    raise SpecError(Fault("must be positive", "Use 1 or more", source, 0))
if os.environ.get("FAIL") == "bug":
    raise RuntimeError("a bug")
pulumi.export("days", int(os.environ.get("DAYS", "30")))
pulumi.export("password", pulumi.Output.secret("hush"))
pulumi.export("python", sys.prefix)
"""

PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def short(args, report):
    if args.resource_type == "pulumi:index:Stash" and args.props["input"]["rules"][0]["expiration"]["days"] > 60:
        report("kept for longer than 60 days")


PolicyPack("house", [ResourceValidationPolicy("retention", "Short", short, EnforcementLevel.MANDATORY)])
"""


@pytest.fixture(scope="session")
def engine() -> Engine:
    with yard.Shown() as progress:
        return yard.install(progress)


@pytest.fixture
def target(tmp_path: Path) -> StackTarget:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "state").mkdir()
    (project / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (project / "__main__.py").write_text(PROGRAM)
    return StackTarget(project, "dev", backend(tmp_path))


def backend(folder: Path) -> dict[str, str | None]:
    return {
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_PYTHON_CMD": sys.executable,
    }


def with_env(target: StackTarget, **more: str) -> StackTarget:
    return StackTarget(target.project_dir, target.stack, {**target.env, **more}, target.secrets_provider)


@pytest.fixture
def screen() -> Iterator[Console]:
    yield Console(file=io.StringIO(), width=120)


def text_of(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_stack_lives_from_its_first_preview_to_its_end(engine: Engine, target: StackTarget, screen: Console) -> None:
    planned = yard.preview(target, engine=engine)
    assert planned.changes == {"create": 5}
    assert yard.stack_state(target, engine=engine)["deployment"].get("resources", []) == [], "a preview touches nothing"

    made = yard.up(target, engine=engine, console=screen, next_steps=["Next: look at it"])
    assert made.changes == {"create": 5}
    assert [(item.label, item.counts) for item in made.components] == [
        ("DataLake lake", {"create": 2}),
        ("DataLake pond", {"create": 2}),
    ]
    assert made.outputs["days"] == 30
    assert "hush" not in str(made.as_json()), "secrets stay hidden"
    assert "2 created" in text_of(screen) and "Next: look at it" in text_of(screen)
    assert yard.stack_outputs(target, engine=engine)["days"] == 30
    assert [item["name"] for item in yard.list_stacks(target.project_dir, target.env, engine=engine)] == ["dev"]

    again = yard.up(target, engine=engine)
    assert not again.changed()

    longer = yard.preview(with_env(target, DAYS="90"), engine=engine)
    (change,) = longer.resources
    assert (change.name, change.op, change.component) == ("lake-raw", "update", "DataLake lake")
    assert [str(item) for item in change.properties] == ["input.rules[0].expiration.days 30 → 90"]

    assert yard.refresh(target, engine=engine).changed() is False
    gone = yard.down(target, remove=True, engine=engine)
    assert gone.changes == {"delete": 5}
    assert yard.list_stacks(target.project_dir, target.env, engine=engine) == []


def test_a_mistake_of_the_user_is_told_without_a_traceback(
    engine: Engine, target: StackTarget, screen: Console
) -> None:
    with pytest.raises(OperationError) as failure:
        yard.preview(with_env(target, FAIL="mistake"), engine=engine, console=screen)
    told = text_of(screen)
    assert "teams/fraud.yaml:3:4: data.days: got 0; must be positive. Use 1 or more" in told
    assert "Traceback" not in told + str(failure.value)
    assert failure.value.exit_code == 1
    assert failure.value.result.succeeded is False


def test_a_bug_in_a_program_keeps_its_traceback(engine: Engine, target: StackTarget, screen: Console) -> None:
    with pytest.raises(OperationError, match="failed"):
        yard.preview(with_env(target, FAIL="bug"), engine=engine, console=screen)
    assert "RuntimeError: a bug" in text_of(screen) and "Traceback" in text_of(screen)


def test_a_mandatory_policy_refuses_the_update(
    engine: Engine, target: StackTarget, tmp_path: Path, screen: Console
) -> None:
    pytest.importorskip("pulumi_policy", reason="policy packs are run by pulumi_policy, of the extra policy")
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (pack / "__main__.py").write_text(PACK)
    assert yard.preview(target, engine=engine, policy_packs=[pack]).succeeded
    with pytest.raises(OperationError) as failure:
        yard.preview(with_env(target, DAYS="90"), engine=engine, policy_packs=[pack], console=screen)
    (broken,) = failure.value.result.errors()
    assert broken.component == "DataLake lake"
    assert "kept for longer than 60 days" in broken.message


@pytest.mark.parametrize("option", ["virtualenv: env", "toolchain: uv"])
def test_the_projects_own_environment_runs_its_program(engine: Engine, target: StackTarget, option: str) -> None:
    if engine.host_kind == "official":
        pytest.skip("Pulumi's own language host decides this itself")
    folder = target.project_dir / ("env" if "env" in option.split(": ")[1] else ".venv")
    folder.symlink_to(sys.prefix, target_is_directory=True)
    (target.project_dir / "Pulumi.yaml").write_text(f"name: tiny\nruntime:\n  name: python\n  options:\n    {option}\n")
    result = yard.preview(with_env(target, PULUMI_PYTHON_CMD=os.devnull), engine=engine)
    assert result.outputs["python"] == str(folder)


def test_an_environment_that_is_not_there_is_named(engine: Engine, target: StackTarget) -> None:
    if engine.host_kind == "official":
        pytest.skip("Pulumi's own language host makes the environment")
    (target.project_dir / "Pulumi.yaml").write_text(
        "name: tiny\nruntime:\n  name: python\n  options:\n    virtualenv: missing\n"
    )
    with pytest.raises(EngineError, match="missing holds no Python environment"):
        yard.preview(target, engine=engine)


def test_a_component_package_in_python_is_served(engine: Engine, tmp_path: Path) -> None:
    project, package = tmp_path / "user", tmp_path / "user" / "package"
    package.mkdir(parents=True)
    (tmp_path / "state").mkdir()
    (project / "Pulumi.yaml").write_text(
        "name: user\nruntime: python\nplugins:\n  providers:\n    - name: greet\n      path: ./package\n"
    )
    (project / "__main__.py").write_text(
        "import pulumi\n"
        "class Greeter(pulumi.ComponentResource):\n"
        "    text: pulumi.Output[str]\n"
        "    def __init__(self, name):\n"
        "        super().__init__('greet:index:Greeter', name, {'who': 'you', 'text': None}, None, True)\n"
        "pulumi.export('text', Greeter('one').text)\n"
    )
    (package / "PulumiPlugin.yaml").write_text("runtime: python\n")
    (package / "__main__.py").write_text(
        "from typing import Optional, TypedDict\n"
        "import pulumi\n"
        "from pulumi.provider.experimental import component_provider_host\n"
        "class GreeterArgs(TypedDict):\n"
        "    who: pulumi.Input[str]\n"
        "class Greeter(pulumi.ComponentResource):\n"
        "    text: pulumi.Output[str]\n"
        "    def __init__(self, name: str, args: GreeterArgs, opts: Optional[pulumi.ResourceOptions] = None):\n"
        "        super().__init__('greet:index:Greeter', name, {}, opts)\n"
        "        self.text = pulumi.Output.from_input(args['who']).apply(lambda who: 'hello ' + who)\n"
        "        self.register_outputs({'text': self.text})\n"
        "component_provider_host(name='greet', components=[Greeter])\n"
    )
    target = StackTarget(project, "dev", backend(tmp_path))
    assert yard.up(target, engine=engine).outputs["text"] == "hello you"


def test_a_stack_that_is_not_there_is_not_taken_down(engine: Engine, target: StackTarget) -> None:
    with pytest.raises(InputError, match="no such stack"):
        yard.down(target, engine=engine)
