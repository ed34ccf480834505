"""Conformance with the OpenTelemetry GenAI conventions."""
