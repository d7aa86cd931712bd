"""Text messages are counted as networks count them; held against the standard's own table and a search of all cuts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import sms
from campaigns.config.gate import Invalid, parse
from campaigns.config.texting import TEXTING, Texting

# 3GPP TS 23.038, tables 6.2.1 and 6.2.1.1, by code.
TABLE = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"  # codes 00 to 1F; 1B is the escape
OTHERS = "¤¡ÄÖÑÜ§¿äöñüà"  # of 20 to 7F, where it is not ASCII
SEPTETS = dict.fromkeys(TABLE.replace("\x1b", "") + OTHERS + " ", 1)
SEPTETS |= {chr(code): 1 for code in range(0x21, 0x7F) if chr(code) not in "$@[\\]^_`{|}~"}
SEPTETS |= dict.fromkeys("\f^{}\\[~]|€", 2)

GSM = st.sampled_from(sorted(SEPTETS))
ANY = st.one_of(GSM, st.characters(exclude_categories=["Cs"]), st.sampled_from("😀👍🏽e\u0301\u200d\ufe0f🇬🇧“”…"))
TEXTS = st.one_of(st.text(GSM, max_size=500), st.text(ANY, max_size=300))


def cost(text: str, *, is_gsm: bool) -> int:
    return sum(SEPTETS[char] for char in text) if is_gsm else len(text.encode("utf-16-be")) // 2


def fewest_segments(text: str, *, is_gsm: bool) -> int:
    """By trying every place to cut: the fewest that any sender could make of it."""
    alone, each = (160, 153) if is_gsm else (70, 67)
    if cost(text, is_gsm=is_gsm) <= alone:
        return 1 if text else 0
    best = [0] + [10**6] * len(text)
    for end in range(1, len(text) + 1):
        size = 0
        for begin in range(end - 1, -1, -1):
            size += cost(text[begin], is_gsm=is_gsm)
            if size > each:
                break
            best[end] = min(best[end], best[begin] + 1)
    return best[-1]


def test_alphabet_has_the_standards_size() -> None:
    assert (len(TABLE), len(SEPTETS)) == (32, 127 + 10)


@given(TEXTS)
def test_counted_as_the_standard_counts(text: str) -> None:
    is_gsm = all(char in SEPTETS for char in text)
    measured = sms.measure(text)
    assert measured.encoding == ("GSM-7" if is_gsm else "UCS-2")
    assert measured.units == cost(text, is_gsm=is_gsm)
    assert measured.segments == fewest_segments(text, is_gsm=is_gsm)
    assert measured.left >= 0


@given(TEXTS)
def test_segments_are_the_text_and_fit(text: str) -> None:
    is_gsm = all(char in SEPTETS for char in text)
    parts = sms.parts(text)
    assert "".join(parts) == text
    alone, each = (160, 153) if is_gsm else (70, 67)
    assert all(cost(part, is_gsm=is_gsm) <= (alone if len(parts) == 1 else each) for part in parts)
    if text:
        room = alone if len(parts) == 1 else each
        assert sms.measure(text).left == room - cost(parts[-1], is_gsm=is_gsm)


@given(st.text(ANY, max_size=200))
def test_whatever_is_outside_is_named_where_it_stands(text: str) -> None:
    outside = [(char, at) for at, char in enumerate(text) if char not in SEPTETS]
    named = sms.measure(text).first_non_gsm
    assert [(each.char, each.position) for each in named] == outside[: sms.NAMED]
    assert all(all(char in SEPTETS for char in each.instead) for each in named if each.instead is not None)


@pytest.mark.parametrize(
    ("text", "segments", "left"),
    [
        ("", 0, 160),
        ("a" * 160, 1, 0),
        ("a" * 161, 2, 145),
        ("a" * 306, 2, 0),
        ("a" * 307, 3, 152),
        ("€" * 80, 1, 0),
        ("€" * 81, 2, 143),  # 76 to a segment: an escape is not parted from its character
        ("a" * 69 + "ж", 1, 0),
        ("a" * 70 + "ж", 2, 63),
        ("😀" * 35, 1, 0),
        ("😀" * 67, 3, 65),  # 33 to a segment: 66 of 67 units
    ],
)
def test_limits(text: str, segments: int, left: int) -> None:
    assert (sms.measure(text).segments, sms.measure(text).left) == (segments, left)


@pytest.mark.parametrize("together", ["👩‍👩‍👧‍👦", "🇬🇧", "👍🏽", "e\u0301", "❤️", "1️⃣", "\r\n"])
def test_what_is_seen_as_one_stays_in_one_segment(together: str) -> None:
    text = "ж" * 66 + together + "б" * 20
    first, second = sms.parts(text)
    assert (first, second) == ("ж" * 66, together + "б" * 20)


def test_it_is_parted_where_that_saves_a_segment() -> None:
    text = "ж" * 66 + "e\u0301" + "б" * 66  # 67 + 67 units, or 66 + 68
    assert sms.parts(text) == ["ж" * 66 + "e", "\u0301" + "б" * 66]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("“It’s here” – see…", '"It\'s here" - see...'),
        ("5\u00a0%\u200b off", "5 % off"),
        ("“Зима”", "“Зима”"),  # it would be UCS-2 all the same
        ("“Nice” 😀", "“Nice” 😀"),
        ("plain", "plain"),
    ],
)
def test_smart_encoding_changes_what_it_saves_by(written: str, sent: str) -> None:
    assert sms.smart(written) == sent


@given(TEXTS)
def test_smart_encoding_is_idempotent_and_never_dearer_in_kind(text: str) -> None:
    made = sms.smart(text)
    assert sms.smart(made) == made
    assert made == text or sms.is_gsm(made)


@pytest.mark.parametrize("char", ["ç", "ã", "ł", "œ", "ő", "ž"])
def test_letters_have_a_look_alike(char: str) -> None:
    [found] = sms.measure(char).first_non_gsm
    assert found.instead is not None
    assert found.instead.isascii()


def test_cyrillic_and_emoji_have_none() -> None:
    assert [each.instead for each in sms.measure("ж😀").first_non_gsm] == [None, None]


@pytest.mark.parametrize(
    "text",
    ["Sale. Reply STOP to opt out", "Sale. Text STOP", "Sale. reply \"STOP\" to end", "Sale\nOpt out: reply STOP",
     "Soldes. STOP au 36111", "Abmelden: STOP antworten", "Reply with STOP", "Reply STOP 2 end", "Opt-out: STOP",
     "Reply with the word “STOP” if you want no more", "STOP to unsubscribe", "Text us. Send STOP to 60000"],
)  # fmt: skip
def test_a_text_that_says_how_to_stop_gets_no_second_line(text: str) -> None:
    assert sms.with_stop_line(text, sms.STOP_LINE) == text


@pytest.mark.parametrize(
    "text",
    [
        "STOP! Sale ends today",
        "Non-STOP fun",
        "Stop by our shop",
        "Never STOP shopping",
        "Text us! STOP wasting money",
        "Text us. STOP paying more",
        "Send STOP signs home",
        "STOP to end of season prices",
        "Reply now! Non-STOP fun",
        "The “STOP” sale",
    ],
)
def test_the_word_alone_says_nothing(text: str) -> None:
    assert sms.with_stop_line(text, sms.STOP_LINE) == f"{text}\nReply STOP to opt out"


def test_every_countrys_line_is_plain_and_says_how() -> None:
    lines = {sms.stop_line(country) for country in ("GB", "FR", "DE", "ES", "IT", "NL", "PT", "SE", "NO", "DK", "PL")}
    assert len(lines) == 11
    for line in lines:
        assert sms.is_gsm(line)
        assert sms.with_stop_line(line, sms.STOP_LINE) == line


@pytest.mark.parametrize(
    ("phone", "country"),
    [("+447400123456", "GB"), ("+14165550123", "CA"), ("+12125550123", "US"), ("+33612345678", "FR"), ("x", ""),
     ("+447700900001", "GB"), ("+999123456", "")],
)  # fmt: skip
def test_country_of_a_number(phone: str, country: str) -> None:
    assert sms.country_of(phone) == country


def test_price_by_country() -> None:
    said = {"currency": "GBP", "per_segment": {"GB": "0.035"}, "otherwise": "0.08"}
    rates: Texting = parse(TEXTING, said)
    assert (rates.price(2, "GB"), rates.price(3, "FR")) == (Decimal("0.070"), Decimal("0.24"))
    assert Texting().price(2, "GB") is None


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"per_segment": {"GB": "0.03"}}, ""),
        ({"currency": "GBP", "per_segment": {"gb": "0.03"}}, "per_segment.gb"),
        ({"currency": "GBP", "otherwise": -1}, "otherwise"),
        ({"stop_lines": {"GB": "Reply END"}}, "stop_lines.GB"),
        ({"price": 3}, "price"),
    ],
)
def test_wrong_settings_are_refused_at_their_field(said: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(TEXTING, said)
    assert refused.value.problems[0].field == field
