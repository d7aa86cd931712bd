from __future__ import annotations

from django.db.models import Q, QuerySet

from campaigns import serializers
from campaigns.api.base import ListView
from tenants.accounts.models import AuditEntry


class Audit(ListView):
    """Every change of configuration, from every door, the latest first."""

    serializer_class = serializers.AuditSerializer
    filters = {
        "kind": "What was changed, such as campaign or template.",
        "key": "Its key.",
        "actor": "Who changed it: a name as shown, or an identity such as user:7.",
    }
    newest_first = True

    def get_queryset(self) -> QuerySet[AuditEntry]:
        found = AuditEntry.objects.filter(**{name: value for name in ("kind", "key") if (value := self.given(name))})
        if actor := self.given("actor"):
            found = found.filter(Q(actor=actor) | Q(identity=actor))
        return found
