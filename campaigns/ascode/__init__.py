"""A retailer's configuration as files: exported, compared, applied as one change, and rolled back.

Reads    the retailer's Layer, Brand, Segment, Template, Campaign; a folder of YAML
Writes   Layer, Brand, Segment, Template, Campaign (through the doors that own them), ConfigSnapshot
Promise  what was exported applies as no change; a change is made whole or not at all, and can be undone

A kind of document is one class in `kinds` and one entry in its table: files, plans and history follow from that.
"""
