"""Turns finished calls into GenAI telemetry. Knows nothing of the SDK."""
