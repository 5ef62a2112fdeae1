"""The shipped project, for tests of its files."""

from pathlib import Path

import pytest
from tests.shipped import copied

from modelyard.blueprints import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the shipped project."""
    return Project(copied(tmp_path))
