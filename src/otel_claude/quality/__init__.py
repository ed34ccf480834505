"""Whether answers are any good: evaluators that run after the call, and what users say.

Words: an *answer* is what an evaluator sees of a call; an *evaluator* judges answers; a *verdict* is
what it says of one; a *check* is an evaluator that is built in; a *suite* weighs checks into one
score; the *judge* is a second Claude call; a *history* is what a process saw of one number before.
"""

from otel_claude.quality.answer import Answer, Verdict

__all__ = ["Answer", "Verdict"]
