"""The REST API of stages 3 and 4: launching and steering runs, and what became of them."""
