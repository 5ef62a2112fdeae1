"""Evidence of releases, day two: listed, shown, verified, taken along."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
