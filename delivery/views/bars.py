"""Numbers by the hour as bars of a page: few enough to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

DAYS = 14  # of a forecast, one by one
MOST = 48  # bars; more hours than that are shown by the day, and more days than that by their first


def of_hours(hours: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`hours` are {at, messages} in order; bars are {label, count, share}, the share in percent of the highest."""
    by_hour = {datetime.fromisoformat(each["at"]): each["messages"] for each in hours}
    is_one_day = len({at.date() for at in by_hour}) == 1
    counted: Counter[str] = Counter()
    for at, messages in by_hour.items():
        label = f"{at:%H:%M}" if is_one_day else f"{at:%d %b, %H:%M}"
        counted[label if len(by_hour) <= MOST else f"{at:%d %b %Y}"] += messages
    highest = max(counted.values(), default=0) or 1
    return [
        {"label": label, "count": number, "share": 100 * number / highest}
        for label, number in list(counted.items())[:MOST]
    ]


def of_days(plan: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`plan` are {day, messages}, of which the first DAYS are shown."""
    shown = plan[:DAYS]
    highest = max((each["messages"] for each in shown), default=0) or 1
    return [
        {
            "label": f"{date.fromisoformat(each['day']):%d %b %Y}",
            "count": each["messages"],
            "share": 100 * each["messages"] / highest,
        }
        for each in shown
    ]
