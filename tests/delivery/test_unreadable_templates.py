"""A template published under other rules pauses its run with the reason; nobody is lost, nobody is written to twice."""

from __future__ import annotations

import pytest
from django.utils import timezone

from campaigns import configuration, content, policies
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run, Template
from delivery import pipeline, reports, tallies, vitals
from delivery.channels.memory import MemoryChannel
from tenants import acting
from tenants.models import AgendaItem, Retailer
from tests import factories

REFUSED = {
    "parsed": (
        "html",
        f"<p>{{% include 'footer' %}}</p>{factories.OUT}",
        "the html cannot be read any more: line 1, column ",
    ),
    "written": (
        "html",
        f"<p>\n<script>{{{{ brand.name }}}}</script></p>{factories.OUT}",
        "the html cannot be read any more: line 2, column ",
    ),
    "subject": ("subject", "{{ customer.first_name", "the subject cannot be read any more: line 1, column "),
    "text": ("text", "{% macro a() %}{% endmacro %}", "the text cannot be read any more: line 1, column "),
}


def publish_under_other_rules(part: str, source: str) -> Template:
    """A live version as an earlier language may have left it: no door lets it in any more."""
    template = Template.objects.select_related("live").get(key="hello")
    assert template.live
    live = {name: getattr(template.live, name) for name in ("subject", "html", "text")} | {part: source}
    version = template.versions.create(number=9, content_hash="9" * 64, **live)
    template.live = version
    template.save()
    return template


def launched() -> Run:
    return configuration.launch(Campaign.objects.first() or factories.campaign(), by="test", now=timezone.now())


def work_off(run: Run) -> reports.Report:
    pipeline.work(seconds=30)
    run.refresh_from_db()
    return reports.report(run)


@pytest.mark.parametrize("kind", REFUSED)
def test_the_run_pauses_with_the_place_and_the_cure_and_goes_on_when_it_is_published_anew(
    kind: str, at_acme: Retailer, outbox: MemoryChannel
) -> None:
    part, source, said = REFUSED[kind]
    factories.customers(520)
    run = launched()
    template = publish_under_other_rules(part, source)
    report = work_off(run)
    assert (report.run.state, report.states) == (Run.State.PAUSED, {"queued": 520})
    assert said in report.run.reason
    assert report.run.reason.startswith("Template 'hello'")
    assert report.run.reason.endswith("publish it, then resume the run.")
    counted = (tallies.AGENDA_KIND, vitals.AGENDA_KIND)  # what comes back of it all the same, and how all fare
    left = AgendaItem.objects.exclude(kind__in=counted)
    assert not left.exists()  # nothing is tried again meanwhile

    configuration.resume(run)
    assert work_off(run).run.state == Run.State.PAUSED  # as long as it is not corrected
    content.publish(template)
    configuration.resume(run)
    report = work_off(run)
    assert (report.run.state, report.states) == (Run.State.COMPLETED, {"accepted": 520})
    assert len({mail.key for mail in outbox.sent}) == len(outbox.sent) == 520


def test_a_template_that_is_not_published_any_more_pauses_the_run_too(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(3)
    run = launched()
    Template.objects.update(live=None)
    report = work_off(run)
    assert (report.run.state, report.states) == (Run.State.PAUSED, {"queued": 3})
    assert "no published content" in report.run.reason


def test_a_policy_that_looks_into_what_cannot_be_read_pauses_the_run_and_resuming_says_why(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(3)
    run = launched()
    template = publish_under_other_rules("html", "<p>{% include 'footer' %}</p>")
    with acting.acting("Ana", "user:1", "console"):
        policies.save(at_acme, policy={"footer": ["unsubscribe_url"]})
    report = work_off(run)
    assert report.run.state == Run.State.PAUSED
    assert "cannot be read any more" in report.run.reason
    with pytest.raises(NotAllowed, match="cannot be read any more"):
        configuration.resume(run)
    content.publish(template)
    configuration.resume(run)
    assert work_off(run).states == {"accepted": 3}
