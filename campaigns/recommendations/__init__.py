"""Products that a message shows a person: `products` in its template.

Reads    Event, Product, Popularity, Member
Writes   Popularity
Promise  one statement for all people of a batch; what somebody was shown can be told again for the moment it was
"""

from campaigns.recommendations.picking import MOST, Picks, pick
from campaigns.recommendations.popularity import count_everywhere, count_once, tidy

__all__ = ["MOST", "Picks", "count_everywhere", "count_once", "pick", "tidy"]
