"""What a campaign's run would come to now, worked out by the code that runs it, and nothing sent.

Reads    what stage 2 reads, the ledger, templates, the brand, the campaigns that are due
Writes   Preflight
Promise  on data that stand still, the run that follows has the very same numbers; no part takes longer than its time:
         one that would is told under `late`, and the rest stands

Shape of a result, number 1 (`shape`):
    candidates, included, excluded    the waterfall: numbers by reason in the order of precedence; None when late
    sentence, exclude                 whom the audience's rules mean
    steps      [{step, channel, reached, missed: {reason: number}}]: of those included, whom the channel can reach
    times      {zone, hours: [{at, messages}], note}: by the hour, as the retailer's clocks show it
    days       {max_per_day, used_today, days, last_day, warm_up}: None where nothing bounds a day; `warm_up` is a
               forecast for each domain that warms up (delivery.preflight.warming)
    senders    what DNS says of each domain that it is sent from (delivery.senders.checking)
    collisions [{campaign, name, due_at, in_common, over_cap, later}], the soonest first; `more` are not counted
    sample     {people, shown: [external_id], errors: [{step, variant, problem, cure, people, external_ids}],
               texts: [{step, people, per_message, parts, margin, wide, price, currency, unpriced}]}: what SMS come
               to, reckoned up from the sample (texting)
    findings   [{rule, severity, message, cure, field, part, line, column, step, variants, template}]: what the checks
               before launch found, the heaviest first (campaigns.linting)
    caps       how many messages somebody may get, in words
    policy, marks                     for delivery.reconciliation
    late       {part: words}
"""

from delivery.preflight.making import make
from delivery.preflight.words import as_data, lines

__all__ = ["as_data", "lines", "make"]
