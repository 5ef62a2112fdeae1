"""Models, day two: versions and their gates, decisions, promotion to another environment, lineage."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
