"""A run counted: its messages by everything that a report asks for, its links, and those reached beside those held out.

Reads    Message, Signal, Member, Event, Customer, Run, Brand (its currency), and Segment through campaigns.belonging
Writes   Tally, SegmentTally, LinkTally, Result; Counting, and Placement through campaigns.belonging
Promise  each slice of a run's messages is counted by one statement from the rows themselves: counted again, it is the
         same, and every number of a report is a sum over these. A large run is counted slice by slice: whoever dies on
         the way loses one of them, and nobody holds a turn for longer than one takes

A goal event counts for the last message that reached its customer before it, of whichever campaign, if that was sent
within the campaign's window (last touch). Beside it stand the arms: everybody who was drawn, and what they did in one
and the same window, which begins when the draw is made and ends with the last message's.

Amounts are added up within their currency alone; one that names none is in the brand's. While a large run is counted
anew, slices that were counted stand beside those still to come: none is older than what the run's Result says.
"""

from delivery.tallies.counting import AGENDA_KIND, advance, begin, count

__all__ = ["AGENDA_KIND", "advance", "begin", "count"]
