"""Kubernetes in the sandbox: built, fetched and started, or an error that says what to do; never by halves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from modelyard.core.errors import EmulatorError
from modelyard.engine import toolchain
from modelyard.foundation.cluster import charts
from modelyard_sandbox.kubernetes import binaries, crds, server
from modelyard_sandbox.kubernetes.binaries import Binaries
from modelyard_sandbox.kubernetes.starting import Wanted, begin

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  versions: [{name: v1, served: true}]
  names: {plural: things, singular: =}
"""
PATCH = "kind: CustomResourceDefinition\nmetadata: {name: things.example.org}\nspec: {conversion: {}}\n"


def script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose cache is empty, without Go and without a way to get it."""
    monkeypatch.setenv("MODELYARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(toolchain, "_installer", lambda: None)
    monkeypatch.setattr(binaries, "NEEDED", 0)
    return tmp_path


def fake_go(machine: Path, **does: str) -> None:
    """A `go` that does what it is told; each word is the shell text of one of its commands."""
    cases = "".join(f"{command}) {text};;\n" for command, text in does.items())
    script(machine / "bin" / "go", f'case "$1" in\nenv) echo go1.26.5;;\n{cases}esac')


def buildable(machine: Path) -> None:
    """A Go that makes a file for each program of the recipe."""
    stages = machine / "kwok" / "kustomize" / "stage"
    for name in ("node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat", "pod/fast/pod-ready"):
        (stages / name).parent.mkdir(parents=True, exist_ok=True)
        (stages / f"{name}.yaml").write_text(f"stage: {name}")
    build = (
        'echo built >> "$MODELYARD_CACHE/builds"; while [ "$1" != -o ]; do shift; done; out=$2; shift 2; '
        'for one in "$@"; do case $out in */) to=$out$(basename "$one");; *) to=$out;; esac; '
        'echo "#!/bin/sh" > "$to"; chmod +x "$to"; done'
    )
    fake_go(machine, build=build, list=f"echo {machine / 'kwok'}")


def module(machine: Path, key: str, **files: str) -> tuple[Path, str]:
    """The archive of the key's module with these files in its folder, and Go's answer that names it."""
    origin = crds.table()[key]
    archive = machine / "module.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, text in files.items():
            packed.writestr(f"{origin.module}@{origin.version}/{origin.folder}/{name}.yaml", text)
        packed.writestr(f"{origin.module}@{origin.version}/elsewhere/other.yaml", DEFINITION)
    answer = machine / "answer.json"
    answer.write_text(json.dumps({"Zip": str(archive), "Sum": origin.sum}))
    return archive, f"cat {answer}"


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if path.name != ".lock")


def test_the_programs_are_built_once(machine: Path) -> None:
    buildable(machine)
    assert binaries.located() is None
    made = binaries.install()
    assert [program.name for program in made.all] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kwok",
    ]
    assert all(program.is_file() for program in made.all)
    assert made.stages.read_text().split("\n---\n")[-1] == "stage: pod/fast/pod-ready"
    assert binaries.install() == made == binaries.located()
    assert (machine / "cache" / "builds").read_text().count("built") == 2, "etcd, and the rest at once"


def test_another_recipe_is_built_anew(machine: Path) -> None:
    buildable(machine)
    binaries.install()
    (binaries.home() / "built.json").write_text(json.dumps({"recipe": "an older one"}))
    assert binaries.located() is None
    binaries.install()
    assert binaries.located() is not None


def test_a_program_that_is_missing_is_built_anew(machine: Path) -> None:
    buildable(machine)
    binaries.install().kwok.unlink()
    assert binaries.located() is None
    assert binaries.install().kwok.is_file()


def test_a_build_that_fails_tells_what_go_said_and_leaves_nothing(machine: Path) -> None:
    fake_go(machine, build="echo 'no such module' >&2; exit 1")
    with pytest.raises(EmulatorError, match=r"Go could not build Kubernetes:\nno such module.*--no-kubernetes"):
        binaries.install()
    assert left(machine / "cache" / "kubernetes") == []


def test_a_disk_that_is_too_small_is_told_before_the_build(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(machine, build="exit 1")
    monkeypatch.setattr(binaries, "NEEDED", 1 << 60)
    with pytest.raises(EmulatorError, match=r"building Kubernetes needs .* GB of disk"):
        binaries.install()


def test_a_cluster_that_nobody_asked_for_is_left_out_where_it_cant_be_built(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert begin(machine / "cluster", lambda name: machine / name, Wanted(asked=False)) is None
    assert "the sandbox goes on without Kubernetes: no Go on PATH" in capsys.readouterr().err
    with pytest.raises(EmulatorError, match="no Go on PATH"):
        begin(machine / "cluster", lambda name: machine / name, Wanted(asked=True))


def test_a_program_that_ends_before_it_is_ready_is_told_by_its_last_words_and_nothing_stays(machine: Path) -> None:
    script(machine / "bin" / "etcd", "echo 'no room here'; exit 1")
    with pytest.raises(EmulatorError, match=r"etcd\.log: .*etcd ended before it was ready: no room here"):
        server.start(machine / "cluster", Binaries(machine / "bin"), lambda name: machine / f"{name}.log")
    assert not (machine / "cluster").exists()


def test_a_charts_definitions_are_those_of_the_version_that_the_platform_takes() -> None:
    known = {(f"{origin.module}@{origin.version}", origin.folder) for origin in crds.table().values()}
    taken = {chart.name: (chart.module, chart.folder) for chart in charts.table().values() if chart.module}
    assert taken, "the platform's table of charts names where their definitions lie"
    assert {name: origin for name, origin in taken.items() if origin not in known} == {}


def test_a_modules_definitions_are_kept_and_nothing_else_of_it(machine: Path) -> None:
    _, answer = module(machine, "lws", things=DEFINITION, patch=PATCH, other="kind: Kustomization")
    fake_go(machine, mod=answer)
    assert not crds.fetched(["lws"])
    crds.fetch(["lws"])
    found = crds.manifests("lws")
    assert [definition["metadata"]["name"] for definition in found] == ["things.example.org"]
    assert found[0]["spec"]["names"]["singular"] == "=", "to Kubernetes a lone = is text"
    fake_go(machine, mod="exit 1")
    crds.fetch(["lws"])


def test_a_module_that_asks_for_a_newer_go_is_taken_since_nothing_is_built_of_it(machine: Path) -> None:
    _, answer = module(machine, "lws", things=DEFINITION)
    fake_go(machine, mod=f"{answer}; echo 'requires go >= 1.99' >&2; exit 1")
    crds.fetch(["lws"])
    assert len(crds.manifests("lws")) == 1


def test_a_module_that_isnt_what_the_table_says_is_refused_and_not_kept(machine: Path) -> None:
    archive, _ = module(machine, "lws", things=DEFINITION)
    fake_go(machine, mod=f"""echo '{json.dumps({"Zip": str(archive), "Sum": "h1:other"})}'""")
    with pytest.raises(EmulatorError, match=r"sigs\.k8s\.io/lws@v\S+ is h1:other, wanted is h1:.*GOPROXY"):
        crds.fetch(["lws"])
    assert left(machine / "cache" / "kubernetes" / "crds") == []


def test_a_module_that_cant_be_had_is_told_with_gos_reason(machine: Path) -> None:
    fake_go(machine, mod="echo 'module lookup disabled' >&2; exit 1")
    with pytest.raises(EmulatorError, match=r"lws@v\S+ can't be had: module lookup disabled.*GOPROXY"):
        crds.fetch(["lws"])


def test_definitions_that_werent_fetched_are_told_with_the_command_that_does(machine: Path) -> None:
    with pytest.raises(EmulatorError, match="got 'lws'; its definitions weren't fetched yet. Fetch it: yard sandbox"):
        crds.manifests("lws")
