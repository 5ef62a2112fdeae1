"""Programs in YAML and in TypeScript use the components, by the real engine, in the sandbox."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.ci.conftest import had
from tests.ci.tools import built, said
from tests.isolation.installed import filled, found_node, hashed
from tests.journeys.conftest import Yard
from tests.shipped import ROOT

from modelyard.engine.places import cache
from modelyard.remote import FOLDER

pytestmark = pytest.mark.engine
HOSTS = ROOT / "tests" / "languages"
EXAMPLES = "examples/languages"


def yaml_host() -> Path:
    """Pulumi's host of YAML programs."""
    return built(HOSTS / "yaml", "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml").parent


def nodejs_host() -> Path:
    """Pulumi's host of Node.js programs."""
    return built(HOSTS / "nodejs", "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs").parent


def node_modules(example: Path) -> Path:
    """What the TypeScript example's lock names."""
    _, npm = found_node()
    lock = example / "package-lock.json"
    folder = cache() / "ci" / f"typescript-{hashed(lock)}"

    def install(made: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            (made / name).write_bytes((example / name).read_bytes())
        said(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=made)

    if not folder.is_dir():
        filled(folder, install)
    return folder / "node_modules"


class Program:
    """An example of another language, in a project with a sandbox."""

    def __init__(self, yard: Yard, language: str, host: Path) -> None:
        self.yard, self.folder = yard, f"{EXAMPLES}/{language}"
        self.host = host
        package = yard.root / "components" / "modelyard" / "remote"
        if not package.exists():
            shutil.copytree(FOLDER, package)
        self.pulumi("stack init local && pulumi config set aws:region eu-west-1")

    def pulumi(self, arguments: str) -> str:
        """Standard output of Pulumi's CLI."""
        return self.yard.shell(f'export PATH="{self.host}:$PATH"; pulumi {arguments}', self.folder)


def a_key(yard: Yard) -> str:
    """The ARN of a key that the account and CloudWatch Logs may use."""
    anybody = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    account = {**anybody, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}
    logs = {**anybody, "Principal": {"Service": "logs.eu-west-1.amazonaws.com"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [account, logs]})
    ask = f"import boto3; print(boto3.client('kms').create_key(Policy='{policy}')['KeyMetadata']['Arn'])"
    return yard.shell(f"python - <<'END'\n{ask}\nEND").strip()


@pytest.fixture(scope="module")
def started(yard: Yard) -> Yard:
    yard("sandbox", "start")
    yard("engine", "install")
    return yard


def test_a_yaml_program_makes_a_lake_and_a_second_run_changes_nothing(started: Yard):
    program = Program(started, "yaml", had(yaml_host))
    program.pulumi("up --yes --non-interactive --skip-preview")
    buckets = json.loads(program.pulumi("stack output --json"))["buckets"]
    there = started.shell(
        'python -c \'import boto3; print([b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]])\''
    )
    assert buckets["raw"].startswith("ml-local-events-lake-raw-") and buckets["raw"] in there
    assert "unchanged" in program.pulumi("preview --non-interactive --expect-no-changes")
    program.pulumi("destroy --yes --non-interactive --skip-preview")


def test_a_mistake_in_a_yaml_program_is_told_by_its_path_and_without_a_traceback(started: Yard):
    program = started.root / EXAMPLES / "yaml" / "Pulumi.yaml"
    text = program.read_text()
    program.write_text(text.replace("zone: raw", "zone: rawer").replace("retention_days: 400", "retention_days: never"))
    try:
        script = (
            f'export PATH="{had(yaml_host)}:$PATH"; pulumi stack select -c local; ! pulumi preview --non-interactive'
        )
        told = started.shell(script, f"{EXAMPLES}/yaml")
    finally:
        program.write_text(text)
    assert "datasets.clicks.zone" in told and "datasets.clicks.retention_days" in told
    assert "Traceback" not in told and 'File "' not in told


def test_a_typescript_program_makes_a_registry(started: Yard):
    example = started.root / EXAMPLES / "typescript"
    (example / "node_modules").symlink_to(had(lambda: node_modules(example)))
    program = Program(started, "typescript", had(nodejs_host))
    program.pulumi(f"config set keyArn {a_key(started)}")
    program.pulumi("up --yes --non-interactive --skip-preview")
    bucket = json.loads(program.pulumi("stack output --json"))["bucket"]
    assert re.fullmatch(r"ml-local-scores-registry-\w+", bucket)
    state = json.loads(program.pulumi("stack export"))["deployment"]["resources"]
    policies = [one for one in state if one["type"] == "aws:iam/rolePolicy:RolePolicy"]
    assert policies, "what one component grants another is written where it is a whole program, too"
    program.pulumi("destroy --yes --non-interactive --skip-preview")
