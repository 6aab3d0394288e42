"""The words that everything else is said in: instants, events, JSON, checkpoints, failures, notices."""
