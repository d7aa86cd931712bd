"""What text messages cost a retailer, and how it words the way out."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints, TypeAdapter, model_validator

from campaigns.config.values import Part

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]  # ISO 3166
Price = Annotated[Decimal, Field(ge=0, le=100, max_digits=9, decimal_places=6)]
StopLine = Annotated[str, StringConstraints(max_length=100, pattern=r"\bSTOP\b")]


class Texting(Part):
    """`per_segment` is the price of a segment by country, `otherwise` that of all others; both in `currency`.

    `stop_lines` is the retailer's own wording by country, `*` for all others: it names the word STOP.
    """

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    per_segment: Annotated[dict[Country, Price], Field(max_length=250)] = {}
    otherwise: Price | None = None
    stop_lines: Annotated[dict[Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$")], StopLine],
                          Field(max_length=250)] = {}  # fmt: skip

    @model_validator(mode="after")
    def _prices_are_of_a_currency(self) -> Self:
        if self.currency is None and (self.per_segment or self.otherwise is not None):
            raise ValueError("currency: say in which currency the prices are, such as GBP")
        return self

    def price(self, segments: int, country: str) -> Decimal | None:
        """In `currency`; None where no price is known."""
        each = self.per_segment.get(country, self.otherwise)
        return None if each is None else each * segments

    def stop_line(self, country: str) -> str | None:
        """The retailer's own; None where it has none."""
        return self.stop_lines.get(country, self.stop_lines.get("*"))


TEXTING: TypeAdapter[Texting] = TypeAdapter(Texting)
