"""What the platform's staff do in their console."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from campaigns import blueprints, policies
from tenants import agenda, context, stops
from tenants.accounts.models import AuditEntry, Role, User
from tenants.models import AgendaItem, Change, Group, Layer, Retailer, Sighting, Stop
from tests.campaigns.test_blast import live
from tests.console import forms


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


@pytest.fixture
def viewer(db: None) -> Client:
    client = Client(headers={"host": "localhost"})
    looks = User.objects.create_user("looks@platform.example", role=Role.VIEWER, is_staff=True)
    client.force_login(looks)
    return client


def text(page: Any) -> str:
    assert page.status_code == 200, page.status_code
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def posted(page: Any, form_id: str, **changes: str) -> dict[str, str]:
    return forms.fields(page, form_id) | changes


# -- policy ------------------------------------------------------------------------------------------------------------
def test_policy_is_saved_in_two_steps_and_its_blast_radius_is_shown_between(acme: Retailer, staff: Client) -> None:
    live(acme, "one")
    path = "/admin/policy/platform/"
    given = {"min_holdout": "10", "quiet_hours": "21:00 to 08:00", "default-topic": "news", "step": "preview"}
    preview: Any = staff.post(path, posted(staff.get(path), "layer_form") | given)
    told = text(preview)
    assert "Acme Foods One one, scheduled stops audience.holdout: hold back at least 10 %" in told
    assert "Least share held back" not in told
    assert "Held back not set at least 10 %" in told
    assert "Save, and stop 1 campaign" in told
    assert not Layer.objects.exists()
    saved = staff.post(path, posted(preview, "confirm_form", step="save", change_reason="the law"))
    assert saved.status_code == 302
    layer = Layer.objects.get()
    assert layer.policy == {"quiet_hours": [["21:00", "08:00"]], "min_holdout": 0.1}
    assert layer.defaults == {"topic": "news"}
    entry = AuditEntry.objects.get(kind="policy")
    assert (entry.actor, entry.door, entry.reason) == ("staff@platform.example", "console", "the law")
    assert "Quiet hours 21:00 to 08:00 platform" in text(staff.get(path))
    unchanged = staff.post(path, posted(staff.get(path), "layer_form", step="preview"))
    assert "Nothing: this is what it says already." in text(unchanged)


def test_policy_comes_back_from_its_form_as_it_was(acme: Retailer, staff: Client) -> None:
    policy = {
        "channels": ["email", "sms"],
        "sender_domains": ["acme.example", "globex.example"],
        "template_features": [],
        "per_customer": [{"messages": 1, "per": "1d"}, {"messages": 3, "per": "1w"}],
        "quiet_hours": [["12:00", "13:00"], ["21:00", "08:00"]],
        "max_per_day": 5000,
        "min_holdout": 0.05,
        "universal_holdout": 0.025,
        "max_discount": 30.0,
        "most_bounces": 0.05,
        "most_complaints": 0.001,
        "most_unsubscribes": 0.025,
        "most_errors": 0.2,
        "footer": ["brand.postal_address", "unsubscribe_url"],
        "approval": True,
    }
    defaults = {
        "goal": {"event": "order", "within": "1w"},
        "audience": {"exclude": {"all": []}, "holdout": 0.1},
        "timing": {"mode": "fixed", "window": ["09:00", "20:00"], "expire_after": "1d"},
        "limits": {"per_customer": {"messages": 2, "per": "1w"}},
        "topic": "news",
    }
    policies.save(None, policy=policy, defaults=defaults)
    path = "/admin/policy/platform/"
    page = staff.get(path)
    for box in ("approval", "limits_features"):
        assert re.search(rf'<input[^>]*name="{box}"[^>]*checked', page.content.decode()), box
    many = {"channels": policy["channels"], "footer": policy["footer"], "approval": "on", "limits_features": "on"}
    given = posted(page, "layer_form") | many  # as a browser sends what is ticked
    preview = staff.post(path, given | {"step": "preview"})
    assert preview.context["changes"] == []
    staff.post(path, given | {"step": "save", "max_per_day": "4000"})
    layer = policies.layer_of(None)
    assert (layer.policy, layer.defaults) == (policy | {"max_per_day": 4000}, defaults)


def test_group_can_only_tighten_and_is_told_so_at_the_field(acme: Retailer, staff: Client) -> None:
    group = Group.objects.create(key="grocers", name="Grocers")
    policies.save(None, policy={"max_per_day": 100})
    path = f"/admin/policy/group/{group.pk}/"
    page = staff.get(path)
    assert "Messages a day at most 100 a day platform" in text(page)
    refused = text(staff.post(path, posted(page, "layer_form", step="preview", max_per_day="200", quiet_hours="late")))
    assert "Write quiet hours as “21:00 to 08:00”: “late” is none." in refused
    refused = text(staff.post(path, posted(page, "layer_form", step="save", max_per_day="200")))
    assert "Looser than what stands above it (at most 100 a day)" in refused
    assert not Layer.objects.filter(group=group).exists()
    staff.post(path, posted(page, "layer_form", step="save", max_per_day="50"))
    assert policies.effective(group).max_per_day == 50
    assert "at most 50 a day" in text(staff.get("/admin/policy/"))
    Retailer.objects.filter(pk=acme.pk).update(group=group)
    shown = text(staff.get(f"/admin/policy/retailer/{acme.pk}/"))
    assert "Messages a day at most 50 a day platform (at most 100 a day), group grocers" in shown


def test_policy_that_somebody_else_changed_meanwhile_is_not_overwritten(staff: Client) -> None:
    path = "/admin/policy/platform/"
    given = posted(staff.get(path), "layer_form", step="save", max_per_day="200")
    policies.save(None, policy={"approval": True})
    assert "Somebody else changed the policy" in said(staff.post(path, given))[0]
    assert policies.layer_of(None).policy == {"approval": True}


# -- stops -------------------------------------------------------------------------------------------------------------
def test_everything_is_stopped_with_a_reason_and_lifted_again(acme: Retailer, staff: Client) -> None:
    assert "Stop all sending everywhere" in text(staff.get("/admin/"))
    assert "Say why" in text(staff.post("/admin/stop/", {"reason": " "}))
    assert not Stop.objects.exists()
    staff.post("/admin/stop/", {"reason": "wrong prices"})
    shown = text(staff.get("/admin/"))
    assert "All sending is stopped everywhere By staff@platform.example" in shown
    assert "wrong prices" in shown
    assert "All sending of the platform is stopped" in text(staff.get(f"/admin/tenants/retailer/{acme.pk}/change/"))
    staff.post("/admin/stop/lift/", {"next": "fleet"})
    assert not Stop.objects.exists()
    assert [entry.action for entry in AuditEntry.objects.filter(kind="sending").order_by("pk")] == ["stop", "lift stop"]


def test_one_retailer_is_stopped_and_nobody_else(acme: Retailer, globex: Retailer, staff: Client) -> None:
    staff.post(f"/admin/stop/{acme.pk}/", {"reason": "wrong list"})
    assert stops.standing(acme)
    assert stops.standing(globex) is None
    page = text(staff.get(f"/admin/tenants/retailer/{acme.pk}/change/"))
    assert "All sending of Acme Foods is stopped" in page
    assert "wrong list" in page
    staff.post(f"/admin/stop/{acme.pk}/lift/")
    assert stops.standing(acme) is None


# -- the fleet page and its neighbours ---------------------------------------------------------------------------------
def test_fleet_page_tells_how_fast_changes_reach_workers(acme: Retailer, staff: Client) -> None:
    assert "no worker was busy while something changed" in text(staff.get("/admin/"))
    change = Change.objects.create(retailer=acme, what="campaign one version 2")
    for number in range(100):
        Sighting.objects.create(change=change, worker=f"w{number}", seconds=0.2 if number < 98 else 1.4)
    shown = text(staff.get("/admin/"))
    assert "Propagation 1.4 s until a change was live in every busy worker (p99; half within 0.2 s)" in shown
    assert "100 sightings by 100 workers" in shown
    assert "Acme Foods campaign one version 2" in shown


def test_changes_of_groups_and_retailers_stand_in_the_trail(acme: Retailer, staff: Client) -> None:
    staff.post("/admin/tenants/group/add/", {"key": "grocers", "name": "Grocers"})
    group = Group.objects.get()
    staff.post(
        f"/admin/tenants/retailer/{acme.pk}/change/", {"name": "Acme", "group": group.pk, "timezone": acme.timezone}
    )
    staff.post(f"/admin/tenants/group/{group.pk}/delete/", {"post": "yes"})
    assert Group.objects.exists()
    told = [
        (entry.action, entry.kind, entry.key) for entry in AuditEntry.objects.exclude(action="provision").order_by("pk")
    ]
    assert told == [("create", "group", "grocers"), ("edit", "retailer", "acme")]
    with context.in_retailer(acme):
        assert AuditEntry.objects.get(kind="retailer", action="edit", after__group="grocers")
    assert "edit retailer acme" in text(staff.get("/admin/accounts/auditentry/"))
    assert staff.get(f"/admin/accounts/auditentry/{AuditEntry.objects.first().pk}/change/").status_code == 200


def test_blueprints_are_listed(staff: Client) -> None:
    shown = text(staff.get("/admin/blueprints/"))
    for blueprint in blueprints.catalogue():
        assert blueprint.name in shown


def test_viewer_sees_everything_and_changes_nothing(acme: Retailer, viewer: Client) -> None:
    group = Group.objects.create(key="grocers", name="Grocers")
    pages = (
        "",
        "policy/",
        "policy/platform/",
        f"policy/group/{group.pk}/",
        f"policy/retailer/{acme.pk}/",
        "blueprints/",
    )
    for page in (*pages, "accounts/auditentry/", "tenants/retailer/", f"tenants/retailer/{acme.pk}/change/"):
        assert viewer.get(f"/admin/{page}").status_code == 200, page
    agenda.put(acme, "run", 1)
    AgendaItem.objects.update(parked_at=timezone.now())
    before = [list(model.objects.order_by("pk").values()) for model in (Retailer, Group, Layer, Stop, AgendaItem)]
    for path, given in {
        "policy/platform/": {"step": "save", "max_per_day": "1"},
        "stop/": {"reason": "x"},
        "stop/lift/": {},
        f"stop/{acme.pk}/": {"reason": "x"},
        f"tenants/retailer/{acme.pk}/suspend/": {},
        f"tenants/retailer/{acme.pk}/change/": {"name": "Mine", "timezone": "UTC"},
        "tenants/retailer/add/": {"slug": "mine", "name": "Mine", "timezone": "UTC"},
        f"tenants/group/{group.pk}/change/": {"key": "x", "name": "x"},
        f"tenants/group/{group.pk}/delete/": {"post": "yes"},
        "tenants/group/add/": {"key": "x", "name": "x"},
    }.items():
        assert viewer.post(f"/admin/{path}", given).status_code == 403, path
    viewer.post("/admin/tenants/agendaitem/", {"action": "retry", "_selected_action": [AgendaItem.objects.get().pk]})
    assert before == [list(m.objects.order_by("pk").values()) for m in (Retailer, Group, Layer, Stop, AgendaItem)]
