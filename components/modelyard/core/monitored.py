"""The names of the monitors that a job computes; functions ship this file, so it uses the standard library alone."""

from __future__ import annotations

from typing import Literal

JobKind = Literal[
    "data_quality",
    "data_drift",
    "prediction_drift",
    "concept_drift",
    "concept_proxy",
    "model_quality",
    "bias_drift",
    "explanation_drift",
]
