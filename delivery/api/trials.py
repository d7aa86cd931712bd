from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import resolution, seedlists
from campaigns.api.base import refusal
from campaigns.config.gate import Problem
from campaigns.models import Campaign, Customer
from delivery import trial
from delivery.api.base import DeliveryView
from delivery.serializers import TestSerializer, TestsSerializer
from delivery.showing import people
from delivery.trial import CannotRender, Wanted
from tenants import context
from tenants.accounts.models import Scope
from tenants.idempotency import once


class CampaignTest(DeliveryView):
    queryset = Campaign.objects.all()
    lookup_field = "key"
    scopes = {"POST": Scope.WRITE}
    translations = {
        **DeliveryView.translations,
        CannotRender: lambda error: refusal([Problem("customer", str(error), "render")]),
    }

    @extend_schema(request=TestSerializer, responses=TestsSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Send the draft's messages to colleagues, marked as tests: every step by e-mail, every variant or those named.
        They are rendered for the customer named, or a made-up person, and touch no statistics.
        """
        campaign = self.get_object()
        given = TestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        config = resolution.resolve(campaign.draft).config
        data = given.validated_data
        wanted = Wanted(config, _customer(data.get("customer")), _addresses(data), data["variants"])
        sent = trial.send(context.current(), wanted, now=timezone.now())
        return Response({"sent": [trial.as_data(each) for each in sent]})


def _addresses(data: dict[str, Any]) -> list[str]:
    """Those written out, and those of a seed list."""
    listed = seedlists.called(data["seed_list"]).addresses if data.get("seed_list") else []
    return seedlists.read([*data["to"], *listed], field="to", most=trial.MOST)


def _customer(external_id: str | None) -> Customer:
    if not external_id:
        return people.made_up(people.SAMPLE)
    found = Customer.objects.filter(external_id=external_id).first()
    if found is None:
        raise refusal([Problem("customer", f"customer {external_id!r} is unknown: give the id of one", "unknown")])
    return found
