"""SageMaker's model registry: groups of packages, and their policies. Source: the SageMaker API reference."""

from __future__ import annotations

from modelyard_sandbox.aws.declare import Call, Tags, Type, fields

GROUP = Type(
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup",
    "sagemaker",
    fields=fields("modelPackageGroupName", "modelPackageGroupDescription") | {"arn": "ModelPackageGroupArn"},
    id="modelPackageGroupName",
    computed=("arn",),
    create=Call("create_model_package_group"),
    read=Call("describe_model_package_group", {"ModelPackageGroupName": "id"}, fill=False),
    delete=Call("delete_model_package_group", {"ModelPackageGroupName": "id"}, fill=False),
    gone=("ValidationException", "ValidationError"),
    tags=Tags("list_tags", "add_tags", "delete_tags", {"ResourceArn": "arn"}, on_create="Tags"),
)

GROUP_POLICY = Type(
    "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy",
    "sagemaker",
    fields=fields("modelPackageGroupName", "resourcePolicy"),
    id="modelPackageGroupName",
    create=Call("put_model_package_group_policy"),
    read=(
        Call("get_model_package_group_policy", {"ModelPackageGroupName": "id"}, fill=False),
        lambda live: {"modelPackageGroupName": live.id},
    ),
    update=Call("put_model_package_group_policy", on=("resourcePolicy",)),
    delete=Call("delete_model_package_group_policy", {"ModelPackageGroupName": "id"}, fill=False),
    gone=("ValidationException", "ValidationError"),
    json=("resourcePolicy",),
)

TYPES = (GROUP, GROUP_POLICY)
