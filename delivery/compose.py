"""A batch's entries into rendered messages: what they share is looked up once, what differs is filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns import attachments, content, editions, inspection, language, layering, policies, recommendations
from campaigns.config.campaign import Step, Variant
from campaigns.config.gate import Problem
from campaigns.config.policy import Policy
from campaigns.config.texting import Texting
from campaigns.editions import Published
from campaigns.models import Brand, Run
from delivery import identity, overtime, rendering, tracking
from delivery.batches import Entry, Verdict
from delivery.channelled import Speaker
from delivery.channels.base import Attached, Channel, Envelope, Outbound
from delivery.models import Message
from delivery.tracking import Tracker
from tenants import addresses
from tenants.models import Retailer


class TemplateUnusable(LookupError):
    """The step's template has no published content any more, or none that can be read; the message says the cure."""


IN_A_ROW = 3  # messages that took too long, after which the template is to blame and not the people
_NOTHING: tuple[None, None] = (None, None)
Voice = tuple[rendering.Renderer, Mapping[str, Any]]  # what renders a message, and the values of its `content.*`


@dataclass(slots=True)
class Slow:
    """How many messages in a row took too long, up to the last."""

    in_a_row: int = 0

    @property
    def is_hopeless(self) -> bool:
        return self.in_a_row >= IN_A_ROW


@dataclass(frozen=True)
class Composer:
    """Renders the messages of one run's step. Look it up once per batch: an edit is live in the next one.

    `voices` are the template's by variant and language: those of other languages are made when the first person who
    is written to in one comes up.
    """

    envelope: Envelope
    template: str
    published: Published
    version_id: int
    shared: dict[str, Any]
    variants: Mapping[str, Variant]
    voices: dict[tuple[str, str], Voice]
    base_url: str
    signer: identity.Signer
    name: identity.PublicIds
    picks: recommendations.Picks | None = None  # of every customer of the batch, where the template shows products
    speakers: Mapping[str, Speaker] = field(default_factory=dict)  # by variant, of every channel but e-mail
    tracker: Tracker | None = None
    slow: Slow = field(default_factory=Slow)
    ready: dict[int, tuple[Entry, Outbound | Verdict]] = field(default_factory=dict)  # made ahead, by message

    def compose(self, entries: Sequence[Entry]) -> tuple[list[Outbound], list[Verdict]]:
        """Rendered messages, and verdicts on those that cannot be rendered, or not in time.

        It ends early once it is hopeless: each more would cost a second or two.
        """
        outbound: list[Outbound] = []
        failures: list[Verdict] = []
        with overtime.watched() as watch:
            for entry in entries:
                known, made = self.ready.pop(entry.message_id, _NOTHING)
                if known is not entry or made is None:
                    made = self._made(entry, watch)
                if isinstance(made, Outbound):
                    outbound.append(made)
                    continue
                failures.append(made)
                if self.slow.is_hopeless:
                    break
        return outbound, failures

    @contextmanager
    def ahead(self, entries: Sequence[Entry], channel: Channel) -> Iterator[None]:
        """Inside, these are composed one by one, where the channel says that its provider is at work on another.

        What goes wrong is left for their own turn, when nothing is on its way: so is one after a slow one.
        """
        left = iter(entries)
        with overtime.watched() as watch:

            def compose_one() -> None:
                entry = None if self.slow.in_a_row else next(left, None)
                if entry:
                    with suppress(Exception):  # whatever it is, it is met again
                        self.ready[entry.message_id] = entry, self._made(entry, watch)
                    watch.on = None

            channel.meanwhile = compose_one
            try:
                yield
            finally:
                channel.meanwhile = None

    def check_pace(self) -> None:
        """Raises TemplateUnusable where it is hopeless to go on."""
        if self.slow.is_hopeless:
            told = f"Template {self.template!r} takes longer than {overtime.TICK:g} s for one message after the other"
            raise TemplateUnusable(f"{told}: write it simpler and publish it, then resume the run.")

    @property
    def template_hash(self) -> str:
        return self.published.content_hash

    def _failed(self, entry: Entry, error: str) -> Verdict:
        return Verdict(
            entry.message_id,
            Message.State.FAILED,
            f"render: {error}",
            template_hash=self.template_hash,
            version_id=self.version_id,
        )

    def _made(self, entry: Entry, watch: overtime.Watch) -> Outbound | Verdict:
        """The message, or why there is none."""
        try:
            watch.on = entry.message_id
            made = self._compose(entry)
            watch.on = None
        except rendering.RenderError as trouble:
            watch.on = None
            return self._failed(entry, str(trouble))
        except overtime.TookTooLong as trouble:
            watch.on = None
            self.slow.in_a_row += 1
            return self._failed(entry, str(trouble))
        self.slow.in_a_row = 0
        return made

    def _compose(self, entry: Entry) -> Outbound:
        if self.speakers:
            return self._said(entry)
        tokens = self.signer.tokens(entry.message_id)
        unsubscribe_url = f"{self.base_url}/u/{tokens.message}"
        renderer, values = self._voice(entry)
        rendered = renderer.render(
            self.shared
            | {
                "customer": _known(entry),
                "content": values,
                "unsubscribe_url": language.trusted(unsubscribe_url),
                "preferences_url": language.trusted(f"{self.base_url}/p/{tokens.message}"),
                "view_url": language.trusted(f"{self.base_url}/v/{tokens.view}"),
                **self._products(entry),
            }
        )
        html = self.tracker.fill(rendered.html, tokens, entry.customer_id) if self.tracker else rendered.html
        if self.published.is_locked and len(html) > layering.CLIPPED:
            raise rendering.RenderError(f"larger than {layering.CLIPPED // 1024} KB: its locked end would be cut off")
        return Outbound(
            key=self.name(entry.message_id),
            recipient=entry.address,
            subject=rendered.subject,
            html=html,
            text=rendered.text,
            headers={
                "List-Unsubscribe": f"<{unsubscribe_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )

    def _said(self, entry: Entry) -> Outbound:
        """By another channel than e-mail: nothing in it leads to the unsubscription from e-mails."""
        values = {"customer": _known(entry), "content": self.variants[entry.variant].content, **self._products(entry)}
        said = self.speakers[entry.variant].render(self.shared | values, address=entry.address)
        return Outbound(self.name(entry.message_id), entry.address, content=said)

    def _products(self, entry: Entry) -> dict[str, Any]:
        return {"products": self.picks.for_customer(entry.customer_id)} if self.picks else {}

    def _voice(self, entry: Entry) -> Voice:
        locale = self.published.locale(entry.person.get("locale") or "") if self.published.locales else ""
        found = self.voices.get((entry.variant, locale))
        if found is None:
            try:
                found = _voice(self.template, self.published, self.variants[entry.variant], locale, self.tracker)
            except TemplateUnusable as unusable:  # in this language: the others go on
                raise rendering.RenderError(str(unusable)) from None
            self.voices[entry.variant, locale] = found
        return found


def composer(
    run: Run,
    step_key: str,
    retailer: Retailer,
    entries: Sequence[Entry],
    *,
    now: datetime,
    policy: Policy | None = None,
) -> Composer:
    """Everything that a step's messages share, read now; of the run, as it was just read. `policy` is the one in force,
    for a caller who has just read it.

    Raises TemplateUnusable, also for content in which the checks before launch find what must be right: it may have
    been published since. `entries` are all that may be composed with it: what is looked up about their people is
    looked up once.
    """
    config = run.version.parsed()
    step = config.step(step_key)
    try:
        published = editions.live(step.template, retailer)
    except editions.Unpublished as unpublished:
        raise TemplateUnusable(f"{unpublished} Then resume the run.") from None
    editions.remember(published)
    brand, is_mail, base_url = content.brand(), step.channel == "email", addresses.links_url(retailer)
    policy = policy or policies.effective(retailer)
    seen = inspection.around(config.key, config.name, config.topic, brand=brand, base_url=base_url)
    if problems := content.attached(published, policy) or _unfit(step, published, seen, policy):
        told = "; ".join(problem.message for problem in problems)
        raise TemplateUnusable(f"A check found what must be right: {told}. Then resume the run."[:500])
    variants = {variant.key: variant for variant in step.variants}
    people = [entry.customer_id for entry in entries]
    counted = tracking.tracker(retailer, config, step, base_url=base_url, policy=policy, website=brand.website)
    tracker = counted.sparing(people) if is_mail else None
    return Composer(
        envelope=envelope(published, brand),
        template=step.template,
        published=published,
        version_id=run.version_id,
        shared=_shared(retailer, brand, run),
        variants=variants,
        voices={
            (key, ""): _voice(step.template, published, each, "", tracker) for key, each in variants.items() if is_mail
        },
        speakers={} if is_mail else _speakers(step.template, published, variants, brand),
        picks=_picks(run, entries, now) if published.mentions("products", step.variants) else None,
        base_url=base_url,
        signer=identity.Signer(retailer),
        tracker=tracker,
        name=identity.public_ids(retailer),
    )


def _unfit(step: Step, published: Published, seen: inspection.Around, policy: Policy) -> list[Problem]:
    """The checks render too, and are ended as a message is. Raises TemplateUnusable."""
    with overtime.watched(overtime.LOOK) as watch:
        try:
            watch.on = 0
            found = inspection.unfit(step, published, seen, policy)
            watch.on = None
        except overtime.TookTooLong as slow:
            watch.on = None
            told = f"Template {step.template!r} cannot be looked at before it is sent: {slow}."
            raise TemplateUnusable(f"{told} Then resume the run.") from None
    return found


def _picks(run: Run, entries: Sequence[Entry], now: datetime) -> recommendations.Picks:
    return recommendations.pick([entry.customer_id for entry in entries], run=run, now=now)


def envelope(published: Published, brand: Brand) -> Envelope:
    """Whom a message is from: the template says so, else the brand; and the files that go along with it.

    Raises TemplateUnusable where one of them is gone.
    """
    said = published.version.document
    from_email = said.get("from_email") or brand.from_email
    reply_to = said.get("reply_to") or brand.reply_to
    along = _along(published) if published.version.compiled.get("attachments") else ()
    return Envelope(from_email, said.get("from_name") or brand.from_name, from_email, reply_to, along)


def _along(published: Published) -> tuple[Attached, ...]:
    try:
        files = attachments.read(published.version.compiled["attachments"])
    except attachments.Gone as gone:
        raise TemplateUnusable(f"{gone}. Then resume the run.") from None
    return tuple(Attached(file.name, file.mime, file.content) for file in files)


def _voice(template: str, published: Published, variant: Variant, locale: str, tracker: Tracker | None = None) -> Voice:
    said = published.sources(variant, locale)
    try:
        html = tracker.wire(published, variant, said.html, locale) if tracker else said.html
        return rendering.renderer(rendering.Content(said.subject, html, said.text)), said.content
    except (rendering.Unreadable, language.Mistaken) as unreadable:
        where = f"Template {template!r} with variant {variant.key!r}" + (f" in {locale}" if locale else "")
        raise TemplateUnusable(f"{where}: {unreadable}. Correct and publish it, then resume the run.") from unreadable


def _speakers(key: str, published: Published, variants: Mapping[str, Variant], brand: Brand) -> dict[str, Speaker]:
    texting = content.texting(brand)
    return {name: _speaker(key, published, variant, texting) for name, variant in variants.items()}


def _speaker(key: str, published: Published, variant: Variant, texting: Texting) -> Speaker:
    try:
        return Speaker(published.version.document, texting, title=variant.subject or "")
    except rendering.Unreadable as unreadable:
        where = f"Template {key!r} with variant {variant.key!r}"
        raise TemplateUnusable(f"{where}: {unreadable}. Correct and publish it, then resume the run.") from unreadable


def _known(entry: Entry) -> dict[str, Any]:
    """What is known of a person: blank is missing."""
    return {name: value for name, value in entry.person.items() if value != "" and value is not None}


def _shared(retailer: Retailer, brand: Brand, run: Run) -> dict[str, Any]:
    return {
        "retailer": {name: getattr(retailer, name) for name in language.VOCABULARY["retailer"]},
        "brand": {name: value for name in language.VOCABULARY["brand"] if (value := getattr(brand, name))},
        "campaign": {"key": run.campaign.key, "name": run.campaign.name},
    }
