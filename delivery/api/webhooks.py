"""Outgoing webhooks: integrators say where, and of what, they want to be told."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.base import ListView, document, keyed
from delivery import notices, notifying, subscriptions
from delivery.api.base import DeliveryView
from delivery.models import Notice, Subscription
from tenants import agenda, bell, context
from tenants.accounts.models import Scope
from tenants.idempotency import once


class WebhookSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    url = serializers.CharField(help_text="https, outside of any private network.")
    events = serializers.ListField(child=serializers.ChoiceField(list(subscriptions.EVENTS)))
    is_active = serializers.BooleanField(default=True)
    secret = serializers.CharField(
        required=False, help_text="whsec_…; made when left out. Told once, when the webhook is made or rotated."
    )
    error = serializers.CharField(read_only=True)


class WebhookList(serializers.Serializer[Any]):
    results = WebhookSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ReplaySerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    id = serializers.UUIDField(source="notice_id")

    class Meta:
        model = Notice
        fields = ["id", "event", "state", "created_at", "due_at", "attempts", "status", "error"]


class Webhooks(DeliveryView):
    scopes = {"POST": Scope.FULL}
    told_once = ("secret",)

    @extend_schema(operation_id="webhooks_list", responses=WebhookList)
    def get(self, request: Request) -> Response:
        found = [subscriptions.told(each) for each in Subscription.objects.order_by("key")]
        return Response({"results": found, "next": None})

    @extend_schema(operation_id="webhooks_create", request=WebhookSerializer, responses={201: WebhookSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Be told of what happens, by signed posts (Standard Webhooks) that are tried again for 72 hours."""
        made, secret = subscriptions.save(document(request))
        location = {"Location": f"{request.path}{made.key}/"}
        return Response({**subscriptions.told(made), "secret": secret}, status=201, headers=location)


class WebhookDetail(DeliveryView):
    scopes = dict.fromkeys(["PATCH", "DELETE"], Scope.FULL)

    @extend_schema(operation_id="webhooks_retrieve", responses=WebhookSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(subscriptions.told(_found(key)))

    @extend_schema(operation_id="webhooks_update", request=WebhookSerializer, responses=WebhookSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Change what is given. Switched on again, it is tried at once."""
        found, _ = subscriptions.save(keyed(request, key), _found(key))
        _ring(found)
        return Response(subscriptions.told(found))

    @extend_schema(operation_id="webhooks_destroy", responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """Remove it, and what was still to be told."""
        subscriptions.remove(_found(key))
        return Response(status=204)


class WebhookTest(DeliveryView):
    scopes = {"POST": Scope.FULL}

    @extend_schema(operation_id="webhooks_test", request=None, responses={202: None})
    @once
    def post(self, request: Request, key: str) -> Response:
        """Be told of nothing, as a test: `webhook.test`. What became of it stands in deliveries/."""
        number = notices.test(context.current(), _found(key))
        bell.ring()
        return Response({"id": str(number)}, status=202)


class WebhookRotation(DeliveryView):
    scopes = {"POST": Scope.FULL}
    told_once = ("secret",)

    @extend_schema(operation_id="webhooks_rotate", request=None, responses=WebhookSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """A new secret, told this once: what goes out from now on is signed with it."""
        found = _found(key)
        secret = subscriptions.rotate(found)
        return Response({**subscriptions.told(found), "secret": secret})


class WebhookReplay(DeliveryView):
    scopes = {"POST": Scope.FULL}

    @extend_schema(operation_id="webhooks_replay", request=ReplaySerializer, responses={202: None})
    @once
    def post(self, request: Request, key: str) -> Response:
        """Be told again of all that happened since, under the same ids; of the last 14 days at most."""
        given = ReplaySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        found = _found(key)
        number = notifying.replay(found, since=given.validated_data["since"])
        _ring(found)
        return Response({"replayed": number}, status=202)


class WebhookDeliveries(ListView):
    """What it was told, the latest first."""

    serializer_class = NoticeSerializer
    filters = {"state": "waiting, delivered or failed.", "event": "An event, such as message.clicked."}
    newest_first = True

    def get_queryset(self) -> QuerySet[Notice]:
        given = {name: value for name in self.filters if (value := self.given(name))}
        return _found(self.kwargs["key"]).notices.filter(**given)


def _ring(subscription: Subscription) -> None:
    agenda.put(context.current(), notices.AGENDA_KIND, subscription.pk, due_at=timezone.now())
    bell.ring()


def _found(key: str) -> Subscription:
    found = Subscription.objects.filter(key=key).first()
    if found is None:
        raise Http404("There is no such webhook.")
    return found
