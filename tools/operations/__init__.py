"""Makes what an operator takes from `deploy/`: Prometheus rules and their tests, dashboards.

All of it is made from the names in `otel_claude.semconv` and from `deploy/prometheus/thresholds.yaml`:

    python -m tools.operations            # write the files anew
    python -m tools.operations --check    # exit 1 where they differ
"""
