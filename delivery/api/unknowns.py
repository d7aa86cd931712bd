from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.base import ApiView, ListView, refusal
from campaigns.config.gate import Problem
from campaigns.models import Customer, Run
from delivery import decisions, identity
from delivery.decisions import Choice, Which
from delivery.models import Message
from delivery.serializers import CauseListSerializer, DecisionSerializer, ResolvedSerializer, UnknownSerializer
from tenants import acting, bell, context
from tenants.accounts.models import Scope
from tenants.idempotency import once

RUNS = Run.objects.select_related("campaign", "version")


class RunUnknowns(ListView):
    """Messages that were handed over and whose outcome nobody knows: being found out, or left to a person."""

    serializer_class = UnknownSerializer
    filters = {"cause": "A reason, in full, as `unknowns/causes/` tells it."}

    def get_queryset(self) -> QuerySet[Message]:
        run = get_object_or_404(RUNS, pk=self.kwargs["pk"])
        person = Customer.objects.filter(pk=OuterRef("customer_id")).values("external_id")
        found = decisions.of(run).annotate(external_id=Subquery(person))
        return found.filter(reason=cause) if (cause := self.given("cause")) else found


class RunUnknownCauses(ApiView):
    queryset = RUNS

    @extend_schema(responses=CauseListSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """How many there are of each cause, the commonest first, with what a person can do."""
        return Response(CauseListSerializer({"results": decisions.causes(self.get_object()), "next": None}).data)


class RunUnknownResolve(ApiView):
    queryset = RUNS
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=DecisionSerializer, responses=ResolvedSerializer)
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Settle unknown messages as sent or as not sent, or send them again: those named, those of a cause, or all.

        Who is sent a message again may get it twice: the first may have arrived.
        """
        given = DecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        decision = given.validated_data
        acting.because(decision["reason"])
        which = Which(decision.get("cause"), _ids(decision.get("messages")))
        number = decisions.decide(self.get_object(), Choice(decision["as"]), which)
        bell.ring()
        return Response({"resolved": number})


def _ids(public: list[str] | None) -> list[int] | None:
    if public is None:
        return None
    found = [identity.message_id(context.current(), each) for each in public]
    for number, each in enumerate(found):
        if each is None:
            raise refusal(
                [Problem(f"messages.{number}", "is no message's public id: copy it from the list", "unknown")]
            )
    return [each for each in found if each is not None]
