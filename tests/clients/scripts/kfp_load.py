"""Loads a compiled pipeline as Kubeflow's own client does, and prints its specification as JSON."""

# pyright: reportMissingImports=false

from __future__ import annotations

import sys

from google.protobuf import json_format
from kfp.components import load_component_from_file

print(json_format.MessageToJson(load_component_from_file(sys.argv[1]).pipeline_spec))
