"""Running a task hub: what happens next, what goes wrong, what is waited for."""
