"""What is checked about a run, one finding per module."""
