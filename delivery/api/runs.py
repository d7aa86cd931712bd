from __future__ import annotations

import re

from django.db.models import Case, F, OuterRef, QuerySet, Subquery, Value, When
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.generics import get_object_or_404
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.base import ApiView, ListView, refusal
from campaigns.api.imports import AsCsv
from campaigns.config.gate import Problem
from campaigns.models import Campaign, Customer, Run
from delivery import exports, reconciliation, reports, results, waves
from delivery.models import Batch, Message
from delivery.serializers import MessageSerializer, ReportSerializer, RunSerializer

RUNS = Run.objects.select_related("campaign", "version")


class Runs(ListView):
    """Executions of campaigns, the latest first."""

    serializer_class = RunSerializer
    filters = {"campaign": "A campaign's key.", "state": "planned, running, paused, completed, cancelled or failed."}
    newest_first = True

    def get_queryset(self) -> QuerySet[Run]:
        fields = {"campaign": "campaign__key", "state": "state"}
        return RUNS.filter(**{fields[name]: value for name in self.filters if (value := self.given(name))})


class RunDetail(ApiView):
    queryset = RUNS

    @extend_schema(responses=ReportSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """The run and its ledger in numbers."""
        return _told(self.get_object())


class RunMessages(ListView):
    """The run's ledger, message by message."""

    serializer_class = MessageSerializer
    filters = {
        "state": "A ledger state, such as accepted or unknown.",
        "step": "A step's key.",
        "variant": "A variant's key.",
    }

    def get_queryset(self) -> QuerySet[Message]:
        run = get_object_or_404(RUNS, pk=self.kwargs["pk"])
        is_claimed = When(state=Message.State.QUEUED, batch__state=Batch.State.CLAIMED, then=Value("claimed"))
        person = Customer.objects.filter(pk=OuterRef("customer_id")).values("external_id")
        found = Message.objects.filter(run=run).select_related("version")
        found = found.annotate(shown_state=Case(is_claimed, default=F("state")), external_id=Subquery(person))
        fields = {"state": "shown_state", "step": "step", "variant": "variant"}
        return found.filter(**{fields[name]: value for name in self.filters if (value := self.given(name))})


class CampaignReport(ApiView):
    queryset = Campaign.objects.all()
    lookup_field = "key"

    @extend_schema(
        responses=ReportSerializer,
        parameters=[OpenApiParameter("run", int, description="Its id; the latest run when left out.")],
    )
    def get(self, request: Request, key: str) -> Response:
        """What became of the campaign's latest run, or of the run asked for."""
        return _told(_asked_for(self.get_object(), request))


class CampaignReportFile(ApiView):
    queryset = Campaign.objects.all()
    lookup_field = "key"
    renderer_classes = (JSONRenderer, AsCsv)

    @extend_schema(
        responses={(200, "text/csv"): OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("run", int, description="Its id; the latest run when left out."),
            OpenApiParameter(
                "by",
                enum=exports.CONTENTS,
                default="variant",
                description="What the numbers are told apart by; `link` for clicks, `message` for every message.",
            ),
        ],
    )
    def get(self, request: Request, key: str) -> StreamingHttpResponse:
        """A run's results as CSV. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
        of = request.query_params.get("by", "variant")
        if of not in exports.CONTENTS:
            raise refusal([Problem("by", f"must be one of {', '.join(exports.CONTENTS)}", "invalid")])
        run = _asked_for(self.get_object(), request)
        if of != exports.MESSAGES:
            results.current(run, now=timezone.now())
        return exports.file(run, of)


def _asked_for(campaign: Campaign, request: Request) -> Run:
    runs = RUNS.filter(campaign=campaign)
    wanted = request.query_params.get("run")
    if wanted is not None:
        runs = runs.filter(pk=_number(wanted))
    run = runs.order_by("-pk").first()
    if run is None:
        raise NotFound("There is no such run of this campaign.")
    return run


def _told(run: Run) -> Response:
    numbers = {**reports.as_data(reports.report(run)), "waves": waves.as_data(run)}
    told = reconciliation.as_data(run), results.as_data(run, now=timezone.now())
    return Response({**RunSerializer(run).data, **numbers, **told[0], **told[1]})


def _number(given: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", given, re.ASCII):
        raise refusal([Problem("run", "must be the id of a run, a whole number")])
    return int(given)
