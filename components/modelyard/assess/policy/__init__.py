"""Policy: rules over a graph, waivers, profiles, and what is told of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
