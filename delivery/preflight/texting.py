"""What a step's text messages come to: parts (segments, as networks call them) and price.

They are measured on the sample and reckoned up to all whom the step reaches. The sample is random (by the hash that
draws variants), so the mean is unbiased; `margin` is what it may be off by, at 95 %. Where everybody is in the sample
there is none: the figure is exact, as far as people stay as they are.
"""

from __future__ import annotations

from decimal import Decimal
from math import sqrt
from statistics import fmean, pvariance
from typing import Any

from campaigns import sms
from campaigns.config.texting import Texting
from campaigns.models import Customer
from delivery.channels.base import Content, SmsContent

_SURE = 1.96  # standard errors, at 95 %


class Tally:
    """Of one step. Every variant of a person counts in equal parts: they are dealt equal shares."""

    def __init__(self, step: str, texting: Texting) -> None:
        self._step = step
        self._texting = texting
        self._segments: dict[int, list[int]] = {}
        self._prices: dict[int, list[Decimal]] = {}
        self._unpriced: set[str] = set()
        self._wide = 0  # messages in UCS-2

    def hear(self, customer: Customer, said: Content) -> None:
        """A message that was rendered; it counts where the customer can be reached by SMS."""
        if not isinstance(said, SmsContent) or not (customer.phone and customer.consent_sms):
            return
        measured, country = sms.measure(said.text), sms.country_of(customer.phone)
        self._wide += measured.encoding == "UCS-2"
        self._segments.setdefault(customer.pk, []).append(measured.segments)
        price = self._texting.price(measured.segments, country)
        if price is None:
            self._unpriced.add(country or "unknown")
        else:
            self._prices.setdefault(customer.pk, []).append(price)

    def told(self, reached: int) -> dict[str, Any] | None:
        """As plain JSON data; None where nobody's text was heard. `reached` are the people the step reaches."""
        means = [fmean(each) for each in self._segments.values()]
        if not means or not reached:
            return None
        number, messages = len(means), sum(map(len, self._segments.values()))
        spread = sqrt(pvariance(means) / number * max(0.0, 1 - number / reached))
        return {
            "step": self._step,
            "people": number,
            "per_message": round(fmean(means), 3),
            "parts": round(fmean(means) * reached),
            "margin": round(_SURE * spread * reached),
            "wide": round(self._wide / messages, 4),
            "price": self._price(reached),
            "currency": self._texting.currency,
            "unpriced": sorted(self._unpriced),
        }

    def _price(self, reached: int) -> str | None:
        """None where not every country has one: half a sum would mislead."""
        if self._unpriced or not self._prices:
            return None
        means = [sum(each, Decimal()) / len(each) for each in self._prices.values()]
        return str((sum(means, Decimal()) / len(means) * reached).quantize(Decimal("0.01")))
