"""What rules look at, and what they find. Plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from campaigns.config.check_names import CheckName, Severity
from campaigns.config.voice import Voice
from campaigns.linting.page import Page, mask


@dataclass(frozen=True)
class Lack:
    """A variable that some of the audience lack: `people` of `audience`. `default` is what they read, None: nothing."""

    variable: str
    people: int
    audience: int
    default: str | None
    field: str = "html"
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Sample:
    """One message, as it is published and as several people would get it.

    `subject`, `preheader`, `html` and `text` are sources. `rendered` are dicts with `subject`, `html` and `text`; their
    html comes from `page.marked(html)`, so that what is found in it can be told by line. `ours` are the addresses of
    the links to unsubscribe, to preferences and to see it in a browser, as they were rendered. `image_bytes` tells
    what is known of images,
    `unreachable` which addresses answer that there is nothing, and how, `unanswered` those of which nothing was learnt,
    `left_out` what a layer says that does not count: the field, whose word it is, and why.
    """

    channel: str = "email"
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    rendered: Sequence[Mapping[str, str]] = ()
    content: Mapping[str, str] = field(default_factory=dict)
    voice: Voice = field(default_factory=Voice)
    topic: str = ""
    postal_address: str = ""
    ours: Sequence[str] = ()
    lacks: Sequence[Lack] = ()
    image_bytes: Mapping[str, int] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)
    unanswered: frozenset[str] = frozenset()
    segments: int | None = None
    left_out: Sequence[tuple[str, str, str]] = ()

    @cached_property
    def source(self) -> Page:
        """The HTML as it is written, template tags and all."""
        return Page(mask(self.html, is_marked=True))

    @cached_property
    def pages(self) -> list[Page]:
        """The HTML as people get it; as it is written, where nobody's could be rendered."""
        distinct = dict.fromkeys(each.get("html", "") for each in self.rendered)
        return [Page(html) for html in distinct] or [self.source]

    @cached_property
    def subjects(self) -> list[str]:
        return list(dict.fromkeys(each.get("subject", "") for each in self.rendered)) or [self.subject]

    @cached_property
    def texts(self) -> list[str]:
        return list(dict.fromkeys(each.get("text", "") for each in self.rendered)) or [self.text]


@dataclass(frozen=True)
class Found:
    """What a rule tells. `severity` is for what weighs less than the rule does; positions count from 1."""

    message: str
    cure: str
    field: str = "html"
    line: int | None = None
    column: int | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Finding:
    """What is told to a person. An error keeps the campaign from being published."""

    rule: CheckName
    severity: Severity
    message: str
    cure: str
    field: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{where}{self.message}: {self.cure}"
