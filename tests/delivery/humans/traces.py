"""What people and machines do to a message, made up from what is told of them, each hit labelled.

People: most open hours later and click one link seconds after; some read at once, some have no images, some open three
links in tabs, some sit behind a gateway that looks first, some read through Gmail's, Yahoo's or Apple's proxies, some
through a company's cloud exit.

Machines: Safe Links detonates from Microsoft's addresses; Mimecast and Proofpoint follow every link, the hidden one as
well; Barracuda follows the first only; nameless appliances follow all of them from anywhere, by a browser's name;
checkers ask for HEAD; some look again at what a person clicked; previews come when a link is shared. A few do one thing
only, as a person would: those cannot be told apart, and stay in on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from delivery.humans import Hit, Seen, agents, networks

SENT_AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
PIXEL = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36"
)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15"
OUTLOOK = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; ms-office; MSOffice 16)"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
APPLE = "Mozilla/5.0"
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
PEOPLES = (IPHONE, PIXEL, CHROME, SAFARI)
AT_HOME, MICROSOFT, GOOGLE = "84.112.{}.0/24", "40.94.{}.0/24", "66.249.84.0/24"
MIMECAST, BARRACUDA, PROOFPOINT, AMAZON, RELAY = (
    "170.10.128.0/24",
    "209.222.82.0/24",
    "67.231.150.0/24",
    "54.210.{}.0/24",
    "104.28.{}.0/24",
)


@dataclass(frozen=True)
class Told:
    """A hit, and who it was."""

    hit: Hit
    is_human: bool


def hit(
    kind: Literal["open", "click"],
    after: float,
    user_agent: str,
    network: str,
    link: int | None = None,
    *,
    is_head: bool = False,
) -> Hit:
    whose = networks.atlas().whose(network)
    made_by, system = agents.of(user_agent), agents.system(user_agent)
    at = SENT_AT + timedelta(seconds=after)
    return Hit(kind, at, made_by, whose, system, network, link, is_head)


class Maker:
    """Makes what happens to one message with `links` links."""

    def __init__(self, random: Random, links: int) -> None:
        self.random, self.links = random, links

    def somewhere(self, network: str) -> str:
        return network.format(self.random.randrange(250))

    def later(self) -> float:
        """Seconds until somebody reads: half within two hours, a few within a minute."""
        return 9 + self.random.lognormvariate(8.8, 1.6)

    def one(self) -> int:
        return self.random.randint(1, self.links)

    # -- people --------------------------------------------------------------------------------------------------------
    def reader(self) -> list[Told]:
        return self._read(self.later(), self.random.choice(PEOPLES), AT_HOME)

    def reader_at_once(self) -> list[Told]:
        return self._read(self.random.uniform(10, 40), self.random.choice(PEOPLES), AT_HOME)

    def without_images(self) -> list[Told]:
        agent, home = self.random.choice(PEOPLES), self.somewhere(AT_HOME)
        return [Told(hit("click", self.later(), agent, home, self.one()), True)]

    def opener_of_tabs(self) -> list[Told]:
        begun, home = self.later(), self.somewhere(AT_HOME)
        links = self.random.sample(range(1, self.links + 1), min(3, self.links))
        told = [Told(hit("open", begun, CHROME, home), True)]
        for link in links:
            begun += self.random.uniform(1.7, 6)
            told.append(Told(hit("click", begun, CHROME, home, link), True))
        return told

    def by_gmail(self) -> list[Told]:
        begun, home = self.later(), self.somewhere(AT_HOME)
        agent = self.random.choice(PEOPLES)
        looked = [Told(hit("open", self.random.uniform(0.5, 3), GMAIL_PREFETCH, GOOGLE), False)]
        looked = looked if self.random.random() < 0.3 else []
        return [
            *looked,
            Told(hit("open", begun, GMAIL, GOOGLE), True),
            Told(hit("click", begun + self.random.uniform(3, 60), agent, home, self.one()), True),
        ]

    def by_yahoo(self) -> list[Told]:
        begun, home = self.later(), self.somewhere(AT_HOME)
        clicked = hit("click", begun + self.random.uniform(3, 60), self.random.choice(PEOPLES), home, self.one())
        return [Told(hit("open", begun, YAHOO, "74.6.128.0/24"), True), Told(clicked, True)]

    def by_apple(self) -> list[Told]:
        begun, home = self.later(), self.somewhere(AT_HOME)
        return [
            Told(hit("open", self.random.uniform(5, 4000), APPLE, self.somewhere(RELAY)), False),
            Told(hit("click", begun, self.random.choice((IPHONE, SAFARI)), home, self.one()), True),
        ]

    def behind_safelinks(self) -> list[Told]:
        return [*self.safelinks(), *self._read(600 + self.later(), OUTLOOK, AT_HOME, CHROME)]

    def from_a_cloud(self) -> list[Told]:
        """A company's exit, or a private network."""
        return self._read(self.later(), CHROME, AMAZON)

    def _read(self, begun: float, agent: str, network: str, browser: str = "") -> list[Told]:
        place = self.somewhere(network)
        clicked = begun + self.random.uniform(2.5, 60)
        told = [Told(hit("open", begun, agent, place), True)]
        told.append(Told(hit("click", clicked, browser or agent, place, self.one()), True))
        if self.random.random() < 0.2:
            told.append(
                Told(hit("click", clicked + self.random.uniform(8, 300), browser or agent, place, self.one()), True)
            )
        return told

    # -- machines ------------------------------------------------------------------------------------------------------
    def safelinks(self) -> list[Told]:
        begun = self.random.uniform(1, 90)
        return [
            Told(hit("click", begun + self.random.uniform(0, 20), CHROME, self.somewhere(MICROSOFT), link), False)
            for link in range(1, self.links + 1)
        ]

    def mimecast(self) -> list[Told]:
        return self._sweep(self.random.uniform(5, 60), CHROME, MIMECAST, 4.0, honeypot=True)

    def proofpoint(self) -> list[Told]:
        return self._sweep(self.random.uniform(30, 900), CHROME, PROOFPOINT, 20.0, honeypot=True)

    def proofpoint_from_a_cloud(self) -> list[Told]:
        return self._sweep(self.random.uniform(30, 900), CHROME, AMAZON, 10.0, honeypot=True)

    def barracuda(self) -> list[Told]:
        return [Told(hit("click", self.random.uniform(1, 30), CHROME, BARRACUDA, 1), False)]

    def appliance(self) -> list[Told]:
        agent = self.random.choice((CHROME, SAFARI))
        return self._sweep(self.random.uniform(2, 600), agent, AT_HOME, 3.0, honeypot=False)

    def checker(self) -> list[Told]:
        place, begun = self.somewhere(AMAZON), self.random.uniform(1, 120)
        links = range(1, self.links + 1)
        return [Told(hit("click", begun + link * 0.2, CHROME, place, link, is_head=True), False) for link in links]

    def follower(self) -> list[Told]:
        """Looks at what a person has just clicked."""
        told = self._read(self.later(), self.random.choice((IPHONE, SAFARI, PIXEL)), AT_HOME)
        clicked = told[1].hit
        after = (clicked.at - SENT_AT).total_seconds() + self.random.uniform(4, 30)
        return [*told, Told(hit("click", after, CHROME, self.somewhere("168.90.{}.0/24"), clicked.link), False)]

    def preview(self) -> list[Told]:
        agent = self.random.choice(
            ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "WhatsApp/2.24 preview")
        )
        return [Told(hit("click", self.later(), agent, self.somewhere(AMAZON), self.one()), False)]

    def script(self) -> list[Told]:
        return self._sweep(self.random.uniform(1, 3000), "python-requests/2.32", AMAZON, 30.0, honeypot=False)

    def like_a_person(self) -> list[Told]:
        """One link, some time after, from anywhere, by a browser's name."""
        return [Told(hit("click", self.random.uniform(40, 600), CHROME, self.somewhere(AT_HOME), self.one()), False)]

    def _sweep(self, begun: float, agent: str, network: str, over: float, *, honeypot: bool) -> list[Told]:
        place = self.somewhere(network)
        links = [*range(1, self.links + 1), *([0] if honeypot else [])]
        self.random.shuffle(links)
        return [Told(hit("click", begun + self.random.uniform(0, over), agent, place, link), False) for link in links]


Kind = Callable[[Maker], list[Told]]
PEOPLE: dict[Kind, int] = {
    Maker.reader: 30,
    Maker.reader_at_once: 6,
    Maker.without_images: 8,
    Maker.opener_of_tabs: 5,
    Maker.by_gmail: 16,
    Maker.by_yahoo: 4,
    Maker.by_apple: 12,
    Maker.behind_safelinks: 6,
    Maker.from_a_cloud: 3,
}
MACHINES: dict[Kind, int] = {
    Maker.safelinks: 10,
    Maker.mimecast: 4,
    Maker.proofpoint: 4,
    Maker.proofpoint_from_a_cloud: 2,
    Maker.barracuda: 4,
    Maker.appliance: 6,
    Maker.checker: 2,
    Maker.follower: 3,
    Maker.preview: 2,
    Maker.script: 2,
    Maker.like_a_person: 1,
}


def messages(number: int, seed: int) -> list[tuple[str, Seen, list[bool]]]:
    """Who it was, the message as seen, and for each hit whether a person did it."""
    random = Random(seed)
    kinds = PEOPLE | MACHINES
    made = []
    for kind in random.choices(list(kinds), weights=list(kinds.values()), k=number):
        links = random.randint(3, 12)
        told = kind(Maker(random, links))
        random.shuffle(told)  # the order that they become known in says nothing
        made.append(
            (kind.__name__, Seen(SENT_AT, links, [each.hit for each in told]), [each.is_human for each in told])
        )
    return made
