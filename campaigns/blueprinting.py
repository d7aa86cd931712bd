"""From a blueprint to a campaign, and from an older version of it to a newer one, when its people want that.

Reads    the blueprints, Campaign, Segment, Template
Writes   Campaign (through configuration), Segment and Template (through editing), where the retailer lacks them
Promise  nothing of the retailer's is overwritten; an improvement is offered, never applied by itself
"""
