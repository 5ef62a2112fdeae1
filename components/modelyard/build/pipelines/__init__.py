"""How models are trained again and again: pipelines of steps, what starts them, and the images they run."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
