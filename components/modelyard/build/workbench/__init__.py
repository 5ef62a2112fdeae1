"""Where people work: a SageMaker Studio domain for each team, and a profile of its own for each person."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
