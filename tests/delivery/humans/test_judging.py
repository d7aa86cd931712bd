"""People's clicks are told from machines', by labelled traces and by hand-made cases."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.humans import HUMAN, Hit, Seen, agents, judge, networks
from tests.delivery.humans import traces
from tests.delivery.humans.traces import SENT_AT, hit

MESSAGES = 8_000
LEAST = 0.97


@pytest.mark.parametrize("seed", [7, 2026])
def test_clicks_of_people_are_told_from_those_of_machines(seed: int) -> None:
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for who, seen, labels in traces.messages(MESSAGES, seed):
        for one, percent, is_human in zip(seen.hits, judge(seen), labels, strict=True):
            if one.kind == "click":
                counted = percent >= HUMAN
                right[f"{counted}"] += counted == is_human
                wrong[f"{counted} {who}"] += counted != is_human
    taken_for_people = sum(number for which, number in wrong.items() if which.startswith("True"))
    missed = wrong.total() - taken_for_people
    precision, recall = right["True"] / (right["True"] + taken_for_people), right["True"] / (right["True"] + missed)
    assert precision >= LEAST, wrong.most_common(5)
    assert recall >= LEAST, wrong.most_common(5)


def judged(*hits: Hit, links: int = 5) -> list[bool]:
    return [percent >= HUMAN for percent in judge(Seen(SENT_AT, links, hits))]


def test_safe_links_looks_first_and_the_reader_comes_later() -> None:
    looked = [hit("click", 3 + number, traces.CHROME, "40.94.31.0/24", number) for number in range(1, 6)]
    clicked = hit("click", 7200, traces.CHROME, "84.112.7.0/24", 2)
    assert judged(*looked, clicked) == [False] * 5 + [True]


def test_mimecast_finds_the_link_that_nobody_sees() -> None:
    hits = [hit("click", 45 + number, traces.CHROME, "198.51.100.0/24", number) for number in (0, 3)]
    assert judged(*hits) == [False, False]


def test_apple_fetches_for_everybody_and_a_click_is_still_a_click() -> None:
    fetched = hit("open", 120, traces.APPLE, "104.28.30.0/24")
    assert judged(fetched, hit("click", 4000, traces.IPHONE, "84.112.7.0/24", 1)) == [False, True]


def test_gmail_shows_images_when_somebody_looks_and_fetches_ahead_by_another_name() -> None:
    shown = hit("open", 900, traces.GMAIL, traces.GOOGLE)
    assert judged(shown, hit("open", 1, traces.GMAIL_PREFETCH, traces.GOOGLE)) == [True, False]


def test_outlook_opens_for_people_and_prefetches_at_delivery() -> None:
    assert judged(hit("open", 1800, traces.OUTLOOK, "40.94.12.0/24")) == [True]
    assert judged(hit("open", 0.5, traces.CHROME, "40.94.12.0/24")) == [False]


def test_asking_for_the_head_only_is_no_reading() -> None:
    assert judged(hit("click", 5000, traces.CHROME, "84.112.7.0/24", 1, is_head=True)) == [False]


def test_the_second_look_at_what_a_person_clicked_is_a_machine_s() -> None:
    clicked = hit("click", 3000, traces.SAFARI, "84.112.7.0/24", 1)
    assert judged(clicked, hit("click", 3012, traces.CHROME, "168.90.91.0/24", 1)) == [True, False]


@given(st.integers(0, 10_000))
def test_the_order_in_which_hits_become_known_changes_nothing(seed: int) -> None:
    (_, seen, _), random = traces.messages(1, seed)[0], Random(seed)
    places = list(range(len(seen.hits)))
    random.shuffle(places)
    mixed = judge(Seen(seen.sent_at, seen.links, [seen.hits[place] for place in places]))
    assert mixed == [judge(seen)[place] for place in places]


def test_a_hit_before_the_message_was_sent_is_no_person_s() -> None:
    assert judged(hit("click", -1, traces.CHROME, "84.112.7.0/24", 1)) == [False]


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("17.58.1.2", "apple"),
        ("209.222.82.0/24", "gateway"),
        ("40.94.3.1", "mailbox"),
        ("66.249.84.0/24", "mailbox"),
        ("::ffff:17.58.1.2", "apple"),
        ("52.23.1.1", "cloud"),
        ("203.0.113.9", "other"),
        ("nonsense", "other"),
        ("", "other"),
    ],
)
def test_networks_are_known_by_what_their_owners_publish(address: str, whose: str) -> None:
    assert networks.atlas().whose(address) == whose


def test_an_operator_names_more_gateways() -> None:
    assert networks.atlas(("203.0.113.0/24",)).whose("203.0.113.9") == "gateway"
    with pytest.raises(ValueError, match="does not appear"):
        networks.atlas(("our gateway",))


@pytest.mark.parametrize(
    ("said", "agent"),
    [
        (traces.IPHONE, "reader"),
        (traces.OUTLOOK, "reader"),
        (traces.YAHOO, "image proxy"),
        ("curl/8.5", "machine"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "machine"),
        ("BarracudaCentral/1.0", "machine"),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/131.0", "machine"),
        ("  ", "unsaid"),
    ],
)
def test_programs_are_known_by_what_they_say(said: str, agent: str) -> None:
    assert agents.of(said) == agent
