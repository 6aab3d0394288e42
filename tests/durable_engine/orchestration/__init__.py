"""One episode of an orchestration: the host's half, which walks what the SDK answered."""
