"""What the Durable extension does with one instance: pure, no I/O, no clock, no randomness."""
