"""What a marketer does in the console, through its real forms: from a segment to a run that arrived."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.test import Client

from campaigns import configuration
from campaigns.models import Campaign, Customer, Run, Segment, Suppression, Template
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from tenants import acting
from tenants.accounts.models import ApiKey, User
from tenants.models import Retailer
from tests import factories
from tests.console.forms import fields, submit

HTML = (
    '<html><body><p>Dear {{ customer.first_name | default("friend") }}, {{ content.offer }}</p>'
    f"{factories.OUT}</body></html>"
)


def said(response: Any) -> str:
    """What the page tells its reader: messages and form errors."""
    form = response.context["adminform"].form if response.context and "adminform" in response.context else None
    errors = [error for found in form.errors.values() for error in found] if form else []
    return " | ".join([*map(str, get_messages(response.wsgi_request)), *errors])


def test_marketer_goes_from_a_segment_to_a_delivered_run(at_acme: Retailer, ana: Client, outbox: MemoryChannel) -> None:
    factories.customers(30)
    factories.customers(5, first=31, city="York")

    made = submit(
        ana,
        "/admin/campaigns/segment/add/",
        "segment_form",
        **{
            "name": "In Leeds",
            "key": "leeds",
            "rule-0-0-field": "city",
            "rule-0-0-op": "eq",
            "rule-0-0-value": "Leeds",
        },
    )
    assert made.status_code == 302, said(made)
    assert Segment.objects.get(key="leeds").rule == {"attribute": "city", "eq": "Leeds"}

    made = submit(
        ana, "/admin/campaigns/template/add/", "template_form", name="Hello", key="hello", subject="Hi", html=HTML
    )
    assert made.status_code == 302, said(made)

    variants = {"variants-0-key": "a", "variants-0-subject": "Hello, {{ customer.first_name }}"}
    variants |= {"variants-0-text-offer": "ten off", "variants-1-key": "", "variants-1-subject": "Ten off"}
    made = submit(
        ana,
        "/admin/campaigns/campaign/add/",
        "campaign_form",
        **{"name": "Spring", "key": "spring", "include": "leeds", "template": "hello", "variants-1-text-offer": "ten"},
        **variants,
    )
    assert made.status_code == 302, said(made)
    campaign = Campaign.objects.get(key="spring")

    confirmation = ana.get(f"/admin/campaigns/campaign/{campaign.pk}/launch/")
    assert "Launch to 30 people" in " ".join(confirmation.content.decode().split())
    assert "Hello, Ana" in confirmation.content.decode()
    seen = {"draft_number": campaign.draft_number, "occurrence": "console:once"}
    started = ana.post(f"/admin/campaigns/campaign/{campaign.pk}/launch/", seen)
    run = Run.objects.get()
    assert started["Location"] == f"/admin/campaigns/run/{run.pk}/change/"
    again = ana.post(f"/admin/campaigns/campaign/{campaign.pk}/launch/", seen)
    assert again["Location"] == started["Location"]
    assert Run.objects.count() == 1

    pipeline.work(seconds=30)
    progress = ana.get(f"/admin/campaigns/run/{run.pk}/progress/?regions=head,numbers").json()
    assert progress["report"]["states"] == {"accepted": 30}
    assert progress["report"]["balances"]
    assert not progress["is_open"]
    assert "It balances: 30 candidates = 30 included + 0 excluded" in progress["regions"]["numbers"]
    assert {message.subject for message in outbox.sent} == {"Hello, Ana", "Ten off"}


def test_count_beside_the_rule_builder_says_who_matches_now(at_acme: Retailer, ana: Client) -> None:
    factories.customers(3)
    factories.customers(2, first=4, city="York")
    rule = {"rule-0-match": "all", "rule-0-0-kind": "attribute", "rule-0-0-field": "city", "rule-0-0-op": "in"}
    answer = ana.post("/admin/campaigns/segment/try/", rule | {"rule-0-0-value": "York, Hull"}).json()
    assert answer["count"] == 2
    assert answer["sentence"] == "Everyone whose city is one of York, Hull."
    assert [(each["name"], each["place"]) for each in answer["sample"]] == [("Ana", "York")] * 2
    assert ana.get(answer["sample"][0]["url"]).status_code == 200


def test_count_of_an_incomplete_rule_names_the_condition_and_the_cure(at_acme: Retailer, ana: Client) -> None:
    rule = {"rule-0-match": "all", "rule-0-0-kind": "event", "rule-0-0-event": "order", "rule-0-0-within": "soon"}
    answer = ana.post("/admin/campaigns/segment/try/", rule).json()
    message = "Write how long ago as a number: “soon” is none."
    assert answer == {"errors": [{"at": "0-0", "message": message, "code": "invalid"}]}


def test_segment_that_leads_back_to_itself_is_refused_at_its_field(at_acme: Retailer, ana: Client) -> None:
    first = factories.segment("first", {"all": []})
    factories.segment("second", {"segment": "first"})
    changed = submit(
        ana,
        f"/admin/campaigns/segment/{first.pk}/change/",
        "segment_form",
        **{"rule-0-0-kind": "segment", "rule-0-0-is_in": "in", "rule-0-0-segment": "second"},
    )
    assert "circle" in said(changed)
    first.refresh_from_db()
    assert first.rule == {"all": []}


def test_segment_in_use_is_not_deleted_and_its_user_is_named(at_acme: Retailer, ana: Client) -> None:
    segment = factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    factories.campaign(audience={"include": {"segment": "leeds"}})
    refused = ana.post(f"/admin/campaigns/segment/{segment.pk}/delete/", {"post": "yes"})
    assert "the campaign “Welcome” (welcome)" in said(refused)
    assert Segment.objects.filter(pk=segment.pk).exists()


def test_mistake_in_a_template_is_shown_at_its_field_with_its_line(at_acme: Retailer, ana: Client) -> None:
    html = "<p>Dear</p>\n<p>{{ customer.frist_name }}</p>"
    refused = submit(
        ana, "/admin/campaigns/template/add/", "template_form", name="Hello", key="hello", subject="Hi", html=html
    )
    assert (
        "line 2, column 7: customer.frist_name is unknown"
        in refused.context["adminform"].form.errors["html"][0].lower()
    )
    assert not Template.objects.exists()


def test_preview_renders_what_is_in_the_form_for_the_chosen_customer(at_acme: Retailer, ana: Client) -> None:
    factories.customers(2)
    nameless = factories.customers(1, first=3, first_name="")[0]
    written = {"subject": "Hi {{ customer.first_name | default('you') }}", "html": HTML, "customer": nameless.pk}
    answer = ana.post("/admin/campaigns/template/preview/", written).json()
    assert answer["subject"] == "Hi you"
    assert "Dear friend, [offer]" in answer["html"]
    assert answer["problems"] == []


def test_earlier_version_of_a_template_is_restored(at_acme: Retailer, ana: Client) -> None:
    template = factories.template(preheader="Look inside")
    before = template.html
    path = f"/admin/campaigns/template/{template.pk}/change/"
    submit(ana, path, "template_form", html="<p>New</p>", preheader="")
    ana.post(f"/admin/campaigns/template/{template.pk}/restore/1/")
    template.refresh_from_db()
    assert (template.html, template.preheader) == (before, "Look inside")
    assert template.live == template.versions.get(number=1)


def test_second_of_two_editors_of_a_template_is_told(at_acme: Retailer, ana: Client) -> None:
    template = factories.template()
    path = f"/admin/campaigns/template/{template.pk}/change/"
    opened = fields(ana.get(path), "template_form")
    submit(ana, path, "template_form", subject="Mine")
    refused = ana.post(path, opened | {"subject": "Yours"})
    assert "Somebody else saved this" in said(refused)
    template.refresh_from_db()
    assert template.subject == "Mine"


def test_second_of_two_editors_of_a_campaign_is_told_what_the_first_changed_and_keeps_what_they_wrote(
    at_acme: Retailer, ana: Client
) -> None:
    campaign = factories.campaign()
    path = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    opened = fields(ana.get(path), "campaign_form")
    with acting.acting("Ben", "user:99", "console"):
        configuration.save_draft(factories.config(name="Meanwhile"), campaign=campaign)
    refused = ana.post(path, opened | {"name": "Mine"})
    assert "Ben saved this meanwhile" in said(refused)
    conflict = refused.context["conflict"]
    assert [(each.label, each.before, each.after) for each in conflict.changed] == [("Name", "Welcome", "Meanwhile")]
    again = fields(refused, "campaign_form")
    assert again["name"] == "Mine"
    campaign.refresh_from_db()
    assert campaign.name == "Meanwhile"
    assert ana.post(path, again).status_code == 302
    campaign.refresh_from_db()
    assert campaign.name == "Mine"


def test_saving_a_campaign_unchanged_keeps_what_the_form_does_not_show(at_acme: Retailer, ana: Client) -> None:
    factories.segment("staff", {"attribute": "tier", "eq": "staff"})
    factories.template()
    steps: list[dict[str, Any]] = [
        {"key": "first", "channel": "email", "template": "hello",
         "variants": [{"key": "a", "subject": "A", "content": {"percent": 10, "free": True, "word": "x"}}]},
        {"key": "second", "channel": "email", "template": "hello", "after": {"step": "first", "delay": "2d"}},
    ]  # fmt: skip
    parts: dict[str, Any] = {
        "steps": steps,
        "audience": {"include": {"attribute": "city", "eq": "Leeds"}, "exclude": {"segment": "staff"}, "holdout": 0.05},
        "goal": {"event": "order", "within": "1w"},
        "timing": {"expire_after": "1d"},
        "trigger": {"kind": "schedule", "at": "2031-03-01T09:00:00+01:00"},
    }
    campaign = factories.campaign(**parts)
    before = campaign.draft
    saved = submit(ana, f"/admin/campaigns/campaign/{campaign.pk}/change/", "campaign_form")
    assert saved.status_code == 302, said(saved)
    campaign.refresh_from_db()
    assert campaign.draft == before
    assert campaign.draft_number == 2


def test_campaign_scheduled_in_the_form_means_the_retailers_clock(
    at_acme: Retailer, ana: Client, outbox: MemoryChannel
) -> None:
    campaign = factories.campaign()
    path = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    submit(ana, path, "campaign_form", when="schedule", at="2031-07-01T09:00")
    campaign.refresh_from_db()
    assert campaign.draft["trigger"] == {"kind": "schedule", "at": "2031-07-01T09:00:00"}
    factories.customers(1)
    page = " ".join(ana.get(f"/admin/campaigns/campaign/{campaign.pk}/launch/").content.decode().split())
    assert "Schedule: starts on 1 July 2031 at 09:00 (Europe/London)" in page
    ana.post(f"/admin/campaigns/campaign/{campaign.pk}/publish/", {"draft_number": campaign.draft_number})
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SCHEDULED


def test_campaign_in_the_past_is_refused_at_its_field(at_acme: Retailer, ana: Client) -> None:
    campaign = factories.campaign()
    path = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    refused = submit(ana, path, "campaign_form", when="schedule", at="2020-07-01T09:00")
    assert refused.context["adminform"].form.errors["at"] == ["That moment has passed: choose a later one."]


def test_what_keeps_a_campaign_from_launch_stands_at_its_fields(at_acme: Retailer, ana: Client) -> None:
    factories.template()
    steps = [{"key": "first", "channel": "email", "template": "gone"}]
    campaign = configuration.save_draft(
        factories.config(steps=steps, audience={"include": {"segment": "nowhere"}, "holdout": 0.1})
    )
    page = ana.get(f"/admin/campaigns/campaign/{campaign.pk}/change/")
    form = page.context["adminform"].form
    assert "there is no segment 'nowhere'" in str(form.fields["include"].help_text).replace("&#x27;", "'").lower()
    assert "there is no template 'gone'" in str(form.fields["template"].help_text).replace("&#x27;", "'").lower()
    ana.post(f"/admin/campaigns/campaign/{campaign.pk}/launch/", {"draft_number": campaign.draft_number})
    assert not Run.objects.exists()


def test_nothing_is_launched_while_the_provider_is_out_of_reach(at_acme: Retailer, ana: Client, settings: Any) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    factories.customers(1)
    campaign = factories.campaign()
    refused = ana.post(f"/admin/campaigns/campaign/{campaign.pk}/launch/", {"draft_number": campaign.draft_number})
    assert "Nothing was launched" in said(refused)
    assert not Run.objects.exists()


def test_what_was_confirmed_is_what_is_launched(at_acme: Retailer, ana: Client, outbox: MemoryChannel) -> None:
    factories.customers(1)
    campaign = factories.campaign()
    configuration.save_draft(factories.config(name="Changed since"), campaign=campaign)
    refused = ana.post(f"/admin/campaigns/campaign/{campaign.pk}/launch/", {"draft_number": 1})
    assert "Nothing was started" in said(refused)
    assert not Run.objects.exists()


def test_run_is_paused_resumed_and_cancelled_from_its_page(
    at_acme: Retailer, ana: Client, outbox: MemoryChannel
) -> None:
    factories.customers(2)
    campaign = factories.campaign()
    ana.post(f"/admin/campaigns/campaign/{campaign.pk}/launch/", {"draft_number": campaign.draft_number})
    run = Run.objects.get()
    states = []
    for move in ("pause", "resume", "cancel"):
        ana.post(f"/admin/campaigns/run/{run.pk}/{move}/")
        run.refresh_from_db()
        states.append(run.state)
    assert states == ["paused", "running", "cancelled"]
    refused = ana.post(f"/admin/campaigns/run/{run.pk}/resume/")
    assert "is cancelled; this needs it to be paused" in said(refused)


def test_test_message_goes_to_the_person_who_asks_and_to_no_ledger(
    at_acme: Retailer, ana: Client, outbox: MemoryChannel
) -> None:
    factories.customers(1)
    campaign = factories.campaign()
    ana.post(f"/admin/campaigns/campaign/{campaign.pk}/test/")
    assert [(mail.recipient, mail.subject) for mail in outbox.sent] == [("admin@acme.example", "[Test] Hello Ana")]
    assert not Run.objects.exists()


def test_customer_is_corrected_by_the_rules_of_ingest(at_acme: Retailer, ana: Client) -> None:
    customer = factories.customers(1, attributes={"tier": "gold"})[0]
    path = f"/admin/campaigns/customer/{customer.pk}/change/"
    refused = submit(ana, path, "customer_form", email="not an address")
    assert "email" in refused.context["adminform"].form.errors
    submit(ana, path, "customer_form", email="New@Example.Test", city="Hull")
    customer.refresh_from_db()
    assert (customer.email, customer.city, customer.attributes) == ("new@example.test", "Hull", {"tier": "gold"})


def test_customer_is_erased_from_the_console(at_acme: Retailer, ana: Client) -> None:
    customer = factories.customers(1)[0]
    ana.post(f"/admin/campaigns/customer/{customer.pk}/delete/", {"post": "yes"})
    assert not Customer.objects.exists()


def test_address_is_suppressed_in_the_form_it_is_compared_in(at_acme: Retailer, ana: Client) -> None:
    submit(ana, "/admin/campaigns/suppression/add/", "suppression_form", address=" Someone@Example.Test ")
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.source) == ("someone@example.test", "admin@acme.example")


def test_api_key_is_shown_once_and_works(at_acme: Retailer, ana: Client) -> None:
    shown = submit(ana, "/admin/accounts/apikey/add/", "apikey_form", name="Till", scope="ingest")
    key = shown.context["key"]
    assert ApiKey.objects.filter(prefix=key.split(".")[0]).get().scope == "ingest"
    assert key not in ana.get("/admin/accounts/apikey/").content.decode()


def test_invited_person_chooses_a_password_and_may_not_make_keys(at_acme: Retailer, ana: Client) -> None:
    shown = submit(ana, "/admin/accounts/user/add/", "user_form", email="Ben@acme.example", first_name="Ben")
    link = shown.context["link"]
    ben = Client(headers={"host": "acme.localhost"})
    assert ben.get(link.removeprefix("http://acme.localhost:8000"))["Location"] == "/admin/password_change/"
    chosen = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    assert ben.post("/admin/password_change/", chosen)["Location"] == "/admin/"
    assert ben.get("/admin/campaigns/segment/").status_code == 200
    assert ben.get("/admin/accounts/apikey/").status_code == 403
    assert User.objects.get(email="ben@acme.example").is_staff


def test_recurring_campaign_is_set_up_scheduled_and_taken_off_again(
    at_acme: Retailer, ana: Client, outbox: MemoryChannel
) -> None:
    factories.customers(1)
    campaign = factories.campaign()
    path = f"/admin/campaigns/campaign/{campaign.pk}"
    submit(ana, f"{path}/change/", "campaign_form", when="recurring", rhythm="FREQ=DAILY", at="2031-07-01T09:00")
    campaign.refresh_from_db()
    assert campaign.draft["trigger"] == {"kind": "recurring", "rrule": "FREQ=DAILY", "starts": "2031-07-01T09:00:00"}
    page = " ".join(ana.get(f"{path}/launch/").content.decode().split())
    assert "Schedule: starts every day from 1 July 2031 at 09:00 (Europe/London)" in page
    states = []
    for move in ("publish", "withdraw"):
        ana.post(f"{path}/{move}/", {"draft_number": campaign.draft_number})
        campaign.refresh_from_db()
        states.append(campaign.state)
    assert states == ["scheduled", "cancelled"]


def test_confirmation_tells_whose_message_cannot_be_rendered(at_acme: Retailer, ana: Client) -> None:
    factories.customers(3)
    factories.customers(2, first=4, first_name="")
    factories.template("hello", subject="Hi {{ customer.first_name }}")
    campaign = factories.campaign()
    page = ana.get(f"/admin/campaigns/campaign/{campaign.pk}/launch/").content.decode()
    assert "Of 5 people looked at, 2 would get nothing: no value for customer.first_name. Such as c" in page
