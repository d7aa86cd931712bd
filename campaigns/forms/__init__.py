"""Real forms for what marketers edit. They compose the configuration; the gate judges it."""
