"""A dataset is files on the cluster: the platform puts a file system before it, and one claim of the team mounts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import edit
from tests.unit.test_platform_cluster import OWNER, begun

from modelyard.assess.cost.pricing import bill_of
from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Stack, Surroundings
from modelyard.blueprints import Project
from modelyard.blueprints.vending import new_team
from modelyard.core.errors import SpecError
from modelyard.operate.recorded import Recorder

ENDS = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
PICTURES = {"pictures": {"capacity_gib": 1200, "ends": ENDS}}


def with_files(folder: Path, files: Any = PICTURES, addon: bool = True, reads: str = "pictures") -> Project:
    """A platform that puts `files` before datasets of the team vision, whose program finds one of them."""
    project = begun(folder)

    def platform(file: Any) -> None:
        file["dataset_files"] = {"vision": files}
        if addon:
            names = ("vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "aws-fsx-csi-driver")
            file["cluster"]["addons"] = {name: {} for name in names}

    edit(project.platform_file, platform)
    edit(
        project.team_file("vision"),
        lambda file: file["training"]["flavour"]["programs"]["finetune"].update(datasets=[reads]),
    )
    return project


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graph]:
    project = with_files(tmp_path_factory.mktemp("files"))
    new_team(project, "sales", "batch", OWNER, ["local"])
    recorder = Recorder(project)
    return {name: recorder.graph(name, "local") for name in ("platform", "vision")}


def objects(graph: Graph, kind: str) -> list[Mapping[str, Any]]:
    return [node.properties for node in graph.of_type(f"kubernetes:core/v1:{kind}")]


def test_the_file_system_shows_the_datasets_prefix_in_the_bucket_that_the_team_makes(graphs: dict[str, Graph]):
    (link,) = graphs["platform"].of_type("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation")
    (bucket,) = graphs["vision"].named("lake-curated")
    assert link.properties["dataRepositoryPath"] == f"s3://{bucket.properties['bucket']}/pictures"
    assert "autoExportPolicy" not in json.dumps(link.properties), "nothing that a job writes goes back"


def test_one_claim_of_the_team_alone_has_the_volume_and_reads_the_dataset_alone(graphs: dict[str, Graph]):
    (volume,), (claim,) = (
        objects(graphs["platform"], "PersistentVolume"),
        objects(graphs["platform"], "PersistentVolumeClaim"),
    )
    (system,) = graphs["platform"].of_type("aws:fsx/lustreFileSystem:LustreFileSystem")
    said = volume["spec"]
    assert (said["claimRef"]["namespace"], said["claimRef"]["name"]) == ("ml-local-vision", claim["metadata"]["name"])
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert said["csi"]["readOnly"] and "ro" in said["mountOptions"]
    assert said["csi"]["volumeHandle"] == system.outputs["id"]
    assert said["csi"]["volumeAttributes"]["mountname"].endswith("/data"), "below the root is the dataset alone"


def test_only_the_clusters_machines_reach_it(graphs: dict[str, Graph]):
    (system,) = graphs["platform"].of_type("aws:fsx/lustreFileSystem:LustreFileSystem")
    (cluster,) = graphs["platform"].of_type("aws:eks/cluster:Cluster")
    assert system.properties["securityGroupIds"] == [cluster.outputs["vpcConfig"]["clusterSecurityGroupId"]]


def test_the_teams_key_lets_that_one_file_system_read_and_no_other_teams_does(graphs: dict[str, Graph]):
    (system,) = graphs["platform"].of_type("aws:fsx/lustreFileSystem:LustreFileSystem")
    readers = {
        node.name: [
            each["Condition"]["ArnLike"]["aws:PrincipalArn"]
            for each in json.loads(node.properties["policy"])["Statement"]
            if each.get("Sid") == "FileSystemsReadDatasets"
        ]
        for node in graphs["platform"].of_type("aws:kms/key:Key")
    }
    admitting = {name: found for name, found in readers.items() if found}
    ((name, ([who],)),) = admitting.items()
    assert name.startswith("vision-keys-")
    assert who.endswith(f"/AWSServiceRoleForFSxS3Access_{system.outputs['id']}")


def test_the_driver_may_look_at_file_systems_and_make_none(graphs: dict[str, Graph]):
    policies = [
        statement
        for node in graphs["platform"].of_type("aws:iam/rolePolicy:RolePolicy")
        if "aws-fsx-csi-driver" in node.name
        for statement in json.loads(node.properties["policy"])["Statement"]
    ]
    assert [each["Action"] for each in policies] == ["fsx:DescribeFileSystems"]
    (identity,) = graphs["platform"].named("cluster-aws-fsx-csi-driver-identity")
    assert identity.properties["serviceAccount"] == "fsx-csi-controller-sa"


def test_a_program_finds_the_dataset_by_its_name_and_cannot_write_there(graphs: dict[str, Graph]):
    (claim,) = objects(graphs["platform"], "PersistentVolumeClaim")
    (runtime,) = graphs["vision"].of_type("kubernetes:trainer.kubeflow.org/v1alpha1:TrainingRuntime")
    (job,) = runtime.properties["spec"]["template"]["spec"]["replicatedJobs"]
    pod = job["template"]["spec"]["template"]["spec"]
    volumes = {each["name"]: each for each in pod["volumes"]}
    mounts = {each["name"]: each for each in pod["containers"][0]["volumeMounts"]}
    assert mounts["dataset-pictures"] == {
        "name": "dataset-pictures",
        "mountPath": "/datasets/pictures",
        "readOnly": True,
    }
    claimed = volumes["dataset-pictures"]["persistentVolumeClaim"]
    assert claimed == {"claimName": claim["metadata"]["name"], "readOnly": True}


def test_it_has_a_price_and_a_day_and_breaks_no_rule(graphs: dict[str, Graph]):
    graph = graphs["platform"]
    bill = bill_of(Stack(graph, Surroundings("local", region="eu-west-1")))
    (line,) = [each for each in bill.lines if "pictures" in each.urn and each.low > 1]
    assert line.what.startswith("fsx-lustre") and line.low == line.high > 100
    assert not [each for each in bill.unknown if "pictures" in each.urn]
    (ends,) = graph.named("vision-pictures-files-lustre-ends")
    assert ends.properties["scheduleExpression"] == f"at({ENDS}T00:00:00)"
    around = Surroundings("local", region="eu-west-1", today=date(2026, 11, 22))
    found = [each for each in judge(graph, CATALOGUE, around).results if "pictures" in each.urn or "fsx" in each.urn]
    assert [(each.rule.id, each.urn.rpartition("::")[2], each.problem) for each in found] == []


def test_a_dataset_that_is_no_files_is_refused_where_the_program_names_it(tmp_path: Path):
    project = with_files(tmp_path, reads="labels")
    with pytest.raises(SpecError, match=r"programs\.finetune\.datasets\[0\].*the cluster has pictures.*dataset_files"):
        Recorder(project).graph("vision", "local")


def test_files_without_the_driver_or_of_a_team_without_a_quota_are_refused(tmp_path: Path):
    with pytest.raises(SpecError, match=r"dataset_files.*Add \"aws-fsx-csi-driver: \{\}\" to \"cluster.addons\""):
        with_files(tmp_path / "driver", addon=False).platform("local")
    project = with_files(tmp_path / "quota")
    edit(project.team_file("vision"), lambda file: file.pop("quota"))
    with pytest.raises(SpecError, match=r"dataset_files\.vision.*has no quota"):
        Recorder(project).graph("platform", "local")
    stranger = with_files(tmp_path / "stranger")
    edit(stranger.platform_file, lambda file: file["dataset_files"].update(strange=PICTURES))
    with pytest.raises(SpecError, match=r"dataset_files\.strange.*is no team of this environment"):
        Recorder(stranger).graph("platform", "local")
