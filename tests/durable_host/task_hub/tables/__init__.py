"""The history and the instances table: rows, and what is asked of them."""
