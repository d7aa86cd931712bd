"""The lists of suppressed addresses in both consoles."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from campaigns import suppressions
from campaigns.models import Facts, Suppression
from campaigns.suppressions import Addresses
from tenants import context
from tenants.accounts.models import AuditEntry, Role, User
from tenants.models import PlatformSuppression, Retailer
from tests import factories
from tests.console.forms import submit

LIST = "/admin/tenants/platformsuppression/"
ADDRESS = "gone@example.test"
HASH = hashlib.sha256(ADDRESS.encode()).hexdigest()


def rows(page: Any) -> list[str]:
    return [bytes(each.address_hash).hex() for each in page.context["cl"].queryset]


@pytest.mark.urls("marketing.urls_public")
def test_staff_suppress_an_address_everywhere_and_take_it_off_again(
    acme: Retailer, staff: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with context.in_retailer(acme):
        factories.customers(1, email=ADDRESS)
    with django_capture_on_commit_callbacks(execute=True):
        submit(staff, f"{LIST}add/", "platformsuppression_form", address=" Gone@Example.Test ", reason="complaint")
    row = PlatformSuppression.objects.get()
    assert (bytes(row.address_hash).hex(), row.reason, row.source) == (HASH, "complaint", "staff@platform.example")
    with context.in_retailer(acme):
        assert Facts.objects.get().suppressed_email
    page = staff.get(LIST).content.decode()
    assert HASH[:12] in page
    assert ADDRESS not in page
    with django_capture_on_commit_callbacks(execute=True):
        staff.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert not PlatformSuppression.objects.exists()
    with context.in_retailer(acme):
        assert not Facts.objects.get().suppressed_email
    told = AuditEntry.objects.filter(kind="platform suppression").order_by("pk")
    assert [each.action for each in told] == ["add", "remove"]


@pytest.mark.urls("marketing.urls_public")
def test_list_is_searched_by_address_and_by_the_beginning_of_a_hash(staff: Client) -> None:
    for address in (ADDRESS, "other@example.test"):
        suppressions.platform.add(suppressions.one("email", address), reason="legal", source="")
    assert rows(staff.get(f"{LIST}?q=GONE@example.test")) == [HASH]
    assert rows(staff.get(f"{LIST}?q={HASH[:7]}")) == [HASH]
    assert rows(staff.get(f"{LIST}?q={HASH}")) == [HASH]
    assert rows(staff.get(f"{LIST}?q=nobody")) == []
    assert len(rows(staff.get(LIST))) == 2


@pytest.mark.urls("marketing.urls_public")
def test_chosen_rows_are_taken_off_together_and_told_once_for_each_channel(
    acme: Retailer, staff: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with context.in_retailer(acme):
        factories.customers(30, phone="+442079460123")
    for number in range(1, 31):
        suppressions.platform.put(suppressions.one("email", f"c{number}@example.test"), reason="legal", source="")
    suppressions.platform.add(suppressions.one("sms", "+442079460123"), reason="legal", source="")
    chosen = list(PlatformSuppression.objects.values_list("pk", flat=True))
    with django_capture_on_commit_callbacks(execute=True) as told:
        staff.post(LIST, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})
    assert len(told) == 2
    assert not PlatformSuppression.objects.exists()
    with context.in_retailer(acme):
        assert not Facts.objects.filter(suppressed_sms=True).exists()


@pytest.mark.urls("marketing.urls_public")
def test_what_is_no_address_is_refused_at_its_field(staff: Client) -> None:
    refused: Any = staff.post(f"{LIST}add/", {"channel": "sms", "address": "12", "reason": "legal"})
    assert "address" in refused.context["adminform"].form.errors


@pytest.mark.urls("marketing.urls_public")
def test_only_administrators_of_the_platform_change_the_list(db: None) -> None:
    editor = Client(headers={"host": "localhost"})
    editor.force_login(User.objects.create_user("ed@platform.example", role=Role.EDITOR, is_staff=True))
    assert editor.get(LIST).status_code == 200
    given = {"channel": "email", "address": ADDRESS, "reason": "legal"}
    assert editor.post(f"{LIST}add/", given).status_code == 403
    assert not PlatformSuppression.objects.exists()


def test_retailer_sees_an_erased_address_as_one(at_acme: Retailer, ana: Client) -> None:
    suppressions.add_all(Addresses("email", {bytes.fromhex(HASH): ""}), reason="unsubscribed", source="")
    assert "an erased address" in ana.get("/admin/campaigns/suppression/").content.decode()
    path = f"/admin/campaigns/suppression/{Suppression.objects.get().pk}/change/"
    assert "an erased address" in ana.get(path).content.decode()
