"""The host's HTTP side: the app's HTTP triggers, the durable client binding, the management and the admin API.

``server`` listens and hands each request to ``triggers``, ``management`` or ``admin``; all of them work on the plain
values of ``messages`` and never see a socket.
Invariant: nothing here runs an orchestration; it reads the task hub and sends messages to it.
"""
