"""Measure this project side by side with what others would use.

python -m benchmarks                 every section: prints the tables, writes benchmarks/results.md (`make bench`)
python -m benchmarks a c --quick     some sections, with few samples
python -m benchmarks --out FILE      write the results elsewhere

It needs nothing but the installed environment: each section starts its own PostgreSQL (commits are flushed to disk),
SQLite file, sandbox, web servers and workers in temporary folders. Each section is one module; its docstring says what
it compares, and its `measure` yields the rows. Results are only worth something on a machine that does nothing else.
"""
