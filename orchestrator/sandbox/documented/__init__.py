"""
What the documentation states about functions, as facts: examples with their stated results, and each function's source.

`examples/FAMILY.jsonl` holds an example a line, `sources/FAMILY.tsv` a function a line. `python -m
orchestrator.sandbox.documented` checks the examples and prints what is right, refused and missing.
"""
