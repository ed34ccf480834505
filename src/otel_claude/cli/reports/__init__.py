"""`otel-claude report` and `otel-claude compare`: the analyses as text, Markdown and HTML."""
