"""Tests of the database itself change its tables: each has a copy of its own."""

import pytest


@pytest.fixture
def migrated_database_url(copied_database_url: str) -> str:
    """Give a database that no other test will see."""
    return copied_database_url
