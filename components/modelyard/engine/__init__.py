"""The engine: the Pulumi CLI found or installed, and stacks deployed through it, shown by component."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
