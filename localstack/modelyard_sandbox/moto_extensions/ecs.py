"""ECS: what services were asked for is kept, clusters and services go at once, and what is in use stays."""

from __future__ import annotations

from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ecs.models import EC2ContainerServiceBackend, Task
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import elbv2_backends

_KEPT: Final = {
    "deploymentConfiguration": "deployment_configuration",
    "enableECSManagedTags": "enable_ecs_managed_tags",
    "enableExecuteCommand": "enable_execute_command",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
}
_CREATE = EC2ContainerServiceResponse.create_service
_UPDATE = EC2ContainerServiceResponse.update_service
_MAKE_TASK = Task.__init__
_REQUIREMENTS = EC2ContainerServiceBackend._calculate_task_resource_requirements
_DELETE_SERVICE = EC2ContainerServiceBackend.delete_service


def _refused(code: str, message: str) -> JsonRESTError:
    return JsonRESTError(code, message)


def _keep(response: Any, service: Any) -> None:
    for member, attribute in _KEPT.items():
        asked = response._get_param(member)
        if asked is not None or not hasattr(service, attribute):
            setattr(service, attribute, asked)


def create_service(self: Any) -> ActionResult:
    """CreateService: its containers and target groups must exist, and what it was asked for is shown again."""
    name, cluster = self._get_param("serviceName"), self.ecs_backend._get_cluster(self._get_param("cluster"))
    there = self.ecs_backend.services.get(f"{cluster.name}:{name}")
    if there is not None and there.status == "ACTIVE":
        raise _refused("InvalidParameterException", "Creation of service was not idempotent.")
    task = self.ecs_backend.describe_task_definition(self._get_param("taskDefinition"))
    ports = {
        (container["name"], port["containerPort"])
        for container in task.container_definitions
        for port in container.get("portMappings") or []
    }
    balancers = elbv2_backends[self.current_account][self.region]
    for each in self._get_param("loadBalancers") or []:
        if (each["containerName"], each["containerPort"]) not in ports:
            said = (
                f"The container {each['containerName']} did not have a container port {each['containerPort']} defined."
            )
            raise _refused("InvalidParameterException", said)
        if each["targetGroupArn"] not in balancers.target_groups:
            raise _refused("InvalidParameterException", f"Unable to find target group {each['targetGroupArn']}.")
    answer = _CREATE(self)
    _keep(self, self.ecs_backend.services[f"{cluster.name}:{name}"])
    return answer


def update_service(self: Any) -> ActionResult:
    """UpdateService: what it doesn't speak of stays."""
    answer = _UPDATE(self)
    _keep(self, self.ecs_backend._get_service(self._get_param("cluster", "default"), self._get_param("service")))
    return answer


def delete_service(self: Any, cluster_name: str, service_name: str, force: bool) -> Any:
    """DeleteService: gone at once, where AWS drains its tasks first."""
    service = _DELETE_SERVICE(self, cluster_name, service_name, force)
    del self.services[f"{self._get_cluster(cluster_name).name}:{service.name}"]
    return service


def delete_cluster(self: Any, cluster_str: str) -> Any:
    """DeleteCluster: not while it has services."""
    cluster = self._get_cluster(cluster_str)
    if any(key.startswith(f"{cluster.name}:") for key in self.services):
        raise _refused("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    cluster.status = "INACTIVE"
    return self.clusters.pop(cluster.name)


def _begins(self: Task, *args: Any, **given: Any) -> None:
    """A task begins to run when it is made."""
    _MAKE_TASK(self, *args, **given)
    self.started_at = utcnow()  # type: ignore[attr-defined]


def resource_requirements(task_definition: Any) -> dict[str, Any]:
    """What a task needs of a machine; on Fargate the task itself says how much memory there is."""
    if task_definition.memory and "FARGATE" in (task_definition.compatibilities or ()):
        return {"CPU": 0, "MEMORY": int(task_definition.memory), "PORTS": [], "PORTS_UDP": []}
    return _REQUIREMENTS(task_definition)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    EC2ContainerServiceResponse.create_service = create_service  # type: ignore[method-assign]
    EC2ContainerServiceResponse.update_service = update_service  # type: ignore[method-assign]
    Task.__init__ = _begins  # type: ignore[method-assign]
    EC2ContainerServiceBackend._calculate_task_resource_requirements = staticmethod(resource_requirements)  # type: ignore[method-assign]
    EC2ContainerServiceBackend.delete_service = delete_service  # type: ignore[method-assign]
    EC2ContainerServiceBackend.delete_cluster = delete_cluster  # type: ignore[method-assign]
