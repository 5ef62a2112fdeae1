"""EKS: clusters, nodes, add-ons and access as documents, with what EKS refuses; no Kubernetes runs behind them.

moto's own keeps clusters and node groups without looking at what they stand on, changes little of them, and knows
neither add-ons nor access entries nor pod identities. Its Fargate profiles stay its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource
from moto.core.responses import ActionResult
from moto.eks import urls
from moto.eks.models import EKSBackend, eks_backends
from moto.eks.responses import EKSResponse

from modelyard_sandbox.moto_extensions import eks_access, eks_addons, eks_clusters, eks_nodes
from modelyard_sandbox.moto_extensions.eks_shared import Document, missing


class Backend(EKSBackend, TaggableResourcesMixin):
    """EKS in one account and region; the tagging API finds what is in it."""

    SERVICE_NAMESPACE: ClassVar[str] = "eks"

    @property
    def _url_module(self) -> Any:
        return urls

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """Everything of every cluster."""
        for cluster in self.clusters.values():
            for kind, arn, document in cluster.tagged():  # type: ignore[attr-defined]
                yield TaggedResource(arn=arn, tags=document["tags"], resource_type=f"eks:{kind}")

    def _tags(self, arn: str) -> dict[str, str]:
        for cluster in self.clusters.values():
            for _, known, document in cluster.tagged():  # type: ignore[attr-defined]
                if known == arn:
                    return document["tags"]
        raise missing(f"Resource was not found: {arn}")

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:  # type: ignore[override]
        """Add tags to one of them, or change them."""
        self._tags(arn).update(tags)

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:  # type: ignore[override]
        """Take tags away from one of them."""
        tags = self._tags(arn)
        for key in tag_keys:
            tags.pop(key, None)

    def list_tags_for_resource(self, resource_arn: str) -> dict[str, str]:
        """The tags of one of them."""
        return self._tags(resource_arn)


def untag_resource(backend: Backend, asked: Document) -> Document:
    """UntagResource: all the keys of it, of which moto's own takes the first."""
    backend.untag_resource(asked["resourceArn"], asked["tagKeys"])
    return {}


Operation = Callable[[Any, Document], Document]
OPERATIONS: Final[tuple[Operation, ...]] = (
    eks_clusters.create_cluster,
    eks_clusters.describe_cluster,
    eks_clusters.list_clusters,
    eks_clusters.delete_cluster,
    eks_clusters.update_cluster_version,
    eks_clusters.update_cluster_config,
    eks_clusters.associate_encryption_config,
    eks_clusters.describe_update,
    eks_clusters.list_updates,
    eks_clusters.describe_cluster_versions,
    eks_nodes.create_nodegroup,
    eks_nodes.describe_nodegroup,
    eks_nodes.list_nodegroups,
    eks_nodes.delete_nodegroup,
    eks_nodes.update_nodegroup_config,
    eks_nodes.update_nodegroup_version,
    eks_addons.create_addon,
    eks_addons.describe_addon,
    eks_addons.list_addons,
    eks_addons.update_addon,
    eks_addons.delete_addon,
    eks_addons.describe_addon_versions,
    eks_access.create_access_entry,
    eks_access.describe_access_entry,
    eks_access.list_access_entries,
    eks_access.update_access_entry,
    eks_access.delete_access_entry,
    eks_access.associate_access_policy,
    eks_access.disassociate_access_policy,
    eks_access.list_associated_access_policies,
    eks_access.list_access_policies,
    eks_access.create_pod_identity_association,
    eks_access.describe_pod_identity_association,
    eks_access.list_pod_identity_associations,
    eks_access.update_pod_identity_association,
    eks_access.delete_pod_identity_association,
    eks_access.associate_identity_provider_config,
    eks_access.describe_identity_provider_config,
    eks_access.list_identity_provider_configs,
    eks_access.disassociate_identity_provider_config,
    untag_resource,
)
_LISTS: Final = ("clusterVersions", "tagKeys")
_PATHS: Final = ("clusters/(?P<what>.+)", "addons/supported-versions", "cluster-versions", "access-policies")


def _operation(answer: Operation) -> Callable[[Any], ActionResult]:
    def respond(self: Any) -> ActionResult:
        body = self.body.decode() if isinstance(self.body, bytes) else self.body
        query = {key: values if key in _LISTS else values[0] for key, values in self.querystring.items()}
        asked = {**query, **json.loads(body or "{}"), **(self.uri_match or {})}
        return ActionResult(answer(self.eks_backend, asked))

    return respond


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    eks_backends.backend = Backend
    for answer in OPERATIONS:
        setattr(EKSResponse, answer.__name__, _operation(answer))
    for path in _PATHS:
        urls.url_paths.setdefault(f"{{0}}/{path}$", EKSResponse.dispatch)
