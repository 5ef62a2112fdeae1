"""RDS: groups change in place and stay while in use, parameters can be reset, and each instance has its own id."""

from __future__ import annotations

import hashlib
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.rds.models import RDSBackend
from moto.rds.responses import RDSResponse

_CREATE = RDSBackend.create_db_instance
_CREATE_SUBNETS = RDSBackend.create_subnet_group
_DELETE_SUBNETS = RDSBackend.delete_subnet_group
_DELETE_PARAMETERS = RDSBackend.delete_db_parameter_group
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class _SubnetsInUse(ServiceException):
    code = "InvalidDBSubnetGroupStateFault"


class _Taken(ServiceException):
    code = "DBSubnetGroupAlreadyExists"


class _ParametersInUse(ServiceException):
    code = "InvalidDBParameterGroupState"


def create_db_instance(self: Any, db_kwargs: dict[str, Any]) -> Any:
    """CreateDBInstance, under an id that no other instance has."""
    instance = _CREATE(self, db_kwargs)
    digest = hashlib.sha256(f"{instance.db_instance_arn}{instance.instance_create_time}".encode()).digest()
    instance.dbi_resource_id = "db-" + "".join(_ALPHABET[byte % 32] for byte in digest[:26])
    return instance


def create_subnet_group(self: Any, subnet_name: str, *args: Any, **given: Any) -> Any:
    """CreateDBSubnetGroup, which takes no name twice."""
    if subnet_name in self.subnet_groups:
        raise _Taken(f"The DB subnet group '{subnet_name}' already exists.")
    return _CREATE_SUBNETS(self, subnet_name, *args, **given)


def modify_db_subnet_group(self: Any, subnet_name: str, description: str | None, subnets: list[Any]) -> Any:
    """ModifyDBSubnetGroup, in place."""
    (group,) = self.describe_db_subnet_groups(subnet_name)
    group._subnets = subnets
    if description is not None:
        group.description = description
    return group


def delete_subnet_group(self: Any, subnet_name: str) -> Any:
    """DeleteDBSubnetGroup; not while an instance lies in it."""
    if any(instance._db_subnet_group_name == subnet_name for instance in self.databases.values()):
        raise _SubnetsInUse(f"Cannot delete the subnet group '{subnet_name}' because a database uses it.")
    return _DELETE_SUBNETS(self, subnet_name)


def delete_db_parameter_group(self: Any, name: str) -> Any:
    """DeleteDBParameterGroup; not while an instance has it."""
    if any(instance.db_parameter_group_name == name for instance in self.databases.values()):
        raise _ParametersInUse("One or more database instances are still members of this parameter group.")
    return _DELETE_PARAMETERS(self, name)


def reset_db_parameter_group(self: Any) -> ActionResult:
    """ResetDBParameterGroup: the named parameters, or all of them."""
    name = self.params.get("DBParameterGroupName")
    (group,) = self.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
    named = [each.original_dict()["ParameterName"] for each in self.params.get("Parameters", [])]
    for parameter in named or list(group.parameters):
        group.parameters.pop(parameter, None)
    return ActionResult({"DBParameterGroupName": group.name})


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    RDSBackend.create_db_instance = create_db_instance  # type: ignore[method-assign]
    RDSBackend.create_subnet_group = create_subnet_group  # type: ignore[method-assign]
    RDSBackend.modify_db_subnet_group = modify_db_subnet_group  # type: ignore[method-assign]
    RDSBackend.delete_subnet_group = delete_subnet_group  # type: ignore[method-assign]
    RDSBackend.delete_db_parameter_group = delete_db_parameter_group  # type: ignore[method-assign]
    RDSResponse.reset_db_parameter_group = reset_db_parameter_group  # type: ignore[attr-defined]
