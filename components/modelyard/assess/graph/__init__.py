"""The graph of a stack, from three sources: recorded without a cloud, read from a preview, read from a state."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
