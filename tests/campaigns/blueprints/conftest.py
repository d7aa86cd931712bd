"""A retailer with a zone, and a folder of blueprints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from tenants import acting, context
from tenants.models import Retailer


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme), acting.acting("Ana", "user:1", "console"):
        yield acme


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A platform's own folder of blueprints."""
    with override_settings(BLUEPRINTS=[str(tmp_path)]):
        yield tmp_path
