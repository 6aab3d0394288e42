"""Control queues and the work-item queue: messages, their text, their polling."""
