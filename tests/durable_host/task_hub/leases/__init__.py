"""Who owns what: the app lease, and the partitions that workers share."""
