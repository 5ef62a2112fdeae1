"""A training pipeline as a pipeline of SageMaker, in the definition's schema of 2020-12-01.

Source: sagemaker/latest/dg/define-pipeline, and build-and-manage-access ("custom prefixes").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from modelyard.build.pipelines import requests
from modelyard.build.pipelines.graph import order
from modelyard.build.pipelines.requests import Given, Joined, Made, Places, Reference, Run, Started
from modelyard.build.pipelines.spec import PipelineSpec
from modelyard.build.pipelines.steps import JobStep, RegisterStep, TrainStep

VERSION: Final = "2020-12-01"
_SERVICE: Final = ("Step.SERVICE_FAULT", "Step.THROTTLING")
_JOB: Final = ("SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT")


def definition(spec: PipelineSpec, places: Places) -> dict[str, Any]:
    """The pipeline's definition."""
    return {
        "Version": VERSION,
        "Metadata": {},
        "Parameters": [
            {"Name": name, "Type": "String", "DefaultValue": value} for name, value in requests.defaults(spec).items()
        ],
        "Steps": [step for name in order(spec.needs) for step in _steps(name, spec, places)],
    }


def expression(reference: Reference, spec: PipelineSpec) -> dict[str, Any]:
    """A reference as the definition writes it."""
    match reference:
        case Run():
            return {"Get": "Execution.PipelineExecutionId"}
        case Started():
            return {"Get": "Execution.StartDateTime"}
        case Given(name):
            return {"Get": f"Parameters.{name}"}
        case Made(step, output):
            if isinstance(spec.steps[step], TrainStep):
                return {"Get": f"Steps.{step}.ModelArtifacts.S3ModelArtifacts"}
            if isinstance(spec.steps[step], RegisterStep):
                return {"Get": f"Steps.{step}.OutputParameters['{output}']"}
            return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri"}
        case Joined(parts):
            values = [part if isinstance(part, str) else expression(part, spec) for part in parts]
            return {"Std:Join": {"On": "", "Values": values}}


def _steps(name: str, spec: PipelineSpec, places: Places) -> Iterator[dict[str, Any]]:
    step = spec.steps[name]
    after = {"DependsOn": sorted(step.after)} if step.after else {}
    if not isinstance(step, RegisterStep):
        yield {"Name": name, **_written(_job(name, step, places), spec), **after}
        return
    told = requests.registration(name, step, spec)
    yield {"Name": name, **_written(_function(places.registrar, told, "package"), spec), **after}
    if step.report is not None and name in places.gated:
        told = requests.results(name, step.report)
        yield {"Name": f"{name}{requests.GATES}", **_written(_function(places.reporter, told, "gates"), spec)}


def _written(made: dict[str, Any], spec: PipelineSpec) -> dict[str, Any]:
    return requests.resolved(made, lambda reference: expression(reference, spec))


def _job(name: str, step: JobStep, places: Places) -> dict[str, Any]:
    prefix = requests.job_prefix(places, name)
    if isinstance(step, TrainStep):
        made = {"Type": "Training"}
        arguments = {"TrainingJobName": prefix, **requests.training(name, step, places)}
    else:
        made = {"Type": "Processing"}
        arguments = {"ProcessingJobName": prefix, **requests.processing(name, step, places)}
    retries = [_retry(_SERVICE, 6), *([_retry(_JOB, step.retries)] if step.retries else [])]
    return {**made, "Arguments": arguments, "RetryPolicies": retries}


def _function(arn: str, told: dict[str, Any], answer: str) -> dict[str, Any]:
    return {
        "Type": "Lambda",
        "FunctionArn": arn,
        "Arguments": told,
        "OutputParameters": [{"OutputName": answer, "OutputType": "String"}],
    }


def _retry(errors: tuple[str, ...], attempts: int) -> dict[str, Any]:
    return {"ExceptionType": list(errors), "IntervalSeconds": 30, "BackoffRate": 2.0, "MaxAttempts": attempts}
