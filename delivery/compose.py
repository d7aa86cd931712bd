"""A batch's entries into rendered messages: what they share is looked up once, what differs is filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from campaigns import content, language
from campaigns.config.campaign import Variant
from campaigns.models import Brand, Run, Template, TemplateVersion
from delivery import identity, overtime, rendering
from delivery.batches import Entry, Verdict
from delivery.channelled import Speaker
from delivery.channels.base import Envelope, Outbound
from delivery.models import Message
from tenants import addresses
from tenants.models import Retailer


class TemplateUnusable(LookupError):
    """The step's template has no published content any more, or none that can be read; the message says the cure."""


@dataclass(frozen=True)
class Composer:
    """Renders the messages of one run's step. Look it up once per batch: an edit is live in the next one."""

    envelope: Envelope
    template_hash: str
    version_id: int
    shared: dict[str, Any]
    renderers: dict[str, rendering.Renderer]
    variant_content: dict[str, dict[str, Any]]
    base_url: str
    signer: identity.Signer
    name: identity.PublicIds
    speakers: Mapping[str, Speaker] = field(default_factory=dict)  # by variant, of every channel but e-mail

    def compose(self, entries: Sequence[Entry]) -> tuple[list[Outbound], list[Verdict]]:
        """Rendered messages, and verdicts on those that cannot be rendered, or not in time."""
        outbound: list[Outbound] = []
        failures: list[Verdict] = []
        with overtime.watched() as watch:
            for entry in entries:
                try:
                    watch.on = entry.message_id
                    made = self._compose(entry)
                    watch.on = None
                except (rendering.RenderError, overtime.TookTooLong) as trouble:
                    watch.on = None
                    failures.append(self._failed(entry, str(trouble)))
                else:
                    outbound.append(made)
        return outbound, failures

    def _failed(self, entry: Entry, error: str) -> Verdict:
        return Verdict(
            entry.message_id,
            Message.State.FAILED,
            f"render: {error}",
            template_hash=self.template_hash,
            version_id=self.version_id,
        )

    def _compose(self, entry: Entry) -> Outbound:
        if self.speakers:
            return self._said(entry)
        token = self.signer.token(entry.message_id)
        unsubscribe_url = f"{self.base_url}/u/{token}"
        rendered = self.renderers[entry.variant].render(
            self.shared
            | {
                "customer": {name: value for name, value in entry.person.items() if value != "" and value is not None},
                "content": self.variant_content[entry.variant],
                "unsubscribe_url": language.trusted(unsubscribe_url),
                "preferences_url": language.trusted(f"{self.base_url}/p/{token}"),
            }
        )
        return Outbound(
            key=self.name(entry.message_id),
            recipient=entry.address,
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            headers={
                "List-Unsubscribe": f"<{unsubscribe_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )

    def _said(self, entry: Entry) -> Outbound:
        """By another channel than e-mail: nothing in it leads to the unsubscription from e-mails."""
        person = {name: value for name, value in entry.person.items() if value != "" and value is not None}
        values = {"customer": person, "content": self.variant_content[entry.variant]}
        said = self.speakers[entry.variant].render(self.shared | values, address=entry.address)
        return Outbound(self.name(entry.message_id), entry.address, content=said)


def composer(run: Run, step_key: str, retailer: Retailer) -> Composer:
    """Everything that a step's messages share, read now; of the run, as it was just read. Raises TemplateUnusable."""
    step = run.version.parsed().step(step_key)
    found = Template.objects.select_related("live").filter(key=step.template).first()
    if found is None or found.live is None:
        raise TemplateUnusable(f"Template {step.template!r} has no published content: publish it, then resume the run.")
    template, brand, is_mail = found.live, content.brand(), step.channel == "email"
    return Composer(
        envelope=Envelope(brand.from_email, brand.from_name, brand.from_email, brand.reply_to),
        template_hash=template.content_hash,
        version_id=run.version_id,
        shared=_shared(retailer, brand, run),
        renderers={variant.key: _renderer(step.template, template, variant) for variant in step.variants if is_mail},
        speakers={}
        if is_mail
        else {each.key: _speaker(step.template, template, each, brand) for each in step.variants},
        variant_content={variant.key: dict(variant.content) for variant in step.variants},
        base_url=addresses.base_url(retailer),
        signer=identity.Signer(retailer, "message"),
        name=identity.public_ids(retailer),
    )


def _renderer(key: str, template: TemplateVersion, variant: Variant) -> rendering.Renderer:
    try:
        return rendering.renderer(rendering.Content(variant.subject or template.subject, template.html, template.text))
    except rendering.Unreadable as unreadable:
        where = f"Template {key!r} with variant {variant.key!r}"
        raise TemplateUnusable(f"{where}: {unreadable}. Correct and publish it, then resume the run.") from unreadable


def _speaker(key: str, template: TemplateVersion, variant: Variant, brand: Brand) -> Speaker:
    try:
        return Speaker(template.document, content.texting(brand), title=variant.subject or "")
    except rendering.Unreadable as unreadable:
        where = f"Template {key!r} with variant {variant.key!r}"
        raise TemplateUnusable(f"{where}: {unreadable}. Correct and publish it, then resume the run.") from unreadable


def _shared(retailer: Retailer, brand: Brand, run: Run) -> dict[str, Any]:
    fields = ("name", "from_name", "website", "logo_url", "colour", "postal_address")
    return {
        "retailer": {"slug": retailer.slug, "name": retailer.name, "timezone": retailer.timezone},
        "brand": {field: getattr(brand, field) for field in fields if getattr(brand, field)},
        "campaign": {"key": run.campaign.key, "name": run.campaign.name},
    }
