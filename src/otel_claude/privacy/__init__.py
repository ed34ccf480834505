"""Redaction and encryption of content: a step before anything is emitted."""
