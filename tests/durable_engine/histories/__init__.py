"""Recorded histories, from table rows or the management API's JSON, cut into their episodes."""
