"""Putting a draft before an approver, and the approver's answer."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import reviews, serializers
from campaigns.api.base import ListView
from campaigns.api.campaigns import CampaignView, unmoved
from campaigns.models import Campaign, Review
from tenants.accounts.models import Scope
from tenants.idempotency import once


class CampaignReviews(ListView):
    """What was put before an approver, and what became of it, the latest first."""

    serializer_class = serializers.ReviewSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Review]:
        return get_object_or_404(Campaign, key=self.kwargs["key"]).reviews.all()


class CampaignSubmit(CampaignView):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=serializers.NoteSerializer, responses=serializers.ReviewSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Ask for approval of the draft. What is live stays so meanwhile."""
        given = serializers.NoteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with unmoved(request, key) as campaign:
            review = reviews.submit(campaign, now=timezone.now(), **given.validated_data)
        return Response(serializers.ReviewSerializer(review).data)


class CampaignApprove(CampaignView):
    scopes = {"POST": Scope.FULL}

    @extend_schema(request=serializers.AnswerSerializer, responses=serializers.ReviewSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Approve the draft under review. A key that wrote any of it cannot."""
        given = serializers.AnswerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with unmoved(request, key) as campaign:
            review = reviews.approve(campaign, now=timezone.now(), **given.validated_data)
        return Response(serializers.ReviewSerializer(review).data)


class CampaignSendBack(CampaignView):
    scopes = {"POST": Scope.FULL}

    @extend_schema(request=serializers.AnswerSerializer, responses=serializers.ReviewSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Ask the authors of the draft under review for changes."""
        given = serializers.AnswerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with unmoved(request, key) as campaign:
            review = reviews.send_back(campaign, now=timezone.now(), **given.validated_data)
        return Response(serializers.ReviewSerializer(review).data)
