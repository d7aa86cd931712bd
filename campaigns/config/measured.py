"""What facts measure of events, said once: for whoever keeps them, and for whoever asks them. Pure."""

from __future__ import annotations

ORDER = "order"  # the name of the event that counts as one
RECENT_ORDERS = 5  # how many of the newest are kept apart: windows that reach no further need no look at the events
ENGAGEMENTS = {
    "email": ("email_opened", "email_clicked"),
    "sms": ("sms_clicked",),
    "push": ("push_opened",),
}  # events that say somebody reacted on a channel
