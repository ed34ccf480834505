"""Plain data: what happened in a call. Knows neither the SDK nor OpenTelemetry."""
