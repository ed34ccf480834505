"""What is told of an alert, in the forms that channels take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

_COLOURS: Final = {"info": "#3f6fb5", "warning": "#c59a30", "critical": "#b8312f"}
_OVER: Final = "#2c7a51"


@dataclass(frozen=True)
class Message:
    """One message; its fields are what commands get as JSON.

    Attributes:
        status: what it says.
        rule: name of the rule.
        type: of the rule.
        severity: of the rule.
        text: what was found, with the limit.
        value: what was found, None where nothing can be said.
        threshold: the limit, in the same unit.
        window_seconds: of the rule.
        where: filters of the rule.
        at: ISO 8601, UTC.
        link: the calls in the dashboard.
    """

    status: Literal["firing", "resolved", "test"]
    rule: str
    type: str
    severity: str
    text: str
    value: float | None
    threshold: float | None
    window_seconds: float | None
    where: dict[str, list[str]]
    at: str
    link: str | None

    @property
    def title(self) -> str:
        """One line."""
        return f"{self.status.upper()} {self.severity}: {self.rule}"

    def fields(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def slack(self) -> dict[str, Any]:
        """As incoming webhooks of Slack take it, and of others that took over its format."""
        said = [_plain(self.text)]
        if self.where:
            filters = (f"{name} {' or '.join(values)}" for name, values in self.where.items())
            said.append(_plain(", ".join(filters)))
        if self.link:
            said.append(f"<{_plain(self.link)}|Open the calls>")
        colour = _OVER if self.status == "resolved" else _COLOURS[self.severity]
        return {
            "text": _plain(f"otel-claude: {self.title}"),
            "attachments": [
                {"color": colour, "fallback": _plain(self.text), "text": "\n".join(said)}
            ],
        }


def _plain(text: str) -> str:
    """Slack reads these three as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
