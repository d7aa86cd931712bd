from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from campaigns.models.customers import Channel
from tenants.models import SourceFormat

COLOUR = RegexValidator(r"\A#[0-9a-fA-F]{6}\Z", "Write a colour as # and six hexadecimal digits, such as #2457d6.")
CURRENCY = RegexValidator(r"\A[A-Z]{3}\Z", "Use three capital letters, such as EUR.")


class Emoji(models.TextChoices):
    ANY = "any", "As many as you like"
    ONE = "one", "At most one, in the subject"
    NONE = "none", "None"


class Brand(models.Model):
    """The retailer's identity in messages: one row."""

    name = models.CharField(max_length=100)
    from_name = models.CharField(max_length=100)
    from_email = models.EmailField()
    reply_to = models.EmailField(blank=True, default="")
    website = models.URLField(blank=True, default="")
    logo_url = models.URLField(blank=True, default="")
    colour = models.CharField(max_length=7, default="#2457d6", validators=[COLOUR])
    postal_address = models.CharField(max_length=300, blank=True, default="")
    # Its own (ISO 4217): amounts that name none are in it. Others are told apart, and never added to it.
    currency = models.CharField(max_length=3, blank=True, default="", db_default="", validators=[CURRENCY])
    # How it speaks: campaigns.config.voice says what may stand in each.
    banned_words = models.JSONField(default=list, blank=True, db_default=[])
    disclaimers = models.JSONField(default=list, blank=True, db_default=[])
    emoji = models.CharField(max_length=4, choices=Emoji.choices, default=Emoji.ANY, db_default=Emoji.ANY)
    exclamation_marks = models.BooleanField(default=True, db_default=True)
    avoided_phrases = models.JSONField(default=list, blank=True, db_default=[])
    texting = models.JSONField(default=dict, db_default={}, blank=True)  # prices and opt-out of SMS (config.texting)

    class Meta:
        verbose_name_plural = "brand"

    def __str__(self) -> str:
        return self.name


class Template(models.Model):
    """Message content for a channel: what a marketer edits. Publishing freezes it as a TemplateVersion.

    A template on its own is its sources; one on a `base` fills that one's slots and overrides the blocks it may.
    A push message's title is `subject` and its body `text`; an SMS is `text`; `payload` holds what else a channel
    takes: a push message's image, link and collapse id, and the JSON of a webhook.
    """

    key = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    subject = models.CharField(max_length=500, blank=True, default="")
    preheader = models.CharField(max_length=300, blank=True, default="")
    source_format = models.CharField(max_length=10, choices=SourceFormat.choices, db_default=SourceFormat.HTML,
                                     default=SourceFormat.HTML)  # fmt: skip
    html = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="", help_text="Made from the HTML when left empty.")
    base = models.SlugField(max_length=63, blank=True, default="", db_default="")
    slots = models.JSONField(default=dict, db_default={}, blank=True)  # {slot: value}, as the base declares them
    blocks = models.JSONField(default=dict, db_default={}, blank=True)  # {block: source}
    translations = models.JSONField(default=dict, db_default={}, blank=True)  # {locale: the same fields, in part}
    payload = models.JSONField(default=dict, db_default={}, blank=True)
    attachments = models.JSONField(default=list, db_default=[], blank=True)  # [{name, digest}] of files that go along
    from_name = models.CharField(max_length=100, blank=True, default="", db_default="")
    from_email = models.EmailField(blank=True, default="", db_default="")
    reply_to = models.EmailField(blank=True, default="", db_default="")
    draft_number = models.PositiveIntegerField(default=1, db_default=1, editable=False)  # grows with every save
    live = models.ForeignKey("TemplateVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """Published content. Never changes; messages name it by its hash."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    subject = models.CharField(max_length=500, blank=True, default="")
    html = models.TextField()
    text = models.TextField()
    document = models.JSONField(default=dict, db_default={})  # what the draft said (campaigns.config.template)
    compiled = models.JSONField(default=dict, db_default={})  # what else a batch needs: translations, links, fills
    published_at = models.DateTimeField(db_default=Now(), editable=False)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_once")]

    def __str__(self) -> str:
        return f"{self.template.key} v{self.number}"


class Edition(models.Model):
    """Which published layers a content hash in the ledger stands for, where a template is built on a base.

    Written once, by the first batch that uses the combination: so every message can be rendered again.
    """

    content_hash = models.CharField(max_length=64, unique=True)
    version = models.ForeignKey(TemplateVersion, on_delete=models.CASCADE, related_name="editions")
    base_version = models.BigIntegerField()  # the platform's BaseVersion
    group_version = models.BigIntegerField(null=True, blank=True)  # and the group's, where it says something
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"{self.version} on {self.base_version}"


class Attachment(models.Model):
    """A file that may go along with e-mails, known by what is in it; the bytes lie in the retailer's storage."""

    digest = models.CharField(max_length=64, unique=True)  # SHA-256, hexadecimal
    name = models.CharField(max_length=100)  # as it was called when it was brought
    type = models.CharField(max_length=8)  # campaigns.config.attached.FileType
    bytes = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.name


class SeedList(models.Model):
    """Addresses that tests go to: colleagues, and mailboxes at the providers that matter."""

    key = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    addresses = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
