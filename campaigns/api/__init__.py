"""The REST API of stages 1 and 2. A view parses, makes one call into the domain, and translates the answer."""
