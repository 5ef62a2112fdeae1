"""Customer-managed keys by domain, with policies that make a team's key unusable to every other team."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
