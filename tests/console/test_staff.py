"""What the platform's staff do in their console."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from tenants import agenda, context
from tenants.accounts.models import User
from tenants.models import AgendaItem, Retailer


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_retailer_is_provisioned_and_its_link_and_key_are_shown_once(staff: Client) -> None:
    given = {"slug": "umbrella", "name": "Umbrella", "timezone": "Europe/Paris", "admin_email": "ceo@umbrella.example"}
    made: Any = staff.post("/admin/tenants/retailer/add/", given)
    link, key = made.context["made"].login_url, made.context["made"].api_key
    assert link in made.content.decode()
    assert key in made.content.decode()
    visitor = Client(headers={"host": "umbrella.localhost"})
    assert visitor.get(link.split(":8000")[1])["Location"] == "/admin/password_change/"
    with context.in_retailer(context.find("umbrella")):
        assert User.objects.get().email == "ceo@umbrella.example"


def test_slug_that_is_taken_is_refused_at_its_field(acme: Retailer, staff: Client) -> None:
    refused: Any = staff.post("/admin/tenants/retailer/add/", {"slug": "acme", "name": "Other", "timezone": "Mars/One"})
    assert set(refused.context["form"].errors) >= {"slug", "timezone"}
    assert Retailer.objects.filter(slug="acme").count() == 1


def test_suspended_retailer_is_told_so_and_comes_back(acme: Retailer, staff: Client) -> None:
    visitor = Client(headers={"host": "acme.localhost"})
    staff.post(f"/admin/tenants/retailer/{acme.pk}/suspend/", {"reason": "unpaid"})
    assert visitor.get("/admin/login/").status_code == 503
    staff.post(f"/admin/tenants/retailer/{acme.pk}/resume/")
    assert visitor.get("/admin/login/").status_code == 200


def test_parked_work_is_tried_again(acme: Retailer, staff: Client) -> None:
    agenda.put(acme, "run", 1)
    AgendaItem.objects.update(parked_at=timezone.now(), failures=8, error="it broke")
    page = staff.get("/admin/tenants/agendaitem/?state=parked")
    assert "it broke" in page.content.decode()
    chosen = {"action": "retry", "_selected_action": [AgendaItem.objects.get().pk]}
    assert said(staff.post("/admin/tenants/agendaitem/?state=parked", chosen)) == ["1 due again now."]
    assert AgendaItem.objects.get().parked_at is None


def test_console_of_a_retailer_is_one_click_away(acme: Retailer, staff: Client) -> None:
    opened = staff.get(f"/admin/tenants/retailer/{acme.pk}/open/")
    assert opened["Location"] == "http://acme.localhost:8000/admin/"
