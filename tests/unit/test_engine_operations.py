"""What an operation shows and gives back, from the engine's own events and from a CLI that only pretends."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from modelyard import engine as yard
from modelyard.core.errors import EngineError, InputError
from modelyard.engine import Engine, OperationError, StackTarget, changes, stacks
from modelyard.engine.ledger import Ledger, readable
from modelyard.engine.show import Progress, show

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
LAKE = "urn:pulumi:dev::p::modelyard:data:DataLake::lake"
RAW = "urn:pulumi:dev::p::modelyard:data:DataLake$aws:s3/bucket:Bucket::lake-raw"
RULE = "urn:pulumi:dev::p::modelyard:data:DataLake$aws:s3/bucket:Bucket$aws:s3/rule:Rule::lake-rule"
LOOSE = "urn:pulumi:dev::p::aws:sns/topic:Topic::loose"
PARENTS = {LAKE: STACK, RAW: LAKE, RULE: RAW, LOOSE: STACK, STACK: ""}


def step(kind: str, urn: str, op: str, **more: Any) -> dict[str, Any]:
    state = {"parent": PARENTS[urn], "inputs": {}, "outputs": {}}
    metadata = {"urn": urn, "op": op, "type": urn.split("::")[2].split("$")[-1], "old": state, "new": state}
    return {kind: {"metadata": {**metadata, "logical": True, **more}}}


def both(urn: str, op: str, **more: Any) -> list[dict[str, Any]]:
    return [step("resourcePreEvent", urn, op, **more), step("resOutputsEvent", urn, op, **more)]


def ledger_of(*events: dict[str, Any], operation: Any = "up") -> Ledger:
    ledger = Ledger(operation, clock=lambda: 0.0)
    for event in events:
        ledger.take(event)
    return ledger


def test_resources_count_towards_their_nearest_component() -> None:
    ledger = ledger_of(
        *both(STACK, "create"), *both(LAKE, "create"), *both(RAW, "create"), *both(RULE, "create"), *both(LOOSE, "same")
    )
    assert [(item.label, item.counts) for item in ledger.components()] == [
        ("everything else", {"same": 1}),
        ("DataLake lake", {"create": 3}),
    ]


def test_a_replacement_counts_once() -> None:
    ledger = ledger_of(
        *both(LAKE, "same"),
        *both(RAW, "create-replacement", logical=False),
        *both(RAW, "replace"),
        *both(RAW, "delete-replaced", logical=False),
    )
    (lake,) = ledger.components()
    assert lake.counts == {"same": 1, "replace": 1}


def test_a_component_works_until_its_last_resource_is_done() -> None:
    begun = [*both(LAKE, "create"), step("resourcePreEvent", RAW, "create")]
    (lake,) = ledger_of(*begun).components()
    assert (lake.state, lake.working, lake.counts) == ("working", 1, {"create": 1})
    (lake,) = ledger_of(*begun, step("resOutputsEvent", RAW, "create")).components()
    assert (lake.state, lake.working, lake.counts) == ("done", 0, {"create": 2})
    (lake,) = ledger_of(*begun, step("resOpFailedEvent", RAW, "create")).components()
    assert (lake.state, lake.failed, lake.counts) == ("failed", 1, {"create": 1})


def test_messages_are_grouped_by_component_and_debug_is_dropped() -> None:
    ledger = ledger_of(
        *both(LAKE, "create"),
        step("resourcePreEvent", RAW, "create"),
        {"diagnosticEvent": {"severity": "error", "message": "AccessDenied: no\n", "urn": RAW}},
        {"diagnosticEvent": {"severity": "debug", "message": "registering"}},
        {"diagnosticEvent": {"severity": "info", "message": "creating", "ephemeral": True}},
        {"diagnosticEvent": {"severity": "error", "message": "update failed"}},
        {
            "policyEvent": {
                "resourceUrn": RAW,
                "message": "open",
                "policyName": "tls",
                "policyPackName": "house",
                "enforcementLevel": "advisory",
            }
        },
    )
    result = ledger.result("p", "dev", False)
    assert [(item.severity, item.message, item.component) for item in result.diagnostics] == [
        ("error", "AccessDenied: no", "DataLake lake"),
        ("warning", "house/tls: open", "DataLake lake"),
    ]
    stream = io.StringIO()
    screen = Console(file=stream, width=100)
    show(screen, result)
    text = stream.getvalue()
    assert text.index("DataLake lake") < text.index("error: lake-raw: AccessDenied: no")


@pytest.mark.parametrize("name", ["modelyard.core.errors.SpecError", "modelyard_sandbox.faults.PortError"])
def test_an_error_raised_on_purpose_loses_its_traceback(name: str) -> None:
    trace = (
        f"Program failed:\nTraceback (most recent call last):\n  File 'x'\n{name}: a.yaml:1: wrong. Mend it\nb. c\n\n"
    )
    assert readable(trace) == "a.yaml:1: wrong. Mend it\nb. c"


def test_a_bug_keeps_its_traceback() -> None:
    trace = "Traceback (most recent call last):\n  File 'x'\nKeyError: 'a'"
    assert readable(trace) == trace


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}


def changed(before: Any, after: Any, **more: Any) -> list[str]:
    metadata = {"op": "update", "old": {"inputs": before}, "new": {"inputs": after}, **more}
    return [str(item) for item in changes.of_step(metadata)]


def test_changes_are_told_value_by_value() -> None:
    before = {"rules": [{"expiration": {"days": 30}}], "tags": {"a": "1", "b/c": "2"}, "same": 1}
    after = {"rules": [{"expiration": {"days": 90}}, {"id": "x"}], "tags": {"b/c": "3"}, "same": 1}
    assert changed(before, after) == [
        "rules[0].expiration.days 30 → 90",
        'rules[1] (absent) → {"id": "x"}',
        "tags.a 1 → (absent)",
        'tags["b/c"] 2 → 3',
    ]


def test_documents_inside_texts_are_compared_by_what_they_say() -> None:
    before = {"policy": json.dumps({"Statement": [{"Action": "s3:GetObject"}]})}
    after = {"policy": json.dumps({"Statement": [{"Action": "s3:*"}]}, indent=2)}
    assert changed(before, after) == ["policy.Statement[0].Action s3:GetObject → s3:*"]


def test_secrets_and_unknowns_are_not_shown() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert changed({"a": "plain", "b": "x"}, {"a": SECRET, "b": unknown}) == [
        "a plain → (secret)",
        "b x → (known after deployment)",
    ]
    assert (
        changes.of_step(
            {
                "op": "update",
                "old": {"inputs": {"a": SECRET}},
                "new": {"inputs": {"a": SECRET}},
                "detailedDiff": {"a": {"kind": "update"}},
            }
        )[0].path
        == "a"
    ), "that it changes is still told"


def test_what_replaces_is_marked_and_what_is_ignored_left_out() -> None:
    told = changed(
        {"cidr": "a", "noise": 1}, {"cidr": "b", "noise": 2}, detailedDiff={"cidr": {"kind": "update-replace"}}
    )
    assert told == ["cidr a → b  (replaces)"]


CLI = """#!/bin/sh
case "$1 $2" in
"stack select") [ -n "$FAKE_REFUSES" ] && { echo "error: $FAKE_REFUSES" >&2; exit 255; }; exit 0;;
esac
echo "$@" >> "$FAKE/arguments"
while [ "$1" != --event-log ]; do shift; done
cat "$FAKE/events" > "$2"
ps -o pgid= $$ > "$FAKE/group"
[ -n "$FAKE_WAITS" ] && trap 'echo interrupt >> "$FAKE/interrupts"; touch "$FAKE/go-on"' INT
touch "$FAKE/running"
if [ -n "$FAKE_WAITS" ]; then
  while [ ! -e "$FAKE/go-on" ]; do sleep 0.02; done  # a shell has nothing else to wait for a file with
fi
[ -n "$FAKE_SAYS" ] && echo "error: $FAKE_SAYS" >&2
exit ${FAKE_CODE:-0}
"""


@pytest.fixture
def pretended(tmp_path: Path) -> tuple[Engine, StackTarget]:
    cli = tmp_path / "bin" / "pulumi"
    cli.parent.mkdir()
    cli.write_text(CLI)
    cli.chmod(0o755)
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    summary = {"summaryEvent": {"resourceChanges": {"create": 2}}}
    outputs = {"parent": "", "outputs": {"bucket": "b", "password": SECRET}}
    events = [*both(STACK, "create", new=outputs), *both(LAKE, "create"), *both(RAW, "create"), summary]
    (tmp_path / "events").write_text("".join(json.dumps(event) + "\n" for event in events))
    engine = Engine(cli, "3.259.0", "path", cli)
    return engine, StackTarget(tmp_path, "dev", {"FAKE": str(tmp_path)})


def told(target: StackTarget, **more: str | None) -> StackTarget:
    return StackTarget(target.project_dir, target.stack, {**target.env, **more})


def test_an_operation_shows_components_outputs_and_next_steps_as_plain_lines(
    pretended: tuple[Engine, StackTarget],
) -> None:
    engine, target = pretended
    stream = io.StringIO()
    screen = Console(file=stream, width=80)
    result = yard.up(target, engine=engine, console=screen, next_steps=["Next: yard doctor"])
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines[0] == "Updating p/dev"
    assert lines[1].split() == ["✓", "DataLake", "lake", "2", "created", "0.0", "s"]
    assert [line.split() for line in lines[3:6]] == [["name", "value"], ["bucket", "b"], ["password", "(secret)"]]
    assert lines[-1] == "Next: yard doctor"
    assert result.as_json()["changes"] == {"create": 2}
    assert json.dumps(result.as_json())


def test_policy_packs_are_given_by_absolute_path(
    pretended: tuple[Engine, StackTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, target = pretended
    monkeypatch.chdir(target.project_dir)
    yard.preview(target, engine=engine, policy_packs=[Path("pack")], arguments=["--target", "x"])
    said = (target.project_dir / "arguments").read_text()
    assert f"--policy-pack {target.project_dir / 'pack'} --target x" in said


def test_a_failure_carries_the_result_and_says_what_failed(pretended: tuple[Engine, StackTarget]) -> None:
    engine, target = pretended
    failed = {"diagnosticEvent": {"severity": "error", "message": "AccessDenied", "urn": RAW}}
    with (target.project_dir / "events").open("a") as events:
        events.write(json.dumps(failed) + "\n")
    with pytest.raises(OperationError, match="up of dev failed at lake-raw: AccessDenied") as error:
        yard.up(told(target, FAKE_CODE="1"), engine=engine)
    assert error.value.exit_code == 1
    assert error.value.result.changes == {"create": 2}


def test_what_the_cli_says_without_events_is_an_error_with_a_remedy(pretended: tuple[Engine, StackTarget]) -> None:
    engine, target = pretended
    (target.project_dir / "events").write_text("")
    locked = told(target, FAKE_CODE="255", FAKE_SAYS="the stack is currently locked by 1 lock(s)")
    with pytest.raises(EngineError, match=r"currently locked.*pulumi cancel --stack dev"):
        yard.up(locked, engine=engine)


@pytest.mark.parametrize(
    ("said", "kind", "remedy"),
    [
        ("no stack named 'dev' found", InputError, "pulumi stack ls"),
        ("passphrase must be set with PULUMI_CONFIG_PASSPHRASE", EngineError, "Set PULUMI_CONFIG_PASSPHRASE"),
        ("PULUMI_ACCESS_TOKEN must be set for login", EngineError, "use --sandbox"),
    ],
)
def test_a_backend_that_refuses_is_told_with_a_remedy(
    pretended: tuple[Engine, StackTarget], said: str, kind: type[Exception], remedy: str
) -> None:
    engine, target = pretended
    with pytest.raises(kind, match=remedy):
        yard.up(told(target, FAKE_REFUSES=said), engine=engine)


def test_an_interrupt_reaches_the_engine_once_and_is_waited_for(pretended: tuple[Engine, StackTarget]) -> None:
    engine, target = pretended
    running = target.project_dir / "running"

    def interrupt() -> None:
        while not running.exists():
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(OperationError, match="interrupted before it was done"):
        yard.up(told(target, FAKE_WAITS="1", FAKE_CODE="1"), engine=engine)
    assert (target.project_dir / "interrupts").read_text().split() == ["interrupt"]
    assert int((target.project_dir / "group").read_text()) != os.getpgrp(), "a terminal's Ctrl-C must not come twice"
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_reaches_the_engine_of_a_background_job_that_ignores_them(
    pretended: tuple[Engine, StackTarget],
) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        test_an_interrupt_reaches_the_engine_once_and_is_waited_for(pretended)
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_engine_comes_first_on_path_and_none_removes_a_variable(
    pretended: tuple[Engine, StackTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = pretended
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("PATH", "/usr/bin")
    made = stacks.environment(engine, {"AWS_PROFILE": None, "AWS_REGION": "eu-west-1"})
    assert made["PATH"].split(":") == [str(engine.path.parent), "/usr/bin"]
    assert "AWS_PROFILE" not in made and made["AWS_REGION"] == "eu-west-1"
    assert made["PULUMI_SKIP_UPDATE_CHECK"] == "true"
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in made, "that is the caller's to say"


@pytest.mark.parametrize(
    ("text", "problem"), [(None, "is missing"), ("a: [", "can't be read"), ("a: 1", "no project name")]
)
def test_a_project_file_that_is_no_project_is_told(tmp_path: Path, text: str | None, problem: str) -> None:
    if text is not None:
        (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(InputError, match=problem):
        StackTarget(tmp_path, "dev").project()


def test_a_terminal_gets_a_moving_table_and_the_lines_at_the_end() -> None:
    stream = io.StringIO()
    screen = Console(file=stream, force_terminal=True, width=100)
    ledger = ledger_of(*both(LAKE, "create"), step("resourcePreEvent", RAW, "create"))
    with Progress(screen, ledger, "Updating p/dev") as progress:
        progress.step()
        ledger.take(step("resOutputsEvent", RAW, "create"))
    assert "DataLake lake" in stream.getvalue() and "2 created" in stream.getvalue()
