"""An embedded Azure Functions host for durable Python apps, for development and tests.

Invariant: it is not for production, which is Azure Functions, and nothing in ``src`` knows of it.
"""
