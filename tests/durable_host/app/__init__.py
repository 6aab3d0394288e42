"""The user's app: imported, indexed, checked, and called as the Python worker calls it."""
