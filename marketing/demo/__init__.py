"""The demo's retailers: who they are, their customers with eighteen months of habits, and a campaign each. All of
it is made up, and the same every time for the same seed."""
