"""What a team expects to use in a month, where a graph can't tell: its price depends on it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from modelyard.core.errors import Fault
from modelyard.core.spec import Spec


class Range(Spec):
    """From least to most in a month."""

    low: float = Field(ge=0, description="The least.")
    high: float = Field(ge=0, description="The most.")

    def check(self) -> Iterator[Fault]:
        """The most isn't less than the least."""
        if self.high < self.low:
            yield self.fault("high", f"is less than low, {self.low:g}", "Swap them.", self.high)


def _between(low: float, high: float, says: str) -> Range:
    return Field(default=Range(low=low, high=high), description=f"{says} Absent: {low:g} to {high:g}.")


class UsageSpec(Spec):
    """What is used in a month. Each has a default, which the price names as its assumption."""

    bucket_gb: Range = _between(1, 100, "GB that lie in a bucket.")
    bucket_requests_k: Range = _between(10, 1000, "Thousands of requests to a bucket; a tenth of them write.")
    log_gb: Range = _between(0.1, 5, "GB that each log group takes in.")
    key_requests_k: Range = _between(10, 500, "Thousands of requests to each key.")
    endpoint_calls_m: Range = _between(0.1, 5, "Millions of calls of each endpoint.")
    call_seconds: Range = _between(0.05, 0.5, "Seconds that a call of a serverless endpoint takes.")
    function_calls_k: Range = _between(1, 100, "Thousands of calls of each function.")
    transitions_k: Range = _between(1, 50, "Thousands of transitions of each state machine.")
    query_tb: Range = _between(0.01, 0.5, "TB that the queries of a workgroup read.")
    feature_requests_m: Range = _between(0.1, 5, "Millions of reads of each online store; writes are a tenth.")
    stored_features_gb: Range = _between(0.1, 10, "GB in each online store.")
    ingested_gb: Range = _between(1, 50, "GB that each stream takes in.")
    image_gb: Range = _between(1, 50, "GB of images in each repository.")
    job_hours: Range = _between(
        0.1, 1, "Hours that each job of a pipeline, a monitor or a feature view works, its time limit at most."
    )
    started_runs: Range = _between(
        0, 10, "Runs of each pipeline that people and events start, beside those that its schedules start."
    )
    notices_k: Range = _between(0.1, 10, "Thousands of notices to each topic.")
    training_hours: Range = _between(0, 40, "Hours that each machine of a training pool works.")
    workbench_hours: Range = _between(0, 120, "Hours that each person's workbench is open.")
    data_events_k: Range = _between(10, 1000, "Thousands of data events on the trail.")
    network_gb: Range = _between(1, 100, "GB through each interface endpoint.")
    door_requests_m: Range = _between(0.1, 5, "Millions of requests to each public door.")
    tracking_gb: Range = _between(0.1, 5, "GB of metadata of experiments.")
