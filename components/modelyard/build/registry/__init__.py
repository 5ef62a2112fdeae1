"""The model registry: versions, gates, and a promotion that alone approves and signs what it approved."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
