"""A recorded history held against today's code."""
