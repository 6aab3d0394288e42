"""An embedded Azure Functions host for durable Python apps, for development and tests.

Started by: ``python -m local_host start``. Calls: ``durable_engine`` for what an orchestration does, ``recorded_pages``
for pages without a network, and Azure Storage, which on this machine is Azurite.
Invariant: it is not for production, which is Azure Functions, and nothing in ``src`` knows of it.
"""
