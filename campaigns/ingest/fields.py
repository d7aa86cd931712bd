"""One reader per kind of value: as given in, as stored out. Pure. None and blank text mean *cleared*."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from typing import Any

import email_validator
import phonenumbers

Reader = Callable[[Any], Any]

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_PLAIN_EMAIL = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?!.*[a-z0-9-]{64})(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,63}"
)
_LOCALE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", re.IGNORECASE | re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
_DIGITS = re.compile(r"\+[1-9][0-9]{6,14}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_BOOLEANS = {"": False} | dict.fromkeys(("true", "1", "yes", "y", "ja", "oui"), True)  # as shops' files say it
_BOOLEANS |= dict.fromkeys(("false", "0", "no", "n", "nein", "non"), False)
_CENT_OF_A_CENT, _TOO_LARGE = Decimal("0.0001"), Decimal(10**10)


class Invalid(ValueError):
    """A value that cannot be stored. The message says what is wrong and the cure; `path` leads inside the field."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


def text(limit: int) -> Reader:
    """Reads text of at most `limit` characters, stripped."""

    def read(given: Any) -> str:
        if given is None:
            return ""
        if not isinstance(given, str):
            raise Invalid("must be text")
        value = given.strip()
        if not value.isprintable():
            refuse_controls(value)
        if len(value) > limit:
            raise Invalid(f"is longer than {limit} characters: shorten it")
        return value

    return read


def needed(limit: int, *, cure: str) -> Reader:
    """Reads text that must be there; a whole number is taken as its digits."""
    read_text = text(limit)

    def read(given: Any) -> str:
        value: str = read_text(str(given) if type(given) is int and abs(given) < 10**18 else given)
        if not value:
            raise Invalid(f"is required: {cure}")
        return value

    return read


def email(given: Any) -> str:
    """An address in lower case, its domain in ASCII; special-use domains such as example.test are welcome."""
    value = _email_text(given)
    lowered = value.lower()
    return lowered if not value or _PLAIN_EMAIL.fullmatch(lowered) else _unusual_email(value)


def phone(given: str, *, country: str) -> str:
    """E.164, for example +442071838750. A number without + is read as one of `country` (two letters)."""
    if _is_e164(given):
        return given
    region = country.upper() if country.upper() in phonenumbers.SUPPORTED_REGIONS else None
    cure = "write it with + and the country code, for example +442071838750"
    try:
        number = phonenumbers.parse(given, region)
    except phonenumbers.NumberParseException:
        raise Invalid(f"{shown(given)} is not a phone number: {cure}") from None
    if not phonenumbers.is_possible_number(number):
        raise Invalid(f"{shown(given)} is not a possible phone number: {cure}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _is_e164(given: str) -> bool:
    """Whether phonenumbers would read a number as it is written and find it possible: asked of its tables alone.

    It takes a number apart where it begins with what is dialled before national ones; that is left to it.
    """
    if not _DIGITS.fullmatch(given):
        return False
    for size in (2, 3, 4):
        numbers = _numbers_of(given[1:size])
        if numbers is not None:
            begins_nationally, lengths = numbers
            national = given[size:]
            return len(national) in lengths and not begins_nationally(national)
    return False


@cache
def _numbers_of(calling_code: str) -> tuple[Callable[[str], object], frozenset[int]] | None:
    """What must not begin a number of that calling code, and how long one may be; None for no such code."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code))
    if not regions:
        return None
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(calling_code), regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    nationally = re.compile(rf"0|{metadata.national_prefix_for_parsing or '0'}", re.ASCII).match
    desc = metadata.general_desc
    lengths = frozenset([*(desc.possible_length or ()), *(desc.possible_length_local_only or ())])
    return nationally, lengths - {-1}


def timezone(given: Any) -> str:
    value: str = _zone_text(given)
    if not value:
        return ""
    name = _zones().get(value.lower())
    if name is None:
        raise Invalid(f"{shown(value)} is not a time zone: use an IANA name such as Europe/London")
    return name


def locale(given: Any) -> str:
    value: str = _locale_text(given)
    return _locale(value) if value else ""


def boolean(given: Any) -> bool:
    if given is None or given is True or given is False:
        return bool(given)
    value = _BOOLEANS.get(str(given).strip().lower()) if isinstance(given, str | int) else None
    if value is None:
        raise Invalid(f"{shown(given)} is neither true nor false: use true, false, 1, 0, yes or no")
    return value


def moment(*, now: datetime, zone: tzinfo) -> Reader:
    """Reads an instant as ISO 8601 in UTC; one without an offset is local time in `zone`."""
    latest = now + timedelta(days=1)

    def read(given: Any) -> str:
        local = _parse_moment(given)
        try:
            instant = (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
        except OverflowError:
            raise Invalid(f"{shown(given)} is out of range: use years from 1970") from None
        if instant < EARLIEST:
            raise Invalid(f"{shown(given)} is before 1970: correct the date")
        if instant > latest:
            raise Invalid(f"{shown(given)} is more than a day in the future: correct the date or its offset")
        return instant.isoformat()

    return read


def amount(given: Any) -> str | None:
    """A decimal of at most 10 digits before the point, rounded to 4 after it; None for none."""
    if given is None:
        return None
    literal = str(given).strip() if isinstance(given, str | float | Decimal) else _digits(given)
    if not literal:
        return None
    if not _DECIMAL.fullmatch(literal):
        raise Invalid(f"{shown(given)} is not a decimal number: write it like 12.50")
    value = Decimal(literal)
    if value.adjusted() > 10 or abs(value := value.quantize(_CENT_OF_A_CENT, ROUND_HALF_UP)) >= _TOO_LARGE:
        raise Invalid(f"{shown(given)} has more than 10 digits before the point: correct it")
    return str(value)


def currency(given: Any) -> str:
    value = _currency_text(given).upper()
    if value and not _CURRENCY.fullmatch(value):
        raise Invalid(f"{shown(value)} is not a currency: use three letters such as EUR")
    return value


def shown(given: Any) -> str:
    """The value as an error message quotes it: short, on one line."""
    literal = (
        repr(given) if isinstance(given, str) else str(type(given).__name__) if _is_container(given) else str(given)
    )
    return literal if len(literal) <= 60 else f"{literal[:56]}..."


def refuse_controls(value: str) -> None:
    """Raises Invalid for line breaks and other control characters, and for what was never Unicode."""
    if _CONTROLS.search(value):
        raise Invalid("holds a line break or another control character: remove it")
    if _SURROGATES.search(value):
        raise Invalid("holds bytes that are not UTF-8 text: save or send it as UTF-8")


_email_text, _zone_text, _locale_text, _currency_text = text(254), text(64), text(35), text(20)


def _unusual_email(value: str) -> str:
    try:
        checked = email_validator.validate_email(value, check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError:
        raise Invalid(f"{shown(value)} is not an e-mail address: write it like name@example.com") from None
    address = f"{checked.local_part}@{checked.ascii_domain}".lower()
    if len(address) > 254:
        raise Invalid("is longer than 254 characters: shorten it")
    return address


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in zoneinfo.available_timezones() - {"Factory", "localtime"}}


@lru_cache(maxsize=1024)
def _locale(value: str) -> str:
    tag = value.replace("_", "-")
    if not _LOCALE.fullmatch(tag):
        raise Invalid(f"{shown(value)} is not a locale: use a language tag such as en-GB")
    language, *subtags = tag.split("-")
    cased = {2: str.upper, 4: str.title}
    return "-".join([language.lower(), *(cased.get(len(subtag), str.lower)(subtag) for subtag in subtags)])


def _parse_moment(given: Any) -> datetime:
    if isinstance(given, datetime):
        return given
    if given is None or given == "":
        raise Invalid("is required: say when it happened, for example 2026-03-01T09:30:00Z")
    try:
        return datetime.fromisoformat(given.strip())
    except (ValueError, AttributeError):
        raise Invalid(f"{shown(given)} is not an ISO 8601 time: write it like 2026-03-01T09:30:00Z") from None


def _digits(given: Any) -> str:
    if type(given) is not int:
        raise Invalid("must be a number, for example 12.50")
    return str(given) if abs(given) < _TOO_LARGE else "1e10"


def _is_container(given: Any) -> bool:
    return isinstance(given, dict | list | tuple | set | bytes)
