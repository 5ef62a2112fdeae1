"""Experiment tracking: an MLflow server of the team's own, SageMaker's or one that we host, and where its files lie."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
