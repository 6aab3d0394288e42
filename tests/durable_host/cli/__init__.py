"""The commands: ``start``, ``replay``, and what they print."""
