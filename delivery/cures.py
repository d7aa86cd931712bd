"""What a person can do about a reason that the ledger or a pre-flight gives. Pure."""

from __future__ import annotations

PROVIDER = "The provider's own words. Addresses refused for good are best corrected or suppressed."
_FIND_OUT = "Look at the provider's own log, then settle it as sent or as not sent, or send it again."
# By the beginning of the reason.
_CURES = (
    ("render: no value", "Give the variable a default in the template: {{ … | default(\"there\") }}."),
    ("render:", "Correct the template; the preview for such a customer shows the error."),
    ("suppressed", "They unsubscribed, bounced or complained after the run began: nothing to do."),
    ("no_consent", "They withdrew their consent after the run began: nothing to do."),
    ("no_address", "Their address was removed after the run began: nothing to do."),
    ("too late", "Send earlier, or let the campaign expire later."),
    ("the run was cancelled", "Somebody cancelled the run."),
    ("the worker stopped", f"It may or may not have arrived. {_FIND_OUT}"),
    ("handed over", f"It was given to the provider, whose answer got lost. {_FIND_OUT}"),
    ("sent again, and again no answer", f"The provider takes it and does not answer: see its status page. {_FIND_OUT}"),
    ("not sent again so far", "It is tried again by itself as soon as the provider works."),
    ("not sent again: suppressed", "They unsubscribed, bounced or complained meanwhile: settle it as it was."),
    ("not sent again: no_consent", "They withdrew their consent meanwhile: settle it as it was."),
    ("not sent again: too late", "It would come too late: settle it as it was."),
    ("not sent again: render", "Correct the template; then it can be sent again."),
    ("not sent again", f"What stands in the way has to be put right before. {_FIND_OUT}"),
    ("settled as", "Somebody settled it by hand: nothing to do."),
    ("gave up", "The provider stayed out of reach for a day: check its status, then launch again for those left."),
    ("deferred", "The provider kept putting it off: check its limits for this sender."),
)  # fmt: skip


def cure(reason: str) -> str:
    return next((words for beginning, words in _CURES if reason.startswith(beginning)), PROVIDER)


def of_rendering(problem: str) -> str:
    """The cure of what a renderer says itself."""
    return cure(f"render: {problem}")
