"""A platform that names a cluster which exists names a context that the kubeconfig has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.shipped import copied, edit

from modelyard.blueprints import Project
from modelyard.core.errors import InputError
from modelyard.operate.contexts import refuse_unknown

KNOWN = "apiVersion: v1\nkind: Config\ncontexts:\n  - {name: lab, context: {cluster: lab, user: me}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(copied(tmp_path / "project"))
    cluster = {"kind": "existing", "context": "lab", "version": "1.34"}
    edit(made.platform_file, lambda file: file.update(cluster=cluster))
    return made


def refused(project: Project, **variables: Any) -> str:
    with pytest.raises(InputError) as caught:
        refuse_unknown(project.platform("dev"), variables)
    return str(caught.value)


def test_a_context_is_found_in_any_of_the_files_that_the_variable_names(project: Project, tmp_path: Path):
    (tmp_path / "other").write_text("contexts:\n", "utf-8")
    (tmp_path / "known").write_text(KNOWN, "utf-8")
    refuse_unknown(project.platform("dev"), {"KUBECONFIG": f"{tmp_path / 'other'}:{tmp_path / 'known'}"})


def test_a_context_that_no_kubeconfig_has_is_told_with_its_place_and_those_that_there_are(
    project: Project, tmp_path: Path
):
    (tmp_path / "known").write_text(KNOWN.replace("lab", "office"), "utf-8")
    said = refused(project, KUBECONFIG=str(tmp_path / "known"))
    assert "platform.yaml:" in said and "cluster.context: got 'lab'" in said
    assert "there are: office" in said and "point KUBECONFIG" in said


def test_without_a_kubeconfig_it_says_so(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "there is no kubeconfig" in refused(project)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("contexts: [", "can't be read"), ("\x00", "can't be read"), ("- a\n- b\n", "there are: none")],
)
def test_a_file_that_is_no_kubeconfig_is_a_clear_error(project: Project, tmp_path: Path, text: str, problem: str):
    (tmp_path / "broken").write_text(text, "utf-8")
    assert problem in refused(project, KUBECONFIG=str(tmp_path / "broken"))


def test_a_platform_without_such_a_cluster_asks_for_no_kubeconfig(tmp_path: Path):
    refuse_unknown(Project(copied(tmp_path)).platform("dev"), {"KUBECONFIG": str(tmp_path / "none")})
