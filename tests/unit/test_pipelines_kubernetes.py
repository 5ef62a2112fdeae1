"""What a pipeline on a cluster makes of its spec, which ones it refuses, and how its pods call functions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.ground import FRAUD, GATED, OWNER, REGION, TRANSACTIONS, ground, recording
from tests.piped import TOOLS, changed, given, recorded

from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.build.pipelines import TrainingPipeline
from modelyard.build.pipelines.argo_checks import crontab
from modelyard.build.training import TrainingPool, TrainingSpec
from modelyard.core.errors import SpecError
from modelyard_jobs import call


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded(given())


def properties(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = graph.named(name)
    return dict(found.properties)


def workflow(graph: Graph) -> dict[str, Any]:
    return properties(graph, "nightly-workflow")["spec"]


def template(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = [each for each in workflow(graph)["templates"] if each["name"] == name]
    return found


def account(graph: Graph, name: str) -> str:
    return properties(graph, f"{name}-account")["metadata"]["name"]


def key(graph: Graph, name: str, way: str, artifact: str) -> str:
    (found,) = [each for each in template(graph, name)[way]["artifacts"] if each["name"] == artifact]
    return found["s3"]["key"]


def variables(made: dict[str, Any]) -> dict[str, str]:
    names = [each["name"] for each in made["container"]["env"]]
    assert len(names) == len(set(names)), "the API takes a variable once"
    return {each["name"]: each["value"] for each in made["container"]["env"]}


def test_steps_wait_for_those_whose_outputs_they_take(graph: Graph):
    made = properties(graph, "nightly-workflow")
    assert (made["apiVersion"], made["kind"]) == ("argoproj.io/v1alpha1", "WorkflowTemplate")
    assert made["metadata"]["namespace"] == "ml-dev-fraud"
    tasks = {each["name"]: each.get("dependencies", []) for each in template(graph, "All")["dag"]["tasks"]}
    assert tasks == {
        "check": [],
        "train": ["check"],
        "measure": ["train"],
        "register": ["measure", "train"],
        "0-gates-of-register": ["register"],
    }


def test_every_pod_waits_in_the_teams_queue_and_ends_with_its_time(graph: Graph):
    assert workflow(graph)["podMetadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "default"}
    assert template(graph, "train")["activeDeadlineSeconds"] == 1800
    assert template(graph, "train")["metadata"]["labels"] == {"kueue.x-k8s.io/max-exec-time-seconds": "1800"}
    assert template(graph, "check")["activeDeadlineSeconds"] == 3600, "what the pool allows"


def test_what_a_step_takes_and_leaves_is_brought_by_argo_unpacked_by_nobody(graph: Graph):
    (rows,) = template(graph, "check")["inputs"]["artifacts"]
    assert rows["path"] == "/opt/ml/processing/input/rows"
    assert rows["archive"] == {"none": {}}
    assert rows["s3"]["useSDKCreds"] is True
    assert rows["s3"]["endpoint"] == f"s3.{REGION}.amazonaws.com"
    good = key(graph, "check", "outputs", "good")
    assert good == "training/training/nightly/{{workflow.name}}/check/good"
    assert key(graph, "train", "inputs", "train") == good


def test_a_model_is_packed_where_it_was_trained_and_comes_whole_to_who_measures_it(graph: Graph):
    command = template(graph, "train")["container"]["command"]
    assert command[:2] == ["/bin/sh", "-c"]
    assert command[2].endswith('"$@" && tar -C /opt/ml/model -czf /opt/ml/model.tar.gz .'), "its files at the top"
    assert command[4:] == ["torchrun", "--standalone", "--nproc-per-node=auto", "train.py", "--epochs", "3"]
    (left,) = template(graph, "train")["outputs"]["artifacts"]
    assert left["path"] == "/opt/ml/model.tar.gz"
    (taken,) = template(graph, "measure")["inputs"]["artifacts"]
    assert taken["path"] == "/opt/ml/processing/input/model/model.tar.gz"
    assert taken["s3"]["key"] == left["s3"]["key"] == "training/training/nightly/{{workflow.name}}/train/model.tar.gz"


def test_what_trains_has_a_machine_of_the_pool_and_what_looks_at_data_has_none_of_its_gpus(graph: Graph):
    train = template(graph, "train")
    assert train["container"]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert train["nodeSelector"] == {"modelyard.dev/pool": "small"}
    check = template(graph, "check")
    assert check["container"]["resources"] == {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}
    assert "nodeSelector" not in check
    measure = template(graph, "measure")
    terms = measure["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["g5.xlarge"]
    assert {"name": "ml", "emptyDir": {"sizeLimit": "20Gi"}} in measure["volumes"]


def test_a_pod_of_a_step_may_do_nothing_to_its_node(graph: Graph):
    made = [each for each in workflow(graph)["templates"] if "container" in each]
    assert len(made) == 5
    for each in made:
        assert each["securityContext"]["runAsNonRoot"] is True
        assert each["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert each["container"]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert each["container"]["securityContext"]["allowPrivilegeEscalation"] is False


def test_code_finds_its_run_step_and_parameters_in_its_environment(graph: Graph):
    told = variables(template(graph, "train"))
    assert told["MODELYARD_RUN"] == "{{workflow.name}}"
    assert told["MODELYARD_STEP"] == "train"
    assert told["MODELYARD_PARAMETER_RATE"] == "{{workflow.parameters.rate}}"
    parameters = {each["name"]: each["value"] for each in workflow(graph)["arguments"]["parameters"]}
    assert parameters == {"author": OWNER, "commit": "a1b2c3d", "snapshot": "", "rate": "0.1"}


def test_a_model_is_registered_by_an_account_that_no_program_of_the_teams_runs_as(graph: Graph):
    made = template(graph, "register")
    assert made["serviceAccountName"] == account(graph, "conductor")
    assert made["container"]["image"] == TOOLS
    said = made["container"]["args"]
    assert said[:4] == ["--answer", "package", "--into", "/tmp/package"]
    assert "commit={{workflow.parameters.commit}}" in said, "a text of its own, that no quotes get out of"
    assert any(each.startswith("artifact=s3://") and each.endswith("/train/model.tar.gz") for each in said)
    for name in ("check", "train"):
        assert template(graph, name)["serviceAccountName"] == account(graph, "worker")
    allowed = json.loads(properties(graph, "conductor-identity-nightly-access")["policy"])["Statement"]
    assert [each["Action"] for each in allowed] == ["lambda:InvokeFunction"]


def test_gates_believe_who_measures_under_an_account_of_its_own(graph: Graph):
    assert template(graph, "measure")["serviceAccountName"] == account(graph, "judge")
    report = key(graph, "measure", "outputs", "report")
    assert report == "training-judged/nightly/{{workflow.name}}/measure/report"
    gates = template(graph, "0-gates-of-register")
    assert any(each.endswith(f"/{report}") for each in gates["container"]["args"])
    assert "package={{inputs.parameters.package}}" in gates["container"]["args"]
    worker = json.dumps([dict(n.properties) for n in graph.nodes if n.name.startswith("worker-identity-")])
    assert "training-judged" not in worker, "no job of the pool writes there"


def test_a_schedule_starts_it_by_clocks_of_the_cluster(graph: Graph):
    spec = properties(graph, "nightly-nightly-schedule")["spec"]
    assert spec["schedules"] == ["30 5 * * 1-5"]
    assert spec["timezone"] == "Etc/UTC"
    named = properties(graph, "nightly-workflow")["metadata"]["name"]
    assert spec["workflowSpec"] == {"workflowTemplateRef": {"name": named}}


@pytest.mark.parametrize(
    ("expression", "cron"),
    [
        ("rate(1 day)", "0 0 * * *"),
        ("rate(6 hours)", "0 */6 * * *"),
        ("rate(24 hours)", "0 0 * * *"),
        ("rate(15 minutes)", "*/15 * * * *"),
        ("rate(1 hour)", "0 */1 * * *"),
        ("cron(0 12 1 * ? *)", "0 12 1 * *"),
        ("cron(0 12 ? * MON-WED *)", "0 12 * * MON-WED"),
        ("cron(0 12 ? * 1/2 *)", "0 12 * * 0/2"),
        ("rate(7 hours)", None),
        ("rate(2 days)", None),
        ("cron(0 12 L * ? *)", None),
        ("cron(0 12 ? * 6#3 *)", None),
        ("cron(0 12 1 * ? 2027)", None),
    ],
)
def test_a_schedule_of_eventbridge_is_five_fields_of_cron_where_they_can_say_it(expression: str, cron: str | None):
    assert crontab(expression) == cron


def test_our_rules_find_nothing_in_it(graph: Graph):
    judged = judge(graph, CATALOGUE, Surroundings(region=REGION, environment="dev", production=False))
    assert [each for each in judged.results if ":kubernetes:" in each.urn] == []


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"steps": changed("check", command=[])}, "steps.check.command", "is missing"),
        ({"steps": changed("train", resources={"instances": 2})}, "steps.train.resources.instances", "one pod"),
        ({"steps": changed("train", launcher="mpi")}, "steps.train.launcher", "Use torchrun"),
        ({"flavour": {"kind": "argo"}}, "flavour.tools_image", "register registers by it"),
        (
            {"triggers": {"push": {"kind": "push", "repository": "acme/fraud"}}},
            "triggers.push.kind",
            "start runs from CI",
        ),
        (
            {"triggers": {"odd": {"kind": "schedule", "expression": "rate(7 hours)"}}},
            "triggers.odd.expression",
            "a rate that divides an hour or a day",
        ),
    ],
)
def test_a_pipeline_that_no_pods_can_run_is_refused_where_it_says_so(changes: dict[str, Any], path: str, says: str):
    (found,) = list(given(**changes).all_faults())
    assert found.source is not None and found.source.path == path
    assert says in str(found)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"steps": changed("measure", resources={"instance_type": "p4d.24xlarge"})},
            "steps.measure.resources.instance_type: got 'p4d.24xlarge'; is no type of the pool. "
            "The pool allows g5.xlarge, g5.12xlarge.",
        ),
        ({"steps": changed("train", timeout_minutes=90)}, "is more than the pool's 60"),
        ({"flavour": {"kind": "step_functions"}}, 'are pods of a cluster. Use "argo"'),
    ],
)
def test_a_pipeline_is_refused_for_what_its_pool_hasnt(changes: dict[str, Any], says: str):
    with pytest.raises(SpecError) as caught:
        recorded(given(**changes))
    assert says in str(caught.value)


def test_a_gate_needs_an_account_that_measures():
    with pytest.raises(SpecError, match="steps.register.report: is trusted by gates"):
        recorded(given(), judged=False)


def test_a_pipeline_of_argo_runs_on_no_pool_of_sagemaker():
    def program() -> None:
        base = ground(registry=GATED, datasets=TRANSACTIONS)
        types = TrainingSpec.model_validate({"instance_types": ["ml.m5.xlarge"], "vpc": False})
        TrainingPipeline(
            "nightly",
            given(steps=changed("measure", resources={})),
            context=FRAUD,
            pool=TrainingPool("training", types, context=FRAUD, lake=base.lake),
            lake=base.lake,
            keys=base.keys,
            registry=base.registry,
        )

    with pytest.raises(SpecError, match="flavour.kind: got 'argo'; runs pods"):
        recording(program)


# how pods call functions


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What was asked of the function `register`, over the wire; `refuse` refuses."""
    heard: list[dict[str, Any]] = []

    class Function(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            refuses = "refuse" in self.path
            said = {"errorType": "Refused", "errorMessage": "no snapshot"} if refuses else {"package": "arn:1"}
            body = json.dumps(said).encode()
            self.send_response(200)
            if refuses:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test looks at what was heard."""

    with HTTPServer(("127.0.0.1", 0), Function) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield heard
        server.shutdown()
        thread.join()


def test_a_pod_calls_a_function_and_keeps_what_others_need_of_its_answer(asked: list[Any], tmp_path: Path):
    into = tmp_path / "package"
    words = ["--answer", "package", "--into", str(into), "register", "run=a", 'commit=x","artifact":"y', "empty="]
    assert call.main(words) == 0
    assert asked == [{"run": "a", "commit": 'x","artifact":"y', "empty": ""}], "a value says nothing but itself"
    assert into.read_text() == "arn:1"


def test_a_function_that_refuses_fails_the_pod_once(asked: list[Any], capsys: pytest.CaptureFixture[str]):
    assert call.main(["refuse", "run=a"]) == 1
    assert capsys.readouterr().err == "Refused: no snapshot\n"
    assert len(asked) == 1
