"""As whom, and in which language, somebody asks to see a message: the questions that stand above every preview."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest, JsonResponse

from campaigns.forms.languages import language
from campaigns.models import Customer
from delivery.showing import people


@dataclass(frozen=True)
class Look:
    """What was asked, as it came: `whom` was chosen from the list, `find` was typed, `locale` is another language."""

    whom: str = ""
    find: str = ""
    locale: str = ""

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Look:
        return cls(
            asked.get("customer", "")[:40], asked.get("find", "").replace("\0", "")[:100], asked.get("in", "")[:35]
        )

    @cached_property
    def customer(self) -> Customer:
        return people.reading(people.chosen(self.whom, self.find), self.locale)

    def chooser(self, locales: Iterable[str] = ()) -> dict[str, Any]:
        """What the page shows above a preview."""
        known, whom = people.choices(), people.value_of(self.customer)
        if whom not in [each.value for each in known]:
            known.insert(0, people.Choice(whom, str(self.customer)))
        spoken = dict.fromkeys([*locales, *([self.locale] if self.locale else [])])
        return {
            "look": self,
            "whom": whom,
            "customers": [each for each in known if not each.is_made_up],
            "made_up": [each for each in known if each.is_made_up],
            "locales": [(locale, language(locale)) for locale in spoken],
        }


def find(request: HttpRequest) -> JsonResponse:
    """Customers for what is being typed."""
    text = request.GET.get("find", "").replace("\0", "")[:100]
    return JsonResponse({"found": [{"value": each.value, "label": each.label} for each in people.found(text)]})
