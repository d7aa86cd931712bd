"""What is counted of messages: opens by a picture that nobody sees, clicks by links that lead by way of us.

A link in a message names a stored link (delivery.models.Link) by a ref that cannot be made up, and the message by its
token: where it leads is looked up, never asked for. A link that holds values of a person or a product leads elsewhere
for each message, and what it was made from may have changed by the time of the click: it carries its address, sealed
for that message and link.
"""

from delivery.tracking.hits import Hit, read_click, read_open
from delivery.tracking.marking import Tracker, tracker
from delivery.tracking.tagging import Utm

__all__ = ["Hit", "Tracker", "Utm", "read_click", "read_open", "tracker"]
