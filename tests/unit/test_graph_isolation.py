"""One recording leaves nothing behind for the next, and says what went wrong as the program said it."""

import asyncio
import contextvars
import threading
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.runtime import settings

from modelyard.assess.graph import Graph, Secret, record
from modelyard.core.errors import AccessError, InputError

# Loading a module of the AWS SDK warns of the old types in it, whoever asks for a new one.


class Store(pulumi.ComponentResource):
    def __init__(self, name: str, *, child: str | None = None):
        super().__init__("modelyard:test:Store", name)
        mine = pulumi.ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(child or f"{name}-bucket", opts=mine)
        self.group = aws.cloudwatch.LogGroup(child or f"{name}-group", opts=mine)
        self.register_outputs({})


def recorded(program: Any, **options: Any) -> Graph:
    return record(program, **{"project": "shop", "stack": "dev", **options})


BUCKET = "aws:s3/bucket:Bucket"


def test_two_components_whose_children_share_a_urn_are_an_error_that_names_both():
    def program() -> None:
        Store("left", child="bucket")
        Store("right", child="bucket")

    with pytest.raises(InputError) as caught:
        recorded(program)
    first, second = caught.value.faults
    for fault in (first, second):
        assert "modelyard:test:Store left" in fault.problem
        assert "modelyard:test:Store right" in fault.problem
        assert fault.source is not None and fault.source.file.endswith("test_graph_isolation.py")


def test_a_component_made_twice_is_one_fault_and_not_one_for_each_child():
    def program() -> None:
        Store("lake")
        Store("lake")

    with pytest.raises(InputError) as caught:
        recorded(program)
    assert len(caught.value.faults) == 1


def test_an_error_of_the_program_comes_through_unchanged():
    refused = AccessError("too many grants", remedy="Take fewer.")

    def program() -> None:
        Store("lake")
        raise refused

    with pytest.raises(AccessError) as caught:
        recorded(program)
    assert caught.value is refused


def test_an_error_inside_apply_comes_through_unchanged():
    refused = AccessError("too many grants", remedy="Take fewer.")

    def fail(_arn: str) -> str:
        raise refused

    def program() -> None:
        pulumi.export("arn", Store("lake").bucket.arn.apply(fail))

    with pytest.raises(AccessError) as caught:
        recorded(program)
    assert caught.value is refused


def test_a_failed_program_leaves_nothing_behind():
    before = recorded(lambda: Store("lake") and None)

    def failing() -> None:
        Store("other")
        pulumi.runtime.register_stack_transformation(lambda args: None)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        recorded(failing, project="elsewhere", config={"aws:region": "eu-west-1"})
    assert recorded(lambda: Store("lake") and None) == before


def test_pulumis_own_state_is_as_it_was():
    def seen():
        return settings.get_monitor(), settings.get_project(), settings.get_root_resource()

    here, anew = seen(), contextvars.Context().run(seen)
    recorded(lambda: Store("lake") and None, project="elsewhere")
    assert seen() == here
    assert contextvars.Context().run(seen) == anew


def test_configuration_is_the_recordings_own():
    def program() -> None:
        config = pulumi.Config()
        pulumi.export("size", config.require_int("size"))
        pulumi.export("token", config.require_secret("token"))
        pulumi.export("tags", config.require_object("tags"))

    graph = recorded(program, config={"size": 3, "tags": {"a": "b"}}, secret_config={"token": "t0"})
    assert graph.outputs == {"size": 3, "token": Secret("t0"), "tags": {"a": "b"}}
    with pytest.raises(pulumi.ConfigMissingError):
        recorded(program)


def test_a_folder_with_a_main_module_is_a_program(tmp_path: Path):
    (tmp_path / "parts.py").write_text("NAME = 'from-parts'\n")
    (tmp_path / "__main__.py").write_text(
        "import pulumi, parts\nfrom pulumi_aws import s3\n"
        "async def main():\n    return {'bucket': s3.Bucket(parts.NAME, bucket=parts.NAME).bucket}\n"
        "pulumi.run(main)\n"
    )
    assert recorded(tmp_path).outputs == {"bucket": "from-parts"}
    (tmp_path / "parts.py").write_text("NAME = 'from-new-parts'\n")
    assert recorded(tmp_path).outputs == {"bucket": "from-new-parts"}, "its modules are read anew"


def test_a_folder_without_a_program_is_an_input_error(tmp_path: Path):
    with pytest.raises(InputError, match="no Pulumi program"):
        recorded(tmp_path)


def test_a_recording_may_be_made_inside_an_event_loop_and_in_threads():
    async def outer() -> Graph:
        return recorded(lambda: Store("lake") and None)

    expected = recorded(lambda: Store("lake") and None)
    assert asyncio.run(outer()) == expected
    found: list[Graph] = []
    threads = [
        threading.Thread(target=lambda: found.append(recorded(lambda: Store("lake") and None))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 3


def test_resources_made_in_apply_are_recorded():
    def program() -> None:
        aws.s3.Bucket("first").arn.apply(lambda _arn: aws.s3.Bucket("second").arn)

    assert {node.name for node in recorded(program).of_type(BUCKET)} == {"first", "second"}


def test_a_folder_may_be_named_relative_to_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "__main__.py").write_text("import pulumi\npulumi.export('x', 1)\n")
    monkeypatch.chdir(tmp_path)
    assert record("program", project="p", stack="s").outputs == {"x": 1}
