"""Why one person gets a campaign's messages, or does not: asked with the conditions that the run itself asks.

Reads    what stage 2 reads, of one person, and the ledger
Promise  the reason told is the one that a run would write on the same data, or did write; each leaf of the rule stands
         beside the value that decided it

Shape of an explanation:
    campaign, external_id, as_of, run, version
    verdict   {is_candidate, included, reason, words}: as it would be now, or, with `run`, by what the run asked
    rules     [{rule: include | exclude, sentence, matched, leaves: [{sentence, segments, matched, actual, words}]}]
    checks    [{reason, words, holds, detail}] in the order of precedence: the first that holds is the reason
    consents  what was said about the channel and the topic, the newest first; suppressions; address
    draws     {universal_holdout, holdout: {draw, share}, variant: {draw}}; limits [{words, had, most}]
    steps     [{step, channel, variant, planned_at}]
    runs      [{run, version, started_at, state, is_member, included, reason, words, draw,
              messages: [{..., outcomes}]}], the newest first
"""

from delivery.explanation.asking import explain
from delivery.explanation.words import lines

__all__ = ["explain", "lines"]
