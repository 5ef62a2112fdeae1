"""Secrets that no file, state or log holds in plain text: who makes them, who rotates them, who reads them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
