"""Who asks for an invocation beside HTTP: timers, queues, blobs, and people by hand."""
