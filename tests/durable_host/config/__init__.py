"""Settings, host.json and logs, as ``func start`` reads and writes them."""
