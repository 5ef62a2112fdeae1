"""The README, done as it says, in a fresh clone with an empty home."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.engine.places import cache
from modelyard_sandbox.emulator import Sandbox

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh clone, whose sandbox is stopped in the end, wherever the commands came to."""
    to = tmp_path_factory.mktemp("newcomer") / "modelyard"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(to)], check=True)
    yield to
    Sandbox(to).stop()


def test_the_readmes_commands_work_one_after_the_other(clone: Path, tmp_path: Path):
    """All but `make test`, which is running now; the engine and the downloaded packages are the machine's own."""
    commands = "".join(block for block in BLOCKS if block.strip() != "make test")
    assert commands.startswith("make up")
    assert "make down" in commands
    inherited = ("PATH", "LANG", "TMPDIR", "UV_CACHE_DIR", "SSL_CERT_FILE", "PIP_CERT", "GOPROXY", "GOFLAGS")
    environment = {name: os.environ[name] for name in inherited if name in os.environ}
    environment |= {
        "HOME": str(tmp_path),
        "MODELYARD_CACHE": str(cache()),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
    }
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", commands],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Traceback" not in said
    assert "modelyard-team/fraud-local" in said
    assert re.search(r"^\s+[0-9]{2,} unchanged$", said, re.MULTILINE), "plain pulumi preview shows no change"
    assert "it is empty" in said, "make down leaves nothing in the emulator"
