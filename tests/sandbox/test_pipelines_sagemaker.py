"""The pipeline of SageMaker: a strict model of its definition's schema, and every reference resolved in the graph.

The model says what AWS documents of version 2020-12-01 for the steps that are used, and allows nothing beside it;
arguments of jobs are held against SageMaker's own service model. Source: sagemaker/latest/dg/define-pipeline, and
build-and-manage-steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from tests.sandbox.pipelines_world import PLACES, SPEC, STEPS

from modelyard.build.pipelines import PipelineSpec
from modelyard.build.pipelines.sagemaker import definition

StepName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-_]{1,64}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Parameter(Strict):
    Name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-_]{1,64}$")]
    Type: Literal["String", "Integer", "Float", "Boolean"]
    DefaultValue: Annotated[str, StringConstraints(max_length=4096)]


class Retry(Strict):
    ExceptionType: list[
        Literal[
            "Step.SERVICE_FAULT",
            "Step.THROTTLING",
            "SageMaker.JOB_INTERNAL_ERROR",
            "SageMaker.CAPACITY_ERROR",
            "SageMaker.RESOURCE_LIMIT",
        ]
    ] = Field(min_length=1)
    IntervalSeconds: int = Field(ge=1)
    BackoffRate: float = Field(ge=1)
    MaxAttempts: int = Field(ge=1, le=20)


class Job(Strict):
    Name: StepName
    Type: Literal["Processing", "Training"]
    Arguments: dict[str, Any]
    DependsOn: list[StepName] = []
    RetryPolicies: list[Retry] = []


class OutputParameter(Strict):
    OutputName: str
    OutputType: Literal["String", "Integer", "Float", "Boolean"]


class Get(Strict):
    Get: str


class Function(Strict):
    Name: StepName
    Type: Literal["Lambda"]
    FunctionArn: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:lambda:")]
    Arguments: dict[str, str | Get]
    OutputParameters: list[OutputParameter]
    DependsOn: list[StepName] = []


class Definition(Strict):
    Version: Literal["2020-12-01"]
    Metadata: dict[str, Any]
    Parameters: list[Parameter] = Field(max_length=200)
    Steps: list[Annotated[Job | Function, Field(discriminator="Type")]] = Field(min_length=1, max_length=50)


RUN: dict[str, str] = {
    "Execution.PipelineExecutionId": "run-1",
    "Execution.StartDateTime": "2026-01-01T00:00:00Z",
}
"""What SageMaker knows of a run (sagemaker/latest/dg/build-and-manage-parameters and -variables)."""


class Resolver:
    """Puts values in place of `Get` and `Std:Join`, as a run does; what isn't there is a KeyError."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.parameters = {each["Name"]: each["DefaultValue"] for each in shown["Parameters"]}
        self.done: dict[str, dict[str, str]] = {}

    def value(self, found: Any) -> Any:
        if isinstance(found, dict):
            if set(found) == {"Get"}:
                return self.got(found["Get"])
            if set(found) == {"Std:Join"}:
                return found["Std:Join"]["On"].join(self.value(each) for each in found["Std:Join"]["Values"])
            return {key: self.value(each) for key, each in found.items()}
        return [self.value(each) for each in found] if isinstance(found, list) else found

    def got(self, path: str) -> str:
        if path in RUN:
            return RUN[path]
        kind, name, *rest = path.split(".", 2)
        return self.parameters[name] if kind == "Parameters" else self.done[name][rest[0]]

    def ended(self, step: dict[str, Any], arguments: dict[str, Any]) -> None:
        """What others may get of a step once it has ended: members of what describes its job."""
        if step["Type"] == "Training":
            place = f"{arguments['OutputDataConfig']['S3OutputPath']}/{step['Name']}/output/model.tar.gz"
            self.done[step["Name"]] = {"ModelArtifacts.S3ModelArtifacts": place}
        elif step["Type"] == "Processing":
            self.done[step["Name"]] = {
                f"ProcessingOutputConfig.Outputs['{each['OutputName']}'].S3Output.S3Uri": each["S3Output"]["S3Uri"]
                for each in arguments["ProcessingOutputConfig"]["Outputs"]
            }
        else:
            self.done[step["Name"]] = {
                f"OutputParameters['{each['OutputName']}']": f"the {each['OutputName']}"
                for each in step["OutputParameters"]
            }


def resolved(spec: PipelineSpec = SPEC) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each step with its arguments as its job is asked for, in the order of the definition."""
    shown = definition(spec, PLACES)
    resolver = Resolver(shown)
    for step in shown["Steps"]:
        assert all(other in resolver.done for other in step.get("DependsOn", [])), step["Name"]
        arguments = resolver.value(step["Arguments"])
        resolver.ended(step, arguments)
        yield step, arguments


def test_the_definition_is_of_its_schema():
    shown = Definition.model_validate(definition(SPEC, PLACES))
    assert [step.Name for step in shown.Steps] == ["bring", "look", "build-it", "train", "judge", "keep", "keep_gates"]
    assert {each.Name: each.DefaultValue for each in shown.Parameters}["rate"] == "0.1"


def test_every_reference_leads_to_a_step_before_or_a_parameter():
    arguments = {step["Name"]: found for step, found in resolved()}
    assert "Get" not in str(arguments) and "Std:Join" not in str(arguments)
    place = arguments["train"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert place == "s3://lake/training/training/scores/run-1/build-it/train"
    assert arguments["keep"]["artifact"] == "s3://lake/training/training/scores/run-1/train/train/output/model.tar.gz"
    assert arguments["keep"]["report"].endswith("/run-1/judge/report")
    assert arguments["keep_gates"] == {
        "step": "keep",
        "package": "the package",
        "report": arguments["keep"]["report"],
    }
    assert arguments["train"]["HyperParameters"]["rate"] == "0.1"


def test_the_jobs_are_what_sagemakers_api_takes():
    service = Session().get_service_model("sagemaker")
    for step, arguments in resolved():
        if step["Type"] == "Lambda":
            continue
        model = service.operation_model(f"Create{step['Type']}Job")
        assert ParamValidator().validate(arguments, model.input_shape).generate_report() == "", step["Name"]
        assert arguments[f"{step['Type']}JobName"].startswith("ml-dev-fraud-training-"), "as the pool's fence asks for"


def test_a_step_waits_for_what_it_says_it_comes_after():
    by_name = {step["Name"]: step for step in definition(SPEC, PLACES)["Steps"]}
    assert by_name["build-it"]["DependsOn"] == ["look"]
    assert "DependsOn" not in by_name["train"], "its input says so already"


@pytest.mark.parametrize(("retries", "policies"), [(0, 1), (3, 2)])
def test_machines_that_fail_are_replaced_as_often_as_a_step_says(retries: int, policies: int):
    steps = {**STEPS, "train": {**STEPS["train"], "retries": retries}}
    spec = PipelineSpec.model_validate({"owner": "ada@acme.example", "parameters": {"rate": "1"}, "steps": steps})
    (train,) = [step for step in definition(spec, PLACES)["Steps"] if step["Name"] == "train"]
    assert len(train["RetryPolicies"]) == policies
    assert [each["MaxAttempts"] for each in train["RetryPolicies"][1:]] == [retries][: policies - 1]


def test_both_flavours_ask_for_the_same_jobs():
    from modelyard.build.pipelines.step_functions import definition as machine_of

    def of(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, state in states.items():
            if "sagemaker" in state.get("Resource", ""):
                yield name, state["Parameters"]
            for branch in state.get("Branches", ()):
                yield from of(branch["States"])

    machine = dict(of(machine_of(SPEC, PLACES)["States"]))
    line = {step["Name"]: step["Arguments"] for step in definition(SPEC, PLACES)["Steps"] if step["Type"] != "Lambda"}
    assert machine.keys() == line.keys()
    for name, request in line.items():
        fixed = {key: value for key, value in request.items() if "Get" not in str(value) and not key.endswith("Name")}
        assert {key: machine[name][key] for key in fixed} == fixed
