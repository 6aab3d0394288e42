"""Every order in which the outcome can differ: schedules, their tokens, and the proofs made of them."""
