"""Warm-up of a sender's domain: receivers trust a domain that they know, and get to know it by a growing number of
messages to people who want them.

`schedule` is the ramp and pure, `receivers` tells groups of mailboxes apart, `rates` is what came back from each,
`ramping` moves a day on by it, `picking` chooses a day's people and is asked at every hand-over, and `acts` is what
people do: begin, hold, go on, skip, finish.
"""
