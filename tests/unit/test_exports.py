"""The public names: each resolves, and what must answer at once loads no cloud SDK."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = ROOT / "components"
PACKAGES = sorted(
    ".".join(stub.parent.relative_to(COMPONENTS).parts) for stub in (COMPONENTS / "modelyard").rglob("__init__.pyi")
)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_resolves(package: str):
    module = importlib.import_module(package)
    assert module.__all__ == sorted(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize(
    "statement",
    [
        "import modelyard",
        "import modelyard.blueprints.spec",
        "import modelyard.core.addresses, modelyard.core.contract",
        "import modelyard.cli.app",
        "import modelyard.assess.policy.rules, modelyard.assess.policy.examine",
        "import modelyard_jobs.resources",
        "from modelyard import LakeSpec, VpcSpec, KeysSpec, Context",
    ],
)
def test_specs_value_types_and_commands_load_without_a_cloud_sdk(statement: str):
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; {statement}; print(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"pulumi", "pulumi_aws", "boto3", "moto"} & set(found)


@pytest.mark.parametrize("folder", ["platform", "localstack"])
def test_folders_that_would_shadow_modules_are_no_packages(folder: str):
    assert not (ROOT / folder / "__init__.py").exists()


def test_no_component_shares_its_type_with_another():
    from modelyard.core.component import Component

    module = importlib.import_module("modelyard")
    made = [getattr(module, name) for name in module.__all__]
    types = [
        f"{thing.CAPABILITY}:{thing.__name__}"
        for thing in made
        if isinstance(thing, type) and issubclass(thing, Component) and thing is not Component
    ]
    assert len(types) == len(set(types)) > 4
