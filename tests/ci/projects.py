"""Projects whose pipelines are looked at: the shipped one, and one that says all that a pipeline depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tests.shipped import copied, edit

from modelyard.blueprints import Project

DEPLOYER: Final = "arn:aws:iam::111122223333:role/platform-deployer"
GITLAB_JOB: Final = {"kind": "gitlab", "project": "acme/fraud", "branch": "main"}
JENKINS_JOB: Final = {"kind": "jenkins", "job": "https://ci.acme.example/job/ml/job/fraud/"}
GITHUB_BRANCH: Final = {"kind": "github", "repository": "acme-ml/fraud", "branch": "main"}


def shipped(to: Path) -> Project:
    """The shipped project, as a repository of its own."""
    (to / ".git").mkdir(parents=True)
    return Project(copied(to))


def elaborate(to: Path) -> Project:
    """Below a folder of a repository: roles that deploy, three CI systems, loops and pipelines of both kinds."""
    (to / ".git").mkdir(parents=True)
    project = Project(copied(to / "ml" / "platform"))
    (project.root / "requirements.txt").write_text("modelyard==0.1.0 --hash=sha256:00\n")

    def platform(file: Any) -> None:
        file["ci"] = {
            "github": {"owners": ["acme-ml"]},
            "gitlab": {"groups": ["acme"], "audience": "https://gitlab.acme.example"},
            "jenkins": {"issuer": "https://ci.acme.example/oidc", "folders": ["https://ci.acme.example/job/ml/"]},
        }
        file["environments"]["dev"]["deployers"] = [DEPLOYER]

    def fraud(file: Any) -> None:
        file["ci_runs"] = [GITHUB_BRANCH, GITLAB_JOB, JENKINS_JOB]
        file["personas"]["pipeline"]["retrain"] = ["score-loop"]
        file["pipelines"]["scores"]["flavour"] = {"kind": "sagemaker"}

    edit(project.platform_file, platform)
    edit(project.team_file("fraud"), fraud)
    return project
