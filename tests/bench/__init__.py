"""Benchmarks: what the project's parts take, beside peers that are measured in the same run.

Called by: ``python -m bench`` (``tox run -e bench``). Calls: hosts as processes, the harness, the pages.
Invariant: no figure without the check that what was measured was also right.
"""
