"""Retraining: what starts it, what holds it back, and how a new version comes to serve."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
