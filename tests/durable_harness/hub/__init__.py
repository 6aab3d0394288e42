"""The task hub in memory: its instances, and everything that is on its way to them."""
