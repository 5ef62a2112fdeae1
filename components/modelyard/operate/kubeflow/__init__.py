"""Pipelines of a team for Kubeflow Pipelines, compiled by its own compiler."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
