"""SageMaker's model cards. Source: the SageMaker API reference."""

from __future__ import annotations

from typing import Final

from modelyard_sandbox.aws.declare import Call, Tags, Type, fields

_CHANGING: Final = ("content", "modelCardStatus")

CARD = Type(
    "aws:sagemaker/modelCard:ModelCard",
    "sagemaker",
    fields=fields("content", "modelCardName", "modelCardStatus", "securityConfig", "modelCardArn"),
    id="modelCardName",
    computed=("modelCardArn",),
    create=Call("create_model_card"),
    read=Call("describe_model_card", {"ModelCardName": "id"}, fill=False),
    update=Call("update_model_card", on=_CHANGING),
    delete=Call("delete_model_card", {"ModelCardName": "id"}, fill=False),
    gone=("ResourceNotFound",),
    json=("content",),
    tags=Tags("list_tags", "add_tags", "delete_tags", {"ResourceArn": "modelCardArn"}, on_create="Tags"),
)

TYPES = (CARD,)
"""A changed name or key is another card: UpdateModelCard takes neither."""
