"""`otel-claude doctor`: why is there no data?"""

from otel_claude.cli.doctor.command import doctor

__all__ = ["doctor"]
