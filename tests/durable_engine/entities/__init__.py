"""Entities: their messages, their scheduler's state, and one batch of operations."""
