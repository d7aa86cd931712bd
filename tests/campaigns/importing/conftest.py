"""A retailer with a storage of its own for the files that are brought."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from campaigns.importing import jobs
from tenants.models import AgendaItem, Retailer


@pytest.fixture(autouse=True)
def _brought(own_storage: None) -> None:
    """Files of one test are no other's."""


@pytest.fixture
def here(at_acme: Retailer) -> Iterator[Retailer]:
    yield at_acme
    AgendaItem.objects.filter(kind=jobs.AGENDA_KIND).delete()
