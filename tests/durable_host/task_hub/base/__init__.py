"""Names, options and errors of a task hub."""
