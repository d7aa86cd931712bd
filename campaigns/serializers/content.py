"""Segments and templates."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from pydantic import BaseModel
from rest_framework import serializers

from campaigns import bases, beneath, liquid
from campaigns.audience import Waterfall
from campaigns.beneath import Beneath, BlockBeneath, SlotBeneath
from campaigns.config.rules import Rule
from campaigns.models import Customer, Segment, Template, TemplateVersion
from campaigns.serializers.attachments import NamedFileSerializer


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    class Meta:
        model = Segment
        fields = ["key", "name", "description", "rule", "created_at", "updated_at"]


class RuleBody(BaseModel):
    """A rule to try out."""

    rule: Rule


class RuleSerializer(serializers.Serializer[Any]):
    rule = serializers.JSONField()


class WaterfallSerializer(serializers.Serializer[Waterfall]):
    candidates = serializers.IntegerField()
    included = serializers.IntegerField()
    excluded = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")


class SampledCustomerSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = ["external_id", "email", "first_name", "last_name", "city", "country"]


class RulePreviewSerializer(serializers.Serializer[Any]):
    """Of campaigns.reach.Reach."""

    count = serializers.IntegerField(source="matched")
    waterfall = WaterfallSerializer(source="channels.email", help_text="Whom an e-mail would reach.")
    channels = serializers.DictField(child=WaterfallSerializer(), help_text="Whom each channel would reach.")
    sample = SampledCustomerSerializer(source="examples", many=True)


class TemplateSummary(serializers.ModelSerializer[Template]):
    live_version = serializers.IntegerField(source="live.number", default=None, read_only=True)

    class Meta:
        model = Template
        fields = ["key", "name", "channel", "subject", "live_version", "created_at", "updated_at"]


class TranslationSerializer(serializers.Serializer[Any]):
    """A template in another language: what is left out stays as it is. Stands here for the schema."""

    subject = serializers.CharField(required=False)
    preheader = serializers.CharField(required=False)
    html = serializers.CharField(required=False)
    text = serializers.CharField(required=False)
    slots = serializers.DictField(child=serializers.JSONField(), required=False)
    blocks = serializers.DictField(child=serializers.CharField(), required=False)
    payload = serializers.DictField(child=serializers.JSONField(), required=False)


@extend_schema_field(TranslationSerializer)
class TranslationField(serializers.JSONField):
    """Checked with the template it belongs to (campaigns.content), where its path is known."""


class SlotBeneathSerializer(serializers.Serializer[SlotBeneath]):
    """Of campaigns.beneath."""

    name = serializers.CharField()
    type = serializers.ChoiceField(["text", "rich_text", "image", "colour", "button", "products"], source="slot.type")
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField(source="slot.help")
    limits = serializers.DictField(help_text="As the base declares them: max, most, width, choices.")
    default = serializers.JSONField(source="value", help_text="What stands there when this template says nothing.")
    whose = serializers.CharField(help_text="Who says that default: the base, or the group.")
    locked_by = serializers.CharField(allow_blank=True, help_text="Blank where this template may fill it.")


class BlockBeneathSerializer(serializers.Serializer[BlockBeneath]):
    name = serializers.CharField()
    whose = serializers.CharField()
    locked_by = serializers.CharField(allow_blank=True, help_text="Blank where this template may replace it.")


class LayersSerializer(serializers.Serializer[Beneath]):
    base = serializers.CharField(source="key")
    name = serializers.CharField()
    version = serializers.IntegerField(help_text="Of the base, as it counts for this retailer now.")
    group = serializers.CharField(allow_blank=True, help_text="Who says something over the base; blank for nobody.")
    subject = serializers.CharField()
    preheader = serializers.CharField()
    slots = SlotBeneathSerializer(many=True)
    blocks = BlockBeneathSerializer(many=True)
    locales = serializers.ListField(child=serializers.CharField())


def _structured(child: serializers.Field[Any, Any, Any, Any] | None = None, **options: Any) -> serializers.DictField:
    """In a PATCH, what is null is removed, and what is left out stays."""
    return serializers.DictField(child=child or serializers.JSONField(allow_null=True), required=False, **options)


class TemplateSerializer(serializers.ModelSerializer[Template]):
    """`layers` is what lies beneath it: null for one on its own, and while no version of its base counts here."""

    live_version = serializers.IntegerField(source="live.number", default=None, read_only=True)
    slots = _structured(help_text="{slot: value}, for the slots of the base it is built on.")
    blocks = _structured(
        serializers.CharField(allow_blank=True, allow_null=True, trim_whitespace=False),
        help_text="{block: source}, in place of the base's.",
    )
    translations = _structured(TranslationField(allow_null=True), help_text="{locale: the same fields, in part}")
    layers = serializers.SerializerMethodField()
    attachments = serializers.ListField(
        child=NamedFileSerializer(), required=False, help_text="Files that go along with an e-mail: see /attachments/."
    )
    payload = _structured(help_text="A push's image, link and collapse id; a webhook's JSON.")

    class Meta:
        model = Template
        fields = [
            "key", "name", "channel", "source_format", "base", "subject", "preheader", "html", "text", "slots",
            "blocks", "translations", "payload", "attachments", "from_name", "from_email", "reply_to", "layers",
            "live_version", "created_at", "updated_at",
        ]  # fmt: skip
        extra_kwargs = {
            "html": {"trim_whitespace": False},
            "text": {"trim_whitespace": False},
            "source_format": {"help_text": "What `html` is written in."},
            "base": {"help_text": "The base it is built on; empty for one on its own."},
        }

    @extend_schema_field(LayersSerializer(allow_null=True))
    def get_layers(self, template: Template) -> dict[str, Any] | None:
        if not template.base:
            return None
        try:
            return dict(LayersSerializer(beneath.of(template.base)).data)
        except bases.Unavailable:
            return None


class LinkSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Its place among the links that clicks are counted on, from 1.")
    url = serializers.CharField(help_text="Template tags stand as they were written.")
    label = serializers.CharField(help_text="What a person sees of it.")  # type: ignore[assignment]


class TemplateVersionSerializer(serializers.ModelSerializer[TemplateVersion]):
    links = LinkSerializer(many=True, source="compiled.links", default=[], read_only=True)

    class Meta:
        model = TemplateVersion
        fields = ["number", "content_hash", "subject", "links", "published_at"]


class ForeignTemplateSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(max_length=liquid.MAX_SOURCE, trim_whitespace=False)  # type: ignore[assignment]

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is no name in Python."""
        known = "All dialects are understood at once: it need not be said."
        return super().get_fields() | {
            "from": serializers.ChoiceField(liquid.DIALECTS, default="auto", help_text=known)
        }


class UnconvertedSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    message = serializers.CharField()


class ConvertedTemplateSerializer(serializers.Serializer[Any]):
    source = serializers.CharField()  # type: ignore[assignment]
    problems = UnconvertedSerializer(many=True)


class RollbackSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
