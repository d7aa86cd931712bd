"""Addresses of messages, called before a launch: what is there, what is not, and that nothing inside is called."""

from __future__ import annotations

import html
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from campaigns import content, inspection, policies, reached
from campaigns.config.gate import parse_campaign
from campaigns.models import Campaign, Reached, Run
from delivery import preflight, reaching
from delivery.channels.memory import MemoryChannel
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api
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
    page = f'<html><body>{pictures}<a href="{dead}">Sale</a><p>{"words " * 30}</p>{factories.OUT}</body></html>'
    factories.template(html=page)
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


# Its host is inside, so that the call is refused at once, and put down as one of which nothing was learnt.
SALE = "https://127.0.0.1:9/sale"


@pytest.fixture
def sale(at_acme: Retailer) -> Campaign:
    factories.template(html=f'<html><body><a href="{SALE}">Sale</a><p>Now</p>{factories.OUT}</body></html>')
    factories.customers(1)
    content.brand()
    return factories.campaign()


Door = Callable[[], tuple[bool, str]]


@pytest.fixture
def doors(
    sale: Campaign, acme: Retailer, outbox: MemoryChannel, marketer: Callable[[Retailer], Client],
    api_key: Callable[..., str]
) -> dict[str, Door]:  # fmt: skip
    """Each takes the draft a step towards its messages, and tells whether it was let, and what was said."""
    api, page = Api(acme, api_key(acme)), f"/admin/campaigns/campaign/{sale.pk}"

    def by_api(step: str) -> tuple[bool, str]:
        answer = api.post(f"campaigns/welcome/{step}/")
        return answer.status_code < 400, answer.content.decode()

    def by_console(step: str) -> tuple[bool, str]:
        sale.refresh_from_db()
        answer = marketer(acme).post(f"{page}/{step}/", {"draft_number": str(sale.draft_number)})
        said = " ".join(str(each) for each in get_messages(answer.wsgi_request))
        return "Nothing was" not in said, said

    def by_command() -> tuple[bool, str]:
        try:
            call_command("launch", "acme", "welcome", stdout=io.StringIO())
        except CommandError as refusal:
            return False, str(refusal)
        return True, ""

    steps = ("submit", "publish", "launch")
    made: dict[str, Door] = {f"api {step}": partial(by_api, step) for step in steps}
    return made | {f"console {step}": partial(by_console, step) for step in steps} | {"command": by_command}


DOORS = ["api submit", "api publish", "api launch", "console submit", "console publish", "console launch", "command"]
MUST_LEAD_SOMEWHERE: dict[str, Any] = {"checks": {"broken_links": "error"}}


def test_every_door_is_there(doors: dict[str, Door]) -> None:
    assert sorted(doors) == sorted(DOORS)


@pytest.mark.parametrize("door", DOORS)
def test_every_door_calls_the_addresses_where_the_policy_makes_an_error_of_them(
    door: str, doors: dict[str, Door], at_acme: Retailer
) -> None:
    policies.save(at_acme, policy=MUST_LEAD_SOMEWHERE)
    assert doors[door]()[0]
    assert [(row.url, row.is_known) for row in Reached.objects.all()] == [(SALE, False)]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_what_leads_nowhere(door: str, doors: dict[str, Door], at_acme: Retailer) -> None:
    policies.save(at_acme, policy=MUST_LEAD_SOMEWHERE)
    reached.note([reached.Answer(SALE, True, "answers 410")], now=timezone.now())
    let, said = doors[door]()
    assert not let
    assert f"the link {SALE} answers 410" in html.unescape(said)
    assert not Run.objects.exists()


@pytest.mark.parametrize("door", DOORS)
def test_nobody_is_called_by_a_door_that_would_not_be_kept_from_it(door: str, doors: dict[str, Door]) -> None:
    assert doors[door]()[0]
    assert not Reached.objects.exists()
