"""Colleagues of different roles at a retailer, in their browsers."""

from __future__ import annotations

from django.test import Client

from tenants.accounts.models import Role, User
from tenants.models import Retailer


def colleague(retailer: Retailer, role: Role, name: str = "") -> Client:
    """A signed-in browser; call it inside the retailer's context."""
    email = f"{name or role.value}@{retailer.slug}.example"
    user, _ = User.objects.get_or_create(email=email, defaults={"role": role, "is_staff": True, "first_name": name})
    client = Client(headers={"host": f"{retailer.slug}.localhost"})
    client.force_login(user)
    return client
