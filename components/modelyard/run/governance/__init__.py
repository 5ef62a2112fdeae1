"""Governance: evidence of each release, written once, sealed, locked, and verifiable later."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
