"""Glue: the tags of what is deleted go with it."""

from __future__ import annotations

from typing import Any

from moto.glue.models import GlueBackend

_delete_database = GlueBackend.delete_database


def delete_database(self: Any, database_name: str) -> None:
    """DeleteDatabase: the tagging API shows nothing of it afterwards."""
    _delete_database(self, database_name)
    self.tagger.delete_all_tags_for_resource(
        f"arn:aws:glue:{self.region_name}:{self.account_id}:database/{database_name}"
    )


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    GlueBackend.delete_database = delete_database
