"""The embedded backend: receives OTLP, keeps it in DuckDB, answers questions about it.

It reads what any process emits, by the names in `semconv`; it knows nothing of how a call was
captured.
"""
