"""The demo's retailers: their identity, their people with two years of habits, and a campaign each. Made up, and
the same each time for the same seed."""
