"""Load balancers, target groups and listeners through their whole life."""

from __future__ import annotations

from typing import Any

import pytest

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGETS = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"


@pytest.fixture
def place(cloud: Any) -> dict[str, Any]:
    """A VPC with two subnets and a security group."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{'abc'[n]}")["Subnet"][
            "SubnetId"
        ]
        for n in (0, 1, 2)
    ]
    group = ec2.create_security_group(GroupName="balancer", Description="d", VpcId=vpc)["GroupId"]
    return {"vpc": vpc, "subnets": subnets, "group": group}


def balancer(cloud: Any, place: dict[str, Any], **more: Any) -> Any:
    return cloud.make(
        BALANCER,
        name="tracking",
        internal=True,
        loadBalancerType="application",
        subnets=place["subnets"][:2],
        securityGroups=[place["group"]],
        dropInvalidHeaderFields=True,
        **more,
    )


def targets(cloud: Any, place: dict[str, Any], **more: Any) -> Any:
    wanted = {"port": 5000, "protocol": "HTTP", "targetType": "ip", "vpcId": place["vpc"], **more}
    return cloud.make(TARGETS, name=wanted.pop("name", "tracking"), **wanted)


def test_a_balancer_lives_and_dies(cloud: Any, place: dict[str, Any]) -> None:
    made = balancer(cloud, place, tags={"team": "fraud"})
    assert made.id == made["arn"]
    assert made["dnsName"].startswith("internal-tracking") or made["dnsName"].startswith("tracking")
    assert made["arnSuffix"].startswith("app/tracking/")
    made.update(idleTimeout=120)
    made.update(subnets=place["subnets"])
    made.update(tags={"team": "churn"})
    assert made.forecast(internal=False).replaces == {"internal"}
    assert made.forecast(name="other").replaces == {"name"}
    cloud.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=made.id,
        Attributes=[{"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"}],
    )
    found = made.read()
    assert found is not None
    assert found.state["dropInvalidHeaderFields"] is False
    made.delete()


def test_a_protected_balancer_stays(cloud: Any, place: dict[str, Any]) -> None:
    made = balancer(cloud, place, enableDeletionProtection=True)
    assert "deletion protection" in cloud.refuses_to_delete(made)
    made.update(enableDeletionProtection=False)
    made.delete()


def test_targets_live_and_die(cloud: Any, place: dict[str, Any]) -> None:
    made = targets(
        cloud,
        place,
        deregistrationDelay=30,
        healthCheck={"path": "/health", "matcher": "200", "interval": 15, "timeout": 5},
        tags={"team": "fraud"},
    )
    made.update(healthCheck={"path": "/version", "matcher": "200", "interval": 15, "timeout": 5})
    made.update(deregistrationDelay=60)
    made.update(tags={"team": "churn"})
    assert made.forecast(port=80).replaces == {"port"}
    made.delete()


def test_a_listener_lives_and_dies_and_keeps_its_targets(cloud: Any, place: dict[str, Any]) -> None:
    front, first, second = balancer(cloud, place), targets(cloud, place), targets(cloud, place, name="second")
    forward = [{"type": "forward", "targetGroupArn": first["arn"]}]
    listener = cloud.make(
        LISTENER, loadBalancerArn=front["arn"], port=80, protocol="HTTP", defaultActions=forward, tags={"a": "b"}
    )
    assert "in use by a listener" in cloud.refuses_to_delete(first)
    listener.update(defaultActions=[{"type": "forward", "targetGroupArn": second["arn"]}])
    listener.update(port=8080)
    listener.update(tags={"a": "c"})
    assert listener.forecast(loadBalancerArn=f"{front['arn']}0").replaces == {"loadBalancerArn"}
    listener.imported(listener.id)
    listener.delete()
    first.delete()


def test_https_has_a_certificate(cloud: Any, place: dict[str, Any]) -> None:
    front, group = balancer(cloud, place), targets(cloud, place)
    certificate = cloud.client("acm").request_certificate(DomainName="mlflow.fraud.internal")["CertificateArn"]
    forward = [{"type": "forward", "targetGroupArn": group["arn"]}]
    wanted = {"loadBalancerArn": front["arn"], "port": 443, "protocol": "HTTPS", "defaultActions": forward}
    policy = {"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}
    cloud.make(LISTENER, **wanted, **policy, certificateArn=certificate)
    other = f"{certificate[:-1]}{'1' if certificate.endswith('0') else '0'}"
    lost = {**wanted, **policy, "certificateArn": other, "port": 444}
    assert "not found" in cloud.refused(LISTENER, **lost)
