"""The bench compares like with like, and never hides what was missed, recorded earlier, or could not run."""

from __future__ import annotations

import io
import json
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from tools.bench import cli, mix, one_recording, process
from tools.bench.figure import Figure, Target, Yardstick, show
from tools.bench.firstday import emptied, engine_made
from tools.bench.process import BenchError
from tools.bench.terraform import RECORDED, Terraform, yardstick

from modelyard.assess.graph import record
from modelyard.engine import Shown

COUNT = 2 * len(mix.TABLE)
MACHINE = {"cores": 2, "memory_gib": 8, "python": "3.11", "date": "2026-01-01", "commit": "abc", "load": 0.0}


def figure(*samples: float, target: Target | None = None, beside: Yardstick | None = None) -> Figure:
    return Figure("group", "a thing", "s", samples, target, beside)


def shown(*figures: Figure, failures: dict[str, str] | None = None, load: float = 0.0) -> str:
    out = io.StringIO()
    show({**MACHINE, "load": load}, figures, failures or {}, Console(file=out, width=160))
    return out.getvalue()


def test_both_programs_of_the_mix_declare_the_same_resources() -> None:
    graph = record(lambda: mix.declare(COUNT, "x"), project="p", stack="s")
    declared = mix.terraform(COUNT, "x", {})["resource"]
    ours = {node.name for node in graph if node.type.startswith("aws:")}
    theirs = {name for kind in declared.values() for name in kind}
    assert len(ours) == COUNT
    assert ours == theirs


def test_both_programs_of_the_mix_ask_for_the_same_values() -> None:
    graph = record(lambda: mix.declare(COUNT, "x"), project="p", stack="s")
    declared = mix.terraform(COUNT, "x", {})["resource"]
    (logs,) = graph.named("x-001-logs")
    assert logs.properties["retentionInDays"] == declared["aws_cloudwatch_log_group"]["x-001-logs"]["retention_in_days"]
    (policy,) = graph.named("x-001-tls")
    assert policy.properties["policy"] == declared["aws_s3_bucket_policy"]["x-001-tls"]["policy"]
    (encryption,) = graph.named("x-001-encryption")
    rule = declared["aws_s3_bucket_server_side_encryption_configuration"]["x-001-encryption"]["rule"][0]
    assert encryption.properties["rules"][0]["bucketKeyEnabled"] == rule["bucket_key_enabled"]


def test_references_of_the_mix_are_dependencies_in_both_programs() -> None:
    graph = record(lambda: mix.declare(COUNT, "x"), project="p", stack="s")
    declared = mix.terraform(COUNT, "x", {})["resource"]
    (attachment,) = graph.named("x-000-attachment")
    assert {urn.rpartition("::")[2] for urn in attachment.dependencies} == {"x-000-role", "x-000-writes"}
    assert declared["aws_iam_role_policy_attachment"]["x-000-attachment"] == {
        "role": "${aws_iam_role.x-000-role.name}",
        "policy_arn": "${aws_iam_policy.x-000-writes.arn}",
    }


def test_a_mix_that_ends_within_a_unit_has_exactly_so_many_resources() -> None:
    declared = mix.terraform(len(mix.TABLE) + 4, "x", {})["resource"]
    assert sum(len(kind) for kind in declared.values()) == len(mix.TABLE) + 4


def test_a_recording_tells_imports_and_recording_apart(capsys: pytest.CaptureFixture[str]) -> None:
    one_recording.main("record", 3)
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"imports", "beyond", "work"}
    assert all(seconds > 0 for seconds in told.values())


def test_a_figure_is_the_median_of_its_samples() -> None:
    assert figure(1.0, 9.0, 2.0).value == 2.0


@pytest.mark.parametrize(("seconds", "verdict"), [(1.0, "met"), (1.01, "missed")])
def test_a_figure_is_met_up_to_its_target(seconds: float, verdict: str) -> None:
    assert figure(seconds, target=Target(1.0)).verdict == verdict


@pytest.mark.parametrize(("seconds", "verdict"), [(5.0, "met"), (5.1, "missed")])
def test_a_target_may_be_a_share_of_the_yardstick(seconds: float, verdict: str) -> None:
    beside = Yardstick("other", (9.0, 10.0, 30.0))
    assert figure(seconds, target=Target(0.5, of_yardstick=True), beside=beside).verdict == verdict


def test_without_its_yardstick_a_share_has_no_verdict() -> None:
    assert figure(5.0, target=Target(0.5, of_yardstick=True)).verdict == ""


def test_a_yardstick_that_was_recorded_earlier_says_so() -> None:
    recorded = figure(5.0, target=Target(0.5, of_yardstick=True), beside=yardstick("apply", []))
    assert "recorded earlier, not in this run" in shown(recorded)
    assert recorded.as_json()["yardstick"]["recorded_earlier"] is True
    assert recorded.as_json()["yardstick"]["median"] == RECORDED["apply"]


def test_a_yardstick_of_this_run_takes_the_place_of_the_recorded_one() -> None:
    seen = figure(5.0, beside=yardstick("plan", [3.0, 4.0, 5.0]))
    assert "recorded" not in shown(seen)
    assert seen.as_json()["yardstick"] == {
        "what": "terraform plan",
        "median": 4.0,
        "samples": [3.0, 4.0, 5.0],
        "recorded_earlier": False,
    }


def test_the_table_names_target_yardstick_and_verdict() -> None:
    (row,) = [
        line
        for line in shown(figure(2.0, target=Target(1.0), beside=Yardstick("python", (0.5,)))).splitlines()
        if line.startswith("a thing")
    ]
    for part in ("2.00 s", "≤ 1 s", "0.50 s python", "missed"):
        assert part in row


def test_a_busy_machine_is_told_of() -> None:
    assert "busy" in shown(figure(1.0), load=1.9)
    assert "busy" not in shown(figure(1.0), load=0.1)


def ran(name: str, seen: list[str]) -> cli.Group:
    def group(runs: int) -> Iterator[Figure]:
        seen.append(name)
        yield Figure(name, f"figure of {name}", "s", (float(runs),), Target(0.0))

    return group


def broken(runs: int) -> Iterator[Figure]:
    raise BenchError(f"could not do {runs} runs")
    yield


def test_a_missed_target_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--json"], {"help": ran("help", [])}) == 0
    assert json.loads(capsys.readouterr().out)["figures"][0]["verdict"] == "missed"


def test_a_group_that_cannot_run_fails_and_the_others_are_still_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--runs", "2"], {"help": broken, "recording": ran("recording", [])}) == 1
    said = capsys.readouterr().out
    assert "help failed to run: could not do 2 runs" in said
    assert "figure of recording" in said


def test_only_the_groups_that_are_named_run(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []
    groups = {name: ran(name, seen) for name in ("help", "recording", "bare")}
    assert cli.main(["--only", "bare, help"], groups) == 0
    assert seen == ["bare", "help"]


@pytest.mark.parametrize(
    ("arguments", "measured"),
    [([], ["help"]), (["--bare"], ["help", "bare"]), (["--bare", "--tests"], ["help", "bare", "tests"])],
)
def test_what_takes_minutes_runs_on_demand(
    arguments: list[str], measured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []
    assert cli.main(arguments, {name: ran(name, seen) for name in ("help", "bare", "tests")}) == 0
    assert seen == measured


@pytest.mark.parametrize(
    ("arguments", "named"), [(["--only", "nothing"], "there is no nothing; there are help"), (["--runs", "0"], "got 0")]
)
def test_arguments_that_make_no_sense_are_refused(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments, {"help": broken})
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


def test_every_group_on_demand_exists() -> None:
    assert set(cli.ON_DEMAND) < set(cli.GROUPS)


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(BenchError, match="exit code 3\nno luck"):
        process.run([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"])


def test_a_command_that_is_missing_says_so() -> None:
    with pytest.raises(BenchError, match="no-such-command"):
        process.run(["no-such-command"])


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(BenchError, match="not done after"):
            process.run(["sh", "-c", f"sleep 60 >{pipe} 2>&1 & wait"], limit=1)  # ended, never slept out
        closed, _, _ = select.select([end], [], [], 10)
        assert closed, "whatever still runs disturbs the next measurement"
    finally:
        os.close(end)


def test_terraform_that_is_not_there_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match="terraform is not on PATH"):
        Terraform(tmp_path / "terraform", 15)


def test_a_bare_machine_has_no_caches_and_keeps_its_way_to_the_network(tmp_path: Path) -> None:
    before = {
        "PATH": "/bin",
        "HOME": "/home/ada",
        "HTTPS_PROXY": "http://proxy",
        "PIP_INDEX_URL": "http://index",
        "GOPROXY": "http://modules",
        "UV_DEFAULT_INDEX": "http://index",
        "GOMODCACHE": "/c",
        "PIP_CACHE_DIR": "/c",
        "UV_CACHE_DIR": "/c",
        "XDG_CACHE_HOME": "/c",
        "MODELYARD_CACHE": "/c",
        "PULUMI_HOME": "/c",
        "AWS_PROFILE": "prod",
        "MAKEFLAGS": "-n",
        "VIRTUAL_ENV": "/v",
    }
    network = {name: before[name] for name in ("PATH", "HTTPS_PROXY", "PIP_INDEX_URL", "GOPROXY", "UV_DEFAULT_INDEX")}
    assert emptied(before, tmp_path) == {**network, "HOME": str(tmp_path)}


def told_by_the_engine(*phases: str) -> str:
    out = io.StringIO()
    with Shown(out) as progress:
        for phase in phases:
            progress.phase(phase)
            progress.detail("compiled 3 packages")
    return out.getvalue()


def test_the_engines_own_time_is_that_of_the_way_that_worked() -> None:
    """The phases' names are those of `modelyard.engine.release` and `modelyard.engine.modules`."""
    report = told_by_the_engine(
        "Fetching the Pulumi CLI 3.259.0",
        "Building the Pulumi CLI 3.259.0 from its Go modules",
        "Fetching the SDK's module",
    )
    made = engine_made(report.replace("modules · 0 s", "modules · 163 s"))
    assert made == Yardstick("building the engine alone", (163.0,))


def test_an_engine_that_was_there_has_no_time() -> None:
    assert engine_made("deployed platform · 12 s\n") is None
