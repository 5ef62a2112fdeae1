"""Machine-learning platforms as code: Pulumi components in Python, with policy, price and isolation checked first."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
