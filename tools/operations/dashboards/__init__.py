"""The Grafana dashboards, built with Grafana's own library (Python 3.11 and newer)."""
