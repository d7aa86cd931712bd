"""Accounts at providers. Credentials go in and never come out: an answer says which are set."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.base import document, keyed
from delivery.api.base import DeliveryView
from delivery.models import Provider
from delivery.providers import accounts, standing, trying
from delivery.serializers import ProviderKinds, ProviderList, ProviderSerializer, ProviderTest, ProviderTestResult
from tenants import context
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Providers(DeliveryView):
    scopes = {"POST": Scope.FULL}

    @extend_schema(operation_id="providers_list", responses=ProviderList)
    def get(self, request: Request) -> Response:
        """All of them, of each channel the one that goes first at first."""
        found = list(standing.all_of_them())
        taken = standing.today(found)
        return Response({"results": [_told(provider, taken) for provider in found], "next": None})

    @extend_schema(operation_id="providers_create", request=ProviderSerializer, responses={201: ProviderSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Make an account. What its settings and credentials are is told by providers/kinds/."""
        provider = accounts.save(document(request))
        location = {"Location": f"{request.path}{provider.key}/"}
        return Response(_alone(_found(provider.key)), status=201, headers=location)


class ProviderDetail(DeliveryView):
    scopes = dict.fromkeys(["PATCH", "DELETE"], Scope.FULL)

    @extend_schema(operation_id="providers_retrieve", responses=ProviderSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(_alone(_found(key)))

    @extend_schema(operation_id="providers_update", request=ProviderSerializer, responses=ProviderSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Change what is given. Of `credentials`, those named are replaced, null removes one, the others stay."""
        accounts.save(keyed(request, key), _found(key))
        return Response(_alone(_found(key)))

    @extend_schema(operation_id="providers_destroy", responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """Remove it: the next by priority delivers. What was sent with it stays in the ledger."""
        accounts.remove(_found(key))
        return Response(status=204)


class ProviderTrial(DeliveryView):
    scopes = {"POST": Scope.FULL}

    @extend_schema(operation_id="providers_test", request=ProviderTest, responses=ProviderTestResult)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Send one test message by it, whatever its breaker and limits say."""
        given = ProviderTest(data=request.data)
        given.is_valid(raise_exception=True)
        outcome = trying.send(context.current(), _found(key), to=given.validated_data["to"], now=timezone.now())
        told = {"result": outcome.result, "detail": outcome.detail, "provider_message_id": outcome.provider_id}
        return Response(ProviderTestResult(told).data)


class ProviderKindList(DeliveryView):
    @extend_schema(operation_id="providers_kinds", responses=ProviderKinds)
    def get(self, request: Request) -> Response:
        """The kinds that can be used here, each with the JSON Schema of its settings and credentials."""
        return Response({kind.name: accounts.schema(kind) for kind in accounts.usable()})


def _found(key: str) -> Provider:
    found = standing.all_of_them().filter(key=key).first()
    if found is None:
        raise Http404("There is no such provider.")
    return found


def _alone(provider: Provider) -> dict[str, Any]:
    return _told(provider, standing.today([provider]))


def _told(provider: Provider, taken: dict[str, int] | None) -> dict[str, Any]:
    """`taken` is what standing.today counted; None where that took too long."""
    now = standing.of(provider)
    return accounts.told(provider) | {
        "state": now.state,
        "reason": now.words,
        "until": now.until.isoformat() if now.until else None,
        "today": taken[provider.key] if taken else None,
    }
