"""Customers, events and suppressions: rows go to the domain as they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from campaigns import consents
from campaigns.ingest import RowResult
from campaigns.ingest.statements import MOST as MOST_STATEMENTS
from campaigns.models import Consent, Customer, Device, Suppression
from campaigns.models.customers import Channel
from campaigns.serializers.problems import ProblemSerializer

MOST_ROWS = 1000


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = [
            "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale",
            "consent_email", "consent_sms", "consent_push", "attributes", "created_at", "updated_at",
        ]  # fmt: skip


class SentEventSerializer(serializers.Serializer[Any]):
    event_id = serializers.CharField(max_length=100, help_text="The sender's own id: sent twice, it happened once.")
    external_id = serializers.CharField(max_length=100, help_text="Whose event it is.")
    name = serializers.CharField(max_length=64)
    occurred_at = serializers.DateTimeField(help_text="Without an offset: in the retailer's time zone.")
    value = serializers.DecimalField(max_digits=14, decimal_places=4, required=False, allow_null=True)
    currency = serializers.CharField(max_length=3, required=False)
    properties = serializers.DictField(required=False)


class CustomerRows(serializers.Serializer[Any]):
    customers = CustomerSerializer(many=True, help_text=f"At most {MOST_ROWS}.")


class EventRows(serializers.Serializer[Any]):
    events = SentEventSerializer(many=True, help_text=f"At most {MOST_ROWS}.")


class RowSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    id = serializers.CharField(help_text="The row's external_id or event_id.")
    status = serializers.ChoiceField(["created", "updated", "unchanged", "duplicate", "rejected"])
    errors = ProblemSerializer(many=True)  # type: ignore[assignment]


class RowsSerializer(serializers.Serializer[Any]):
    results = RowSerializer(many=True)
    counts = serializers.DictField(child=serializers.IntegerField())


def rows(data: Any, name: str) -> list[Any]:
    """The rows of `{name: [...]}` or of a bare list. Raises ValidationError."""
    given = data.get(name) if isinstance(data, dict) else data
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_ROWS:
        message = f'send {{"{name}": [...]}} with 1 to {MOST_ROWS} objects'
        raise serializers.ValidationError({name: [serializers.ErrorDetail(message, code="rows")]})
    return given


def row_result(result: RowResult) -> dict[str, Any]:
    errors = [{"field": p.field, "message": p.message, "code": "invalid"} for p in result.problems]
    return {"index": result.index, "id": result.id, "status": result.status, "errors": errors}


def row_results(results: Sequence[RowResult]) -> dict[str, Any]:
    return {"results": [row_result(each) for each in results], "counts": Counter(each.status for each in results)}


class StatementSerializer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField([(each.value, each.label) for each in consents.CHANNELS])
    topic = serializers.SlugField(max_length=63, required=False, help_text="Left out: all messages of the channel.")
    granted = serializers.BooleanField(help_text="false withdraws.")
    said_at = serializers.DateTimeField(
        required=False, help_text="When it was said; now when left out. Without an offset: in the retailer's time zone."
    )
    source = serializers.CharField(max_length=200, required=False, help_text="Where: a page, a till, a file.")  # type: ignore[assignment]
    text = serializers.CharField(max_length=10_000, required=False, help_text="What the person was shown.")


class StatementRows(serializers.Serializer[Any]):
    consents = StatementSerializer(many=True, help_text=f"At most {MOST_STATEMENTS}.")


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    granted = serializers.BooleanField(source="is_granted")

    class Meta:
        model = Consent
        fields = ["channel", "topic", "granted", "said_at", "source", "text", "by", "recorded_at", "is_current"]


class ConsentsSerializer(serializers.Serializer[Any]):
    results = ConsentSerializer(many=True, help_text="The proof of each statement, in order.")


def statements(data: dict[str, Any]) -> list[Any]:
    """The statements of `{"consents": [...]}`. Raises ValidationError."""
    given = data["consents"]
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_STATEMENTS:
        message = f'send {{"consents": [...]}} with 1 to {MOST_STATEMENTS} statements'
        raise serializers.ValidationError({"consents": [serializers.ErrorDetail(message, code="rows")]})
    return given


class DeviceSerializer(serializers.ModelSerializer[Device]):
    address = serializers.CharField(help_text="An FCM registration token, or a Web Push subscription as JSON.")

    class Meta:
        model = Device
        fields = ["address", "seen_at"]
        read_only_fields = ["seen_at"]


class DevicesSerializer(serializers.Serializer[Any]):
    results = DeviceSerializer(many=True)


class SuppressionSerializer(serializers.ModelSerializer[Suppression]):
    class Meta:
        model = Suppression
        fields = ["channel", "address", "reason", "source", "created_at"]
        read_only_fields = ["source"]
        extra_kwargs = {"address": {"required": True, "allow_blank": False}}
        validators: list[Any] = []  # adding one that stands is no error


class SuppressedAddress(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Channel.choices, default=Channel.EMAIL)
    address = serializers.CharField(max_length=254)
