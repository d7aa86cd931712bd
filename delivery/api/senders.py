"""Sender domains: their warm-up, and what DNS says of them."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.base import ApiView
from delivery.models import SenderDomain
from delivery.sender_serializers import SenderList, SenderSelectors, SenderSerializer, WarmUpAct
from delivery.senders import checking, in_use
from delivery.warmup import acts, standing
from tenants import acting, context
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Senders(ApiView):
    @extend_schema(operation_id="senders_list", responses=SenderList)
    def get(self, request: Request) -> Response:
        """Every domain that mail is sent from."""
        in_use.known()
        return Response({"results": [_told(each) for each in SenderDomain.objects.order_by("domain")], "next": None})


class SenderDetail(ApiView):
    scopes = {"PATCH": Scope.FULL}

    @extend_schema(operation_id="senders_retrieve", responses=SenderSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(_told(_found(key)))

    @extend_schema(operation_id="senders_update", request=SenderSelectors, responses=SenderSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Write down the selectors of the DKIM keys that sign for it."""
        given = SenderSelectors(data=request.data)
        given.is_valid(raise_exception=True)
        sender = _found(key)
        in_use.set_selectors(sender, given.validated_data["selectors"])
        return Response(_told(sender))


class SenderCheck(ApiView):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(operation_id="senders_check", request=None, responses=SenderSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Look it up in DNS now."""
        checking.of(_found(key).domain, now=timezone.now(), anew=True)
        return Response(_told(_found(key)))


class SenderWarmUp(ApiView):
    scopes = {"POST": Scope.FULL}

    @extend_schema(operation_id="senders_warm_up", request=WarmUpAct, responses=SenderSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Begin a warm-up, hold it at today's volume, or go on. The platform's staff can skip or finish one."""
        given = WarmUpAct(data=request.data)
        given.is_valid(raise_exception=True)
        options = dict(given.validated_data)
        name = options.pop("act")
        options["reason"] = options.get("reason") or acting.current().reason
        acting.because(options["reason"])
        return Response(_told(acts.ACTS[name](_found(key).domain, now=timezone.now(), **options)))


def _found(domain: str) -> SenderDomain:
    in_use.known()
    found = SenderDomain.objects.filter(domain=domain.lower()).first()
    if found is None:
        raise Http404("No mail is sent from there: the brand and the templates say from where.")
    return found


def _told(sender: SenderDomain) -> dict[str, Any]:
    rows = standing.of(sender, now=timezone.now(), zone=context.current().tzinfo)
    found = {name: value for name, value in sender.findings.items() if name != "asked"}
    return {
        "domain": sender.domain,
        "selectors": sender.selectors,
        "checked_at": sender.checked_at.isoformat() if sender.checked_at else None,
        "dns": found or None,
        "warm_up": standing.as_data(sender, rows),
    }
