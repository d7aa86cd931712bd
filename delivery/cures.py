"""What a person can do about a reason that the ledger or a pre-flight gives. Pure."""

from __future__ import annotations

PROVIDER = "The provider's own words. Addresses refused for good are best corrected or suppressed."
# By the beginning of the reason.
_CURES = (
    ("render: no value", "Give the variable a default in the template: {{ … | default(\"there\") }}."),
    ("render:", "Correct the template; the preview for such a customer shows the error."),
    ("suppressed", "They unsubscribed, bounced or complained after the run began: nothing to do."),
    ("no_consent", "They withdrew their consent after the run began: nothing to do."),
    ("no_address", "Their address was removed after the run began: nothing to do."),
    ("too late", "Send earlier, or let the campaign expire later."),
    ("the run was cancelled", "Somebody cancelled the run."),
    ("the worker stopped", "It may or may not have arrived; it is not sent again, so that nobody gets it twice."),
    ("gave up", "The provider stayed out of reach for a day: check its status, then launch again for those left."),
    ("deferred", "The provider kept putting it off: check its limits for this sender."),
)  # fmt: skip


def cure(reason: str) -> str:
    return next((words for beginning, words in _CURES if reason.startswith(beginning)), PROVIDER)


def of_rendering(problem: str) -> str:
    """The cure of what a renderer says itself."""
    return cure(f"render: {problem}")
