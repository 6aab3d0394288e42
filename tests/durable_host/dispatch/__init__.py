"""Work: from messages to episodes and activities, and from their outcomes back to the task hub."""
