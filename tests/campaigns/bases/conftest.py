"""Retailers in groups."""

from __future__ import annotations

import pytest

from tenants.models import Group, Retailer


@pytest.fixture
def grocers(acme: Retailer) -> Group:
    group = Group.objects.create(key="grocers", name="Grocers")
    Retailer.objects.filter(pk=acme.pk).update(group=group)
    acme.group = group
    return group
