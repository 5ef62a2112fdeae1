"""Pipelines of CI systems for a project: checked on each proposed change, deployed once it is merged."""

from modelyard.operate.ci.files import SYSTEMS, Pipeline, System, pipeline

__all__ = ["SYSTEMS", "Pipeline", "System", "pipeline"]
