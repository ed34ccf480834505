"""How well the built-in detectors do on the corpus: python -m tests.privacy.figures"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from otel_claude.privacy.detectors import KINDS
from otel_claude.privacy.redaction import Redactor

from .corpus import CLEAN, SECRETS, Labelled

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "privacy.md"
BEGIN: Final = "<!-- figures: made by python -m tests.privacy.figures -->"
END: Final = "<!-- end of figures -->"


def misses(redactor: Redactor) -> list[Labelled]:
    """Secrets of which something is left: not even half of one may be."""
    return [case for case in SECRETS if _is_left(case.secret, redactor.redact(case.text))]


def _is_left(secret: str, redacted: str) -> bool:
    half = secret[: max(len(secret) // 2, 4)], secret[-max(len(secret) // 2, 4) :]
    return any(piece in redacted for piece in half)


def false_hits(redactor: Redactor) -> list[Labelled]:
    """Texts without a secret in which something was replaced."""
    return [case for case in CLEAN if redactor.redact(case.text) != case.text]


def table() -> str:
    """The figures as a table."""
    redactor = Redactor()
    all_of = Counter(case.kind for case in SECRETS)
    missed = misses(redactor)
    of_kind = Counter(case.kind for case in missed)
    rows = [f"| `{kind}` | {all_of[kind]} | {of_kind[kind]} |" for kind in KINDS]
    hits = false_hits(redactor)
    hard = "; ".join(f"`{case.secret[:32]}`" for case in missed)
    return "\n".join(
        (
            "| kind | secrets | missed |",
            "|---|---|---|",
            *rows,
            f"| all | {len(SECRETS)} | {len(missed)} |",
            "",
            f"Missed: {hard}.",
            "",
            f"False hits: {len(hits)} of {len(CLEAN)} texts without a secret"
            + (": " + "; ".join(f"`{case.text}`" for case in hits) if hits else "")
            + ".",
        )
    )


def with_figures(text: str) -> str:
    """The document with the figures made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_figures(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
