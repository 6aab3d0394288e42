"""The storage account: clients of its three services, and the blobs of large payloads."""
