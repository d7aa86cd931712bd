"""Columns: guessed, chosen, remembered; and what the trial says of them."""

from __future__ import annotations

from datetime import datetime

import pytest

from campaigns.importing import jobs, mapping, trial
from campaigns.models import AttributeDefinition, Consent, Customer, Event
from tenants.models import Retailer
from tests.campaigns.importing.bringing import LONDON, given, people, run, upload


@pytest.mark.parametrize(
    ("header", "row", "guessed"),
    [
        ("external_id,email", "1,a@b.example", ["external_id", "email"]),
        ("Kunden-Nr.,E-Mail-Adresse,Vorname,Nachname,Ort", "1,a@b.example,A,B,C",
         ["external_id", "email", "first_name", "last_name", "city"]),
        ("N° client,Courriel,Prénom,Nom,Téléphone", "1,a@b.example,A,B,+331",
         ["", "email", "first_name", "last_name", "phone"]),
        ("ID,Kontakt,Mobil", "1,a@b.example,+49 171 1234567", ["external_id", "email", "phone"]),
        ("id,customer id", "1,2", ["external_id", ""]),
        ("attributes.tier,Shoe size", "gold,41", ["attributes.tier", "attributes.shoe_size"]),
    ],
)  # fmt: skip
def test_columns_are_guessed_by_name_and_by_value(here: Retailer, header: str, row: str, guessed: list[str]) -> None:
    AttributeDefinition.objects.create(name="shoe_size", type="number")
    assert upload(f"{header}\n{row}\n").mapping == guessed


def test_two_columns_for_one_field_are_refused_by_name(here: Retailer) -> None:
    job = upload("id,Mail,E-Mail\n1,a@b.example,c@d.example\n")
    with pytest.raises(mapping.Incomplete) as refused:
        mapping.save(job, ["", "email", "email"], {}, {})
    assert refused.value.problems == [
        "“Mail” and “E-Mail” both go to E-mail: leave one of them out.",
        "Customer number is needed: choose the column that holds it.",
    ]


def test_columns_of_the_same_name_are_told_apart_by_their_place(here: Retailer) -> None:
    job = upload("id,x,x\nc1,Leeds,York\n")
    mapping.save(job, ["external_id", "", "city"], {}, {})
    run(job)
    assert Customer.objects.get().city == "York"


def test_the_mapping_of_the_last_file_with_these_columns_is_remembered(here: Retailer) -> None:
    job = upload("id,where\nc1,Leeds\n")
    mapping.save(job, ["external_id", "city"], {"country": "GB"}, {})
    run(job)
    again = upload("id,where\nc2,York\n")
    assert (again.mapping, again.constants) == (["external_id", "city"], {"country": "GB"})
    assert upload("id,Where\nc2,York\n").mapping == ["external_id", ""]


def test_a_declared_attribute_is_read_as_its_type(here: Retailer) -> None:
    AttributeDefinition.objects.create(name="code", type="text")
    AttributeDefinition.objects.create(name="vip", type="boolean")
    run(upload("id,code,vip\nc1,12,yes\n"))
    assert Customer.objects.get().attributes == {"code": "12", "vip": True}


def test_events_without_a_name_column_take_what_is_the_same_for_all(here: Retailer) -> None:
    run(upload(people(1)))
    job = upload(
        "order id;customer id;date;total\n1;c1;31.12.2025 14:30;1.234,50\n2;c1;01.07.2025;7,5\n", kind="events"
    )
    assert (job.mapping, job.format["dates"], job.format["decimal"]) == (
        ["event_id", "external_id", "occurred_at", "value"], "dmy", ","
    )  # fmt: skip
    with pytest.raises(mapping.Incomplete, match="write it below"):
        jobs.start(job)
    mapping.save(job, job.mapping, {"name": "order", "currency": "gbp"}, {})
    run(job)
    found = list(Event.objects.order_by("event_id").values_list("name", "currency", "value", "occurred_at"))
    assert [(name, currency, float(value)) for name, currency, value, _ in found] == [
        ("order", "GBP", 1234.5), ("order", "GBP", 7.5)
    ]  # fmt: skip
    assert [at for *_, at in found] == [
        datetime(2025, 12, 31, 14, 30, tzinfo=LONDON), datetime(2025, 7, 1, tzinfo=LONDON)
    ]  # fmt: skip


def test_consent_of_a_whole_file_needs_its_proof_and_keeps_it(here: Retailer) -> None:
    job = upload("id,Newsletter\nc1,\n")
    said = {"consent_email": "yes"}
    with pytest.raises(mapping.Incomplete) as refused:
        mapping.save(job, ["external_id", "consent_email"], said, {})
    assert len(refused.value.problems) == 3
    assert "Agreed to e-mail has a column of its own" in refused.value.problems[0]
    mapping.save(
        job, ["external_id", ""], said | {"consent_source": "Till in York", "consent_text": "Yes, mail me"}, {}
    )
    assert trial.attempt(job, given()).fields == ["external_id", "consent_email"]
    run(job)
    proof = Consent.objects.get(customer__external_id="c1")
    assert (proof.channel, proof.is_granted, proof.source, proof.text, proof.by) == (
        "email", True, "Till in York", "Yes, mail me", "Ana"
    )  # fmt: skip
    assert upload("id,Newsletter\nc2,\n").constants == {}


def test_consent_by_column_says_which_file_it_came_from(here: Retailer) -> None:
    run(upload("id,Newsletter\nc1,yes\n", name="spring.csv"))
    assert Consent.objects.get(customer__external_id="c1").source == "import spring.csv"


def test_a_constant_that_cannot_be_stored_is_refused_at_once(here: Retailer) -> None:
    job = upload("id\nc1\n")
    with pytest.raises(mapping.Incomplete, match="Time zone for every row: 'Mars' is not a time zone"):
        mapping.save(job, ["external_id"], {"timezone": "Mars"}, {})


def test_the_trial_answers_as_the_import_will_and_writes_nothing(here: Retailer) -> None:
    run(upload("id,city\nc1,Leeds\nc2,York\n"))
    rows = "c1,Leeds,\nc2,Hull,\nc3,Bath,C3@EXAMPLE.test\nc4,Bath,nonsense\nc5,Bath,worse\n,Bath,\n"
    job = upload(f"id,city,email\n{rows}")
    tried = trial.attempt(job, given())
    assert (Customer.objects.count(), Customer.objects.get(external_id="c2").city) == (2, "York")
    assert tried.is_whole
    assert [(reason.count, reason.number) for reason in tried.reasons] == [(2, 5), (1, 7)]
    assert "'nonsense' is not an e-mail address" in tried.reasons[0].message
    assert tried.fields == ["external_id", "email", "city"]
    assert tried.shown[2].values == ["c3", "c3@example.test", "Bath"]
    assert run(job).counts == tried.counts == {"created": 1, "updated": 1, "unchanged": 1, "rejected": 3}
