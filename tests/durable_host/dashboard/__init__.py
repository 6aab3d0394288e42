"""Pages over the management view: the instances of a hub, each with its timeline, and what can be done to them."""
