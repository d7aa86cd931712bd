"""Products that a message shows a person: `products` in its template.

Reads    Event, Product, ProductPast, Popularity, PopularityCount, Member
Writes   Popularity, PopularityCount; old rows of ProductPast go
Promise  one statement for all people of a batch; what somebody was shown can be told again for the moment it was
"""

from campaigns.recommendations.picking import MOST, Picks, pick, pick_again
from campaigns.recommendations.popularity import KEPT_DAYS, count_everywhere, count_once, is_kept, tidy

__all__ = ["KEPT_DAYS", "MOST", "Picks", "count_everywhere", "count_once", "is_kept", "pick", "pick_again", "tidy"]
