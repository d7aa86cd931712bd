"""What an inbox shows before anybody opens the message."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.linting.page import visible
from campaigns.linting.sample import Found, Sample

PHONE = 40  # characters of a subject that phones show upright
LONGEST = 70  # that a desktop shows
_PREHEADER = 110  # that any inbox shows


def subject(sample: Sample) -> Iterator[Found]:
    longest = max((visible(each) for each in sample.subjects), key=len, default="")
    if len(longest) > LONGEST:
        message = f"the subject has {len(longest)} characters, and inboxes show {LONGEST} at most"
        yield Found(message, f"say the most important in the first {PHONE}", "subject")
    elif len(longest) > PHONE:
        message = (
            f"of the subject's {len(longest)} characters, phones show about {PHONE}: “{longest[:PHONE].rstrip()}…”"
        )
        yield Found(message, "say the most important first", "subject", severity="hint")


def preheader(sample: Sample) -> Iterator[Found]:
    """Written for itself, or hidden at the beginning of the document."""
    hidden = [page.preheader for page in sample.pages]
    if not sample.preheader.strip() and not all(hidden):
        begins = next((page.words[:40] for page in sample.pages if page.words), "")
        shown = f": inboxes show how the message begins instead, “{begins}…”" if begins else ""
        yield Found(f"it has no preheader{shown}", "add a sentence that goes on where the subject ends", "preheader")
        return
    longest = max((each or "" for each in hidden), key=len, default="")
    if len(longest) > _PREHEADER:
        message = f"the preheader has {len(longest)} characters, and inboxes show about {_PREHEADER}"
        yield Found(message, "shorten it", "preheader")
