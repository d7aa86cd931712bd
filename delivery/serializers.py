"""The API's shapes for runs and messages. No rules live here."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from campaigns import language
from campaigns.configuration import MOST_PER_MINUTE
from campaigns.models import Customer, Run
from campaigns.serializers import FindingSerializer
from delivery import identity
from delivery.channels.base import Result
from delivery.decisions import Choice
from delivery.models import Message, Wave
from tenants import context


class RunSerializer(serializers.ModelSerializer[Run]):
    campaign = serializers.CharField(source="campaign.key")
    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = Run
        fields = [
            "id",
            "campaign",
            "version",
            "occurrence",
            "state",
            "reason",
            "as_of",
            "launched_by",
            "started_at",
            "evaluated_at",
            "finished_at",
            "throttle",
        ]
        extra_kwargs = {"throttle": {"help_text": "Messages a minute; null lets it go freely."}}  # fmt: skip


class WaveSerializer(serializers.Serializer[Any]):
    """Of delivery.waves."""

    step = serializers.CharField()
    number = serializers.IntegerField(help_text="From 1.")
    state = serializers.ChoiceField(Wave.State.choices)
    opens_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField(allow_null=True)
    size = serializers.IntegerField(help_text="Messages made of it so far.")
    weights = serializers.DictField(
        child=serializers.FloatField(), allow_null=True, help_text="Variant: share; null before it opens."
    )


class ReasonSerializer(serializers.Serializer[Any]):
    state = serializers.CharField()
    reason = serializers.CharField()
    count = serializers.IntegerField()


def _counts(**options: Any) -> serializers.DictField:
    return serializers.DictField(child=serializers.IntegerField(), **options)


class ReportSerializer(RunSerializer):
    """A run in numbers. Told by delivery.reports; stands here for the schema."""

    candidates = serializers.IntegerField()
    included = serializers.IntegerField()
    excluded = _counts(help_text="By reason.")
    messages = serializers.IntegerField()
    states = _counts(help_text="Messages by ledger state.")
    steps = serializers.DictField(child=_counts(), help_text="The same by step.")
    variants = serializers.DictField(child=serializers.DictField(child=_counts()), help_text="By step and variant.")
    reasons = ReasonSerializer(many=True)
    balances = serializers.BooleanField(help_text="Per step, the states add up to the members who came due.")
    delivery_success = serializers.FloatField(allow_null=True)
    waves = WaveSerializer(many=True, help_text="In order; empty for a run that goes out at once.")
    preflight = serializers.JSONField(
        allow_null=True, help_text="What differs from the pre-flight before it, and what changed in between."
    )
    results = serializers.JSONField(
        allow_null=True,
        help_text="What came back: `totals`, the same `by` step, wave, variant, channel, provider, domain, hour and "
        "segment (these overlap), `links`, and the `lift` against those held out. People's opens and clicks; machines' "
        "are told apart. `revenue` is a list of {currency, amount}: currencies are never added up. The lift's amounts "
        "are in its `currency` alone; `left_out` counts goal events in others.",
    )

    class Meta(RunSerializer.Meta):
        fields = [
            *RunSerializer.Meta.fields, "candidates", "included", "excluded", "messages", "states", "steps",
            "variants", "reasons", "balances", "delivery_success", "waves", "preflight", "results",
        ]  # fmt: skip


class PreflightStepSerializer(serializers.Serializer[Any]):
    step = serializers.CharField()
    channel = serializers.CharField()
    reached = serializers.IntegerField(help_text="Of those included, whom the channel can reach.")
    missed = _counts(help_text="And whom not, by reason.")


class PreflightSerializer(serializers.Serializer[Any]):
    """What a launch would come to now. Told by delivery.preflight; stands here for the schema."""

    id = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    shape = serializers.IntegerField(help_text="Of this answer: 1.")
    candidates = serializers.IntegerField(allow_null=True, help_text="Null when counting took too long: see `late`.")
    included = serializers.IntegerField(allow_null=True)
    excluded = _counts(help_text="By reason, in the order in which reasons win.")
    sentence = serializers.CharField(help_text="Whom the audience's rule means.")
    exclude = serializers.CharField(allow_blank=True, help_text="Whom it leaves out.")
    caps = serializers.ListField(child=serializers.CharField())
    steps = PreflightStepSerializer(many=True)
    times = serializers.JSONField(allow_null=True, help_text="Messages by the hour, in the retailer's time zone.")
    days = serializers.JSONField(allow_null=True, help_text="How many days it takes where a day has a ceiling.")
    senders = serializers.ListField(child=serializers.JSONField(), help_text="What DNS says of the senders' domains.")
    collisions = serializers.ListField(child=serializers.JSONField(), help_text="Campaigns for the same people.")
    more = serializers.IntegerField(help_text="Campaigns due about then that were not counted.")
    sample = serializers.JSONField(allow_null=True, help_text="What would go wrong in a sample of messages.")
    findings = FindingSerializer(many=True, help_text="What the checks before launch found, the heaviest first.")
    late = serializers.DictField(child=serializers.CharField(), help_text="Parts that took too long.")


class MessageSerializer(serializers.ModelSerializer[Message]):
    id = serializers.SerializerMethodField(help_text="The public id, as in the header X-Bannerline-Message.")
    external_id = serializers.CharField(allow_null=True, help_text="Null once the customer was erased.")
    state = serializers.ChoiceField(Message.State.choices, source="shown_state")
    version = serializers.IntegerField(
        source="version.number", allow_null=True, help_text="Of the campaign, as it was handed over; null before."
    )

    class Meta:
        model = Message
        fields = [
            "id", "external_id", "step", "channel", "variant", "state", "reason", "attempts", "send_at", "expires_at",
            "settled_at", "provider", "provider_message_id", "version", "template_hash",
        ]  # fmt: skip

    def get_id(self, message: Message) -> str:
        return identity.public_id(context.current(), message.pk)


class UnknownSerializer(serializers.ModelSerializer[Message]):
    id = serializers.SerializerMethodField(help_text="The public id, as in the header X-Bannerline-Message.")
    external_id = serializers.CharField(allow_null=True, help_text="Null once the customer was erased.")
    since = serializers.DateTimeField(source="settled_at")
    looked_into_at = serializers.DateTimeField(
        source="retry_at", allow_null=True, help_text="When it is looked into next; null where it is left to a person."
    )

    class Meta:
        model = Message
        fields = [
            "id", "external_id", "step", "channel", "variant", "provider", "attempts", "since", "looked_into_at",
            "reason",
        ]  # fmt: skip

    def get_id(self, message: Message) -> str:
        return identity.public_id(context.current(), message.pk)


class CauseSerializer(serializers.Serializer[Any]):
    """Of delivery.decisions."""

    reason = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()
    looked_into = serializers.IntegerField(help_text="Of them, still being found out; the rest are left to a person.")
    since = serializers.DateTimeField(allow_null=True)
    cure = serializers.CharField(help_text="What a person can do.")


class CauseListSerializer(serializers.Serializer[Any]):
    """All on one page: there are few."""

    results = CauseSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class DecisionSerializer(serializers.Serializer[Any]):
    messages = serializers.ListField(
        child=serializers.CharField(max_length=36), required=False, min_length=1, max_length=1000,
        help_text="Public ids.",
    )  # fmt: skip
    cause = serializers.CharField(max_length=300, required=False, allow_blank=True, help_text="Or all of a reason.")
    all = serializers.BooleanField(required=False, default=False, help_text="Or all of the run.")
    reason = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default="", help_text="Why: kept with each message."
    )

    def get_fields(self) -> dict[str, Any]:
        as_ = serializers.ChoiceField(
            [each.value for each in Choice], help_text="sent, not_sent, or resend: who got it already gets it twice."
        )
        return {"as": as_, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        chosen = [name for name in ("messages", "cause") if name in attrs] + ["all"] * attrs["all"]
        if len(chosen) != 1:
            raise serializers.ValidationError({"messages": "give one of messages, cause and all: true"})
        return attrs


class ResolvedSerializer(serializers.Serializer[Any]):
    resolved = serializers.IntegerField(help_text="How many messages.")


class PauseSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ThrottleSerializer(serializers.Serializer[Any]):
    per_minute = serializers.IntegerField(
        min_value=1, max_value=MOST_PER_MINUTE, allow_null=True, help_text="Messages a minute; null lifts it."
    )


class TestSerializer(serializers.Serializer[Any]):
    to = serializers.ListField(
        child=serializers.CharField(max_length=254), required=False, default=list, max_length=50, help_text="Addresses."
    )
    seed_list = serializers.SlugField(max_length=63, required=False, help_text="Or, and, those of a seed list.")
    customer = serializers.CharField(
        max_length=100, required=False, help_text="Whom to render it for, by external id; a made-up person else."
    )
    variants = serializers.ListField(
        child=serializers.SlugField(max_length=63), required=False, default=list, max_length=50, help_text="All else."
    )


class SentTestSerializer(serializers.Serializer[Any]):
    """Of delivery.trial."""

    step = serializers.CharField()
    variant = serializers.CharField()
    to = serializers.CharField()
    result = serializers.ChoiceField([each.value for each in Result], help_text="What the provider said.")
    detail = serializers.CharField(allow_blank=True)


class TestsSerializer(serializers.Serializer[Any]):
    sent = SentTestSerializer(many=True)


class SampleCustomer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = [*language.CUSTOMER_FIELDS, "attributes"]
        extra_kwargs = {"external_id": {"required": False, "validators": []}}


class SampleData(serializers.Serializer[Any]):
    customer = SampleCustomer(required=False)
    content = serializers.DictField(required=False, help_text="The values of content.*, as a variant gives them.")


class PreviewSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField(max_length=100, required=False, help_text="Whom to render it for.")
    data = SampleData(required=False, help_text="Or whom and what to make up.")  # type: ignore[assignment]
    locale = serializers.CharField(max_length=35, required=False, help_text="Another language than the person's own.")


class SaidSerializer(serializers.Serializer[Any]):
    """Of delivery.showing.panes.Difference."""

    field = serializers.CharField(help_text="Its path, such as slots.headline.")
    label = serializers.CharField()  # type: ignore[assignment]
    below = serializers.CharField(help_text="What would stand there without it.")
    here = serializers.CharField()
    whose = serializers.CharField(help_text="Whose word stands there without it.")


class RenderedSerializer(serializers.Serializer[Any]):
    """What a channel has no part for is blank: a notification's title is its subject, a webhook's JSON its text."""

    subject = serializers.CharField()
    html = serializers.CharField()
    text = serializers.CharField()
    locale = serializers.CharField(help_text="The language it was asked for in, or the person's; blank for neither.")
    differences = SaidSerializer(many=True, help_text="What the template says over its base.")


class TimelineEntrySerializer(serializers.Serializer[Any]):
    """Of delivery.timeline."""

    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(["event", "message", "consent", "suppression", "platform_suppression"])
    what = serializers.CharField(help_text="The event's name, the campaign's, or what was said.")
    said = serializers.CharField(help_text="Details in words.")
    state = serializers.CharField(required=False, help_text="Of a message.")
    proof = serializers.CharField(required=False, help_text="Of consent: the text that was shown.")


class TimelineSerializer(serializers.Serializer[Any]):
    results = TimelineEntrySerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="The next page; null on the last.")


class ProviderSerializer(serializers.Serializer[Any]):
    """An account at a provider. Judged by delivery.providers.accounts; stands here for the schema."""

    key = serializers.CharField(max_length=40)
    channel = serializers.ChoiceField(["email", "sms", "push", "webhook"])
    kind = serializers.CharField(help_text="One of providers/kinds/.")
    settings = serializers.JSONField(required=False)
    credentials = serializers.DictField(
        child=serializers.CharField(allow_null=True), required=False, help_text="Told as `set`, never as they are."
    )
    priority = serializers.IntegerField(required=False, help_text="The lowest goes first; the others stand by.")
    is_active = serializers.BooleanField(required=False)
    rate = serializers.FloatField(required=False, allow_null=True, help_text="Messages per second.")
    max_per_day = serializers.IntegerField(required=False, allow_null=True)
    per_domain = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="Receiving domain, or *: messages per minute."
    )
    timeout = serializers.FloatField(required=False, help_text="Seconds for one request.")
    state = serializers.CharField(read_only=True, help_text="working, resting, being tried, used up or switched off.")
    reason = serializers.CharField(read_only=True)
    until = serializers.DateTimeField(read_only=True, allow_null=True)
    today = serializers.IntegerField(read_only=True, allow_null=True, help_text="Messages it took today.")


class ProviderList(serializers.Serializer[Any]):
    """All on one page: there are few."""

    results = ProviderSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ProviderTest(serializers.Serializer[Any]):
    to = serializers.CharField(max_length=4_000)


class ProviderTestResult(serializers.Serializer[Any]):
    result = serializers.CharField(help_text="accepted, rejected, deferred, unsent or unknown.")
    detail = serializers.CharField()
    provider_message_id = serializers.CharField()


class ProviderKinds(serializers.Serializer[Any]):
    """By the kind's name."""

    smtp = serializers.JSONField(help_text="And so on: `title`, `channels`, and JSON Schema of the rest.")
