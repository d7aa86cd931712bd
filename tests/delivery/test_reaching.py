"""Addresses of messages, called before a launch: what is there, what is not, and that nothing inside is called."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from campaigns import inspection, policies, reached
from campaigns.config.gate import parse_campaign
from campaigns.models import Reached
from delivery import preflight, reaching
from tenants.models import Retailer
from tests import factories
from tests.channels.servers import Asked, serving

IMAGE = b"x" * 900_000


@contextmanager
def shop(**answers: tuple[int, bytes]) -> Iterator[tuple[str, list[Asked]]]:
    asked: list[Asked] = []

    def answer(request: Asked) -> tuple[int, bytes]:
        asked.append(request)
        return answers.get(request.path.strip("/"), (404, b""))

    with serving(answer) as url:
        yield url, asked


def look_up(images: set[str], links: set[str], now: datetime | None = None) -> dict[str, Reached]:
    reaching.look_up(images, links, now=now or timezone.now(), allow_private=True)
    return {row.url.rpartition("/")[2]: row for row in Reached.objects.all()}


def test_what_is_there_is_weighed_and_what_is_gone_is_told(at_acme: Retailer) -> None:
    with shop(tea=(200, IMAGE), page=(200, b"ok"), closed=(403, b"")) as (url, _):
        found = look_up({f"{url}/tea", f"{url}/gone.png"}, {f"{url}/page", f"{url}/nowhere", f"{url}/closed"})

    assert (found["tea"].bytes, found["tea"].problem) == (len(IMAGE), "")
    assert (found["gone.png"].problem, found["nowhere"].problem) == ("answers 404", "answers 404")
    assert (found["page"].problem, found["closed"].problem) == ("", "")
    assert all(row.is_known for row in found.values())


def test_nothing_is_called_twice_within_a_day_and_again_later(at_acme: Retailer) -> None:
    now = timezone.now()
    with shop(page=(200, b"")) as (url, asked):
        look_up(set(), {f"{url}/page"}, now)
        look_up(set(), {f"{url}/page"}, now + timedelta(hours=20))
        assert len(asked) == 1
        look_up(set(), {f"{url}/page"}, now + timedelta(hours=30))
        assert len(asked) == 2


def test_nothing_inside_is_called(at_acme: Retailer) -> None:
    with shop(page=(200, b"")) as (url, asked):
        inside = {
            url.replace("http:", "https:") + "/page",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
        }
        reaching.look_up(inside, {f"{url}/page", "https://localhost/admin/"}, now=timezone.now())

    assert asked == []
    assert not Reached.objects.filter(is_known=True).exists()


def test_who_does_not_answer_costs_a_bounded_time_and_is_not_known(
    at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(request: Asked) -> tuple[int, bytes]:
        time.sleep(reaching.SECONDS + 2)
        return 200, b""

    with serving(slow) as url:
        begun = time.monotonic()
        found = look_up({f"{url}/{n}.png" for n in range(20)}, set())
        took = time.monotonic() - begun

    assert took < reaching.SECONDS + 1.5
    assert len(found) == 20
    assert not any(row.is_known for row in found.values())


def test_the_checks_before_launch_tell_what_was_learnt(at_acme: Retailer) -> None:
    tea, gone, slow = (f"https://shop.acme-foods.com/{name}.png" for name in ("tea", "gone", "slow"))
    dead = "https://shop.acme-foods.com/sale"
    pictures = "".join(f'<img alt="Tea" src="{url}">' for url in (tea, gone, slow))
    html = f'<html><body>{pictures}<a href="{dead}">Sale</a><p>{"words " * 30}</p>{factories.OUT}</body></html>'
    factories.template(html=html)
    campaign = factories.campaign()
    matter = inspection.matter(parse_campaign(campaign.draft))
    assert inspection.addresses(matter) == ({tea, gone, slow}, {dead})
    before = {told.finding.rule for told in inspection.look(matter, policies.effective(at_acme))}
    assert not before & {"image_weight", "broken_links"}, "nothing is said of what nobody has looked at"

    answers = [
        reached.Answer(tea, True, size=900_000),
        reached.Answer(gone, True, "answers 404"),
        reached.Answer(slow, False),
        reached.Answer(dead, True, "answers 410"),
    ]
    reached.note(answers, now=timezone.now())

    found = [told.finding for told in inspection.look(matter, policies.effective(at_acme))]
    broken = sorted(each.message for each in found if each.rule == "broken_links")
    assert broken == [f"the image {gone} answers 404", f"the link {dead} answers 410"]
    weighed = [each for each in found if each.rule == "image_weight"]
    assert ["its images weigh 878 KB" in each.message for each in weighed] == [True]
    reached.note([reached.Answer(tea, True, size=1000)], now=timezone.now())
    [unknown] = [
        t.finding for t in inspection.look(matter, policies.effective(at_acme)) if t.finding.rule == "image_weight"
    ]
    assert (unknown.severity, "1 of its images" in unknown.message) == ("hint", True)


def test_a_pre_flight_calls_nobody_that_cannot_exist(at_acme: Retailer) -> None:
    factories.template(html=f'<html><body><a href="https://shop.example/x">Go</a>{factories.OUT}</body></html>')
    factories.customers(1)
    preflight.make(factories.campaign(), now=timezone.now())
    assert not Reached.objects.exists()
