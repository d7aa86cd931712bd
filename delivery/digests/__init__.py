"""A mail to a retailer's people who want it: what ran, how it did, what needs them.

Reads    User, Tally, Run and what delivery.needs reads
Writes   User (`digest`, `digested_until`) and the agenda
Promise  each period is told at most once: it is marked as told before the mail is handed over, and given back only
         where it certainly did not go; somebody who wants none gets none
"""

from delivery.digests.choosing import AGENDA_KIND, choose, promise, reader
from delivery.digests.sending import advance

__all__ = ["AGENDA_KIND", "advance", "choose", "promise", "reader"]
