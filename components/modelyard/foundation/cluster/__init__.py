"""A Kubernetes cluster for everybody's work: EKS, private, audited, with an identity for every pod."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
