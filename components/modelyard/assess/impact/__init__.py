"""Blast radius: what a change creates, updates, replaces and deletes, what that destroys, and who said it may."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
