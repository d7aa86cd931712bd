"""Whether the domain that mail is sent from stands in DNS as receivers ask for it: SPF, DKIM, DMARC, and that it
exists.

`lookup` asks DNS, within a time; `spf`, `dkim`, `dmarc`, `existence`, `bounces` and `freemail` each look at one thing;
`accounts` says who sends for a domain; `checking` puts it together and keeps what it found for a while; `gate` is what
every launch asks.
"""
