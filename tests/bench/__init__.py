"""Benchmarks: what the project's parts take, beside peers that are measured in the same run.

Invariant: no figure without the check that what was measured was also right.
"""
