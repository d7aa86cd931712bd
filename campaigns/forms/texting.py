"""What SMS cost and how one opts out, as fields of the brand's form: a country and a value on each line."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from campaigns.config.gate import Invalid, dump, parse
from campaigns.config.texting import TEXTING

OTHERS = "*"  # all other countries
# Which field a problem of the document is told at.
_PLACES = {"currency": "sms_currency", "per_segment": "sms_prices", "otherwise": "sms_prices", "stop_lines": "sms_stop"}


def _lines(placeholder: str) -> UnfoldAdminTextareaWidget:
    return UnfoldAdminTextareaWidget(attrs={"rows": 3, "placeholder": placeholder, "spellcheck": "false"})


class TextingFields(forms.Form):
    """Mixed into a form whose instance has `texting`."""

    sms_currency = forms.CharField(
        label="Currency of SMS", required=False, max_length=3,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "GBP", "class": "c-number"}),
    )  # fmt: skip
    sms_prices = forms.CharField(
        label="Price of a part",
        required=False,
        widget=_lines("GB 0.035\n* 0.08"),
        help_text="A country and what a part costs there, one per line; * stands for all others. It is told before a "
        "launch.",
    )
    sms_stop = forms.CharField(
        label="How to opt out",
        required=False,
        widget=_lines("GB Opt out: reply STOP"),
        help_text="The line below every SMS, by country, where it is not the usual one. It says the word STOP.",
    )

    def show_texting(self, said: dict[str, Any]) -> None:
        """Fill in what a brand's `texting` says."""
        others = {OTHERS: said["otherwise"]} if "otherwise" in said else {}
        self.initial["sms_currency"] = said.get("currency") or ""
        self.initial["sms_prices"] = _written(said.get("per_segment", {}) | others)
        self.initial["sms_stop"] = _written(said.get("stop_lines", {}))

    def read_texting(self, cleaned: dict[str, Any]) -> dict[str, Any] | None:
        """What a brand's `texting` would say; None where something is wrong, which is told at its field."""
        prices = _pairs(cleaned.get("sms_prices", ""))
        asked = {
            "currency": cleaned.get("sms_currency", "").strip().upper() or None,
            "otherwise": prices.pop(OTHERS, None),
            "per_segment": prices,
            "stop_lines": _pairs(cleaned.get("sms_stop", "")),
        }
        try:
            return dump(parse(TEXTING, asked))
        except Invalid as invalid:
            for problem in invalid.problems:
                name, _, country = problem.field.partition(".")
                where = f"{country.split('.')[0]}: " if country else ""
                self.add_error(
                    _PLACES.get(name, "sms_currency"), f"{where}{problem.message.removeprefix('currency: ')}"
                )
        return None


def _written(values: dict[str, Any]) -> str:
    return "\n".join(f"{country} {value}" for country, value in values.items())


def _pairs(lines: str) -> dict[str, str]:
    """The first word of each line, in capitals, and the rest."""
    found = (line.strip().partition(" ") for line in lines.splitlines() if line.strip())
    return {country.rstrip(":").upper(): value.strip() for country, _, value in found}
