"""The functions of an app, and what answers in their place."""
