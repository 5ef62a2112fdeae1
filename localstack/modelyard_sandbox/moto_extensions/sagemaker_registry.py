"""SageMaker's model registry: policies of groups, an end of groups and versions, and updates that keep the rest.

A version knows the session that registered it, which moto puts down as a made-up user's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ConflictException, ValidationError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from modelyard_sandbox.moto_extensions.conditions import caller

_CREATE = SageMakerResponse.create_model_package
_CREATE_GROUP = SageMakerResponse.create_model_package_group
_CREATE_CARD = SageMakerModelBackend.create_model_card
_UPDATE = SageMakerModelBackend.update_model_package


def _group(response: Any) -> Any:
    """The group that the call names, by name or ARN. Raises `ValidationError`."""
    name = str(response._get_param("ModelPackageGroupName")).rpartition("/")[2]
    return response.sagemaker_backend.describe_model_package_group(model_package_group_name=name)


def create_model_package_group(self: Any) -> Any:
    """CreateModelPackageGroup, which takes no name twice."""
    name = self._get_param("ModelPackageGroupName")
    if name in self.sagemaker_backend.model_package_groups:
        raise ConflictException(f"Model Package Group {name} already exists")
    return _CREATE_GROUP(self)


def create_model_package(self: Any) -> Any:
    """CreateModelPackage, by whoever signed the request."""
    answer = _CREATE(self)
    who = caller(self.headers.get("Authorization", ""), self.region)
    role = who.get("aws:principalarn", "")
    if ":role/" in role:
        package: Any = self.sagemaker_backend.describe_model_package(
            model_package_name=answer.result["ModelPackageArn"]  # pyright: ignore[reportIndexIssue]
        )
        session = who["aws:userid"].rpartition(":")[2]
        arn = f"arn:aws:sts::{self.current_account}:assumed-role/{role.rpartition('/')[2]}/{session}"
        package.created_by = {"IamIdentity": {"Arn": arn, "PrincipalId": who["aws:userid"]}}
    return answer


def delete_model_package_group(self: Any) -> EmptyResult:
    """DeleteModelPackageGroup; a group with versions stays."""
    group, backend = _group(self), self.sagemaker_backend
    held = [p for p in backend.model_packages.values() if p.model_package_group_name == group.model_package_group_name]
    if held:
        raise ConflictException(f"Model Package Group {group.arn} cannot be deleted: it has {len(held)} model packages")
    del backend.model_package_groups[group.model_package_group_name]
    return EmptyResult()


def delete_model_package(self: Any) -> EmptyResult:
    """DeleteModelPackage."""
    name, backend = self._get_param("ModelPackageName"), self.sagemaker_backend
    package = backend.describe_model_package(model_package_name=name)
    del backend.model_packages[package.arn]
    return EmptyResult()


def put_model_package_group_policy(self: Any) -> ActionResult:
    """PutModelPackageGroupPolicy."""
    group, policy = _group(self), self._get_param("ResourcePolicy")
    try:
        json.loads(policy)
    except ValueError:
        raise ValidationError("ResourcePolicy is no JSON") from None
    group.policy = policy
    return ActionResult({"ModelPackageGroupArn": group.arn})


def get_model_package_group_policy(self: Any) -> ActionResult:
    """GetModelPackageGroupPolicy."""
    group = _group(self)
    if getattr(group, "policy", None) is None:
        raise ValidationError(f"Cannot find resource policy for: {group.arn}")
    return ActionResult({"ResourcePolicy": group.policy})


def delete_model_package_group_policy(self: Any) -> EmptyResult:
    """DeleteModelPackageGroupPolicy."""
    _group(self).policy = None
    return EmptyResult()


def update_model_package(self: SageMakerModelBackend, model_package_arn: str, *args: Any, **given: Any) -> str:
    """UpdateModelPackage: what the call doesn't speak of stays as it was."""
    package: Any = self.describe_model_package(model_package_name=model_package_arn)
    known = dict(package.customer_metadata_properties or {})
    if given.get("model_approval_status") is None:
        given["model_approval_status"] = package.model_approval_status
    if given.get("approval_description") is None:
        given["approval_description"] = package.approval_description
    given["customer_metadata_properties"] = known | (given.get("customer_metadata_properties") or {})
    return _UPDATE(self, model_package_arn, *args, **given)


def create_model_card(self: SageMakerModelBackend, *args: Any, **given: Any) -> str:
    """CreateModelCard: a card without tags may get some later."""
    return _CREATE_CARD(self, *args, **(given | {"tags": given.get("tags") or []}))


class _NewestCards:
    """The backend, with each card once: moto keeps all versions of it under its name."""

    def __init__(self, backend: SageMakerModelBackend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        if name == "model_cards":
            return {card: versions[-1] for card, versions in self._backend.model_cards.items()}
        return getattr(self._backend, name)


def _tagged(others: Callable[[Any], Iterator[TaggedResource]]) -> Callable[[Any], Iterator[TaggedResource]]:
    """What the tagging API finds of SageMaker's."""
    return lambda self: others(_NewestCards(self))


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    SageMakerModelBackend.create_model_card = create_model_card  # type: ignore[method-assign]
    if not hasattr(SageMakerResponse, delete_model_package_group.__name__):
        tagged = _tagged(SageMakerModelBackend.iter_tagged_resources)
        SageMakerModelBackend.iter_tagged_resources = tagged  # type: ignore[method-assign]
    SageMakerModelBackend.update_model_package = update_model_package  # type: ignore[method-assign]
    for operation in (
        create_model_package,
        create_model_package_group,
        delete_model_package_group,
        delete_model_package,
        put_model_package_group_policy,
        get_model_package_group_policy,
        delete_model_package_group_policy,
    ):
        setattr(SageMakerResponse, operation.__name__, operation)
