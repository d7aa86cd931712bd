"""A retailer with a storage of its own for the files that are brought."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from campaigns.importing import jobs
from tenants.models import AgendaItem, Retailer


@pytest.fixture(autouse=True)
def _own_storage(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES}  # a change of it makes storages look at MEDIA_ROOT again


@pytest.fixture
def here(at_acme: Retailer) -> Iterator[Retailer]:
    yield at_acme
    AgendaItem.objects.filter(kind=jobs.AGENDA_KIND).delete()
