"""The checks of code in an answer: does it parse, does it import what there is, is it safe?

Nothing of it is ever run, or written to a file. Python, JSON and, from Python 3.11 on, TOML.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import re
import sys
import textwrap
import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_claude.quality.answer import Answer, Verdict, verdict
from otel_claude.quality.checks import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

_FENCE: Final = re.compile(
    r"^(?P<indent> {0,12})(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)[^\n]*\n"
    r"(?P<code>.*?)^ {0,12}(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_LONGEST: Final = 200_000  # characters of a block that are looked at
_DEEPEST: Final = 100  # brackets within brackets: the parser's stack is the process's
_FILE: Final = "<answer judged by otel-claude>"
_PYTHON: Final = frozenset({"python", "py", "python3"})


class Block(NamedTuple):
    """A fenced block of code."""

    language: str
    code: str


def blocks(answer: Answer) -> list[Block]:
    """The fenced blocks of an answer that say what language they are in."""
    return [
        Block(found["language"].lower(), textwrap.dedent(found["code"]))
        for found in _FENCE.finditer(answer.text)
        if found["language"] and len(found["code"]) <= _LONGEST
    ]


def parses(answer: Answer) -> Verdict | None:
    """Fails where a block does not parse; the score is the share of those that do."""
    tried = [(block.language, _problem(block)) for block in blocks(answer) if _is_known(block)]
    bad = [(language, problem) for language, problem in tried if problem is not None]
    if not tried:
        return None
    explanation = "; ".join(f"{language} {problem}" for language, problem in bad[:3])
    return verdict(not bad, explanation, score=1 - len(bad) / len(tried))


def _is_known(block: Block) -> bool:
    # A session at the prompt is no program.
    return block.language in _PARSERS and not block.code.lstrip().startswith(">>>")


def _problem(block: Block) -> str | None:
    """Where it does not parse; None where it does."""
    try:
        _PARSERS[block.language](block.code)
    except (ValueError, SyntaxError) as error:
        line = getattr(error, "lineno", None)
        return f"does not parse (line {line})" if line else "does not parse"
    except (RecursionError, MemoryError):
        return "is too deeply nested"
    return None


def _tree(code: str) -> ast.Module:
    """The tree of a program, without a warning about it.

    Raises:
        SyntaxError: it is none.
    """
    depth = 0
    for letter in code:
        depth += (letter in "([{") - (letter in ")]}")
        if depth > _DEEPEST:
            raise MemoryError
    _keep_quiet()
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(code, _FILE, "exec", flags, dont_inherit=True)
    assert isinstance(tree, ast.Module)  # noqa: S101 - what PyCF_ONLY_AST with `exec` makes
    return tree


def _keep_quiet() -> None:
    """Have the parser's warnings about `_FILE` ignored; other filters stay as they are."""
    module = re.escape(_FILE)
    if not any(getattr(kept[3], "pattern", None) == module for kept in warnings.filters):
        warnings.filterwarnings("ignore", module=module)
        # Bandit calls stevedore so, when it is imported.
        warnings.filterwarnings("ignore", "The verify_requirements argument", DeprecationWarning)


def _toml(code: str) -> None:
    if sys.version_info >= (3, 11):
        import tomllib

        tomllib.loads(code)


_PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    **dict.fromkeys(_PYTHON, _tree),
    "json": json.loads,
    "toml": _toml,
}


def _programs(answer: Answer) -> Iterator[ast.Module]:
    """The Python blocks that parse."""
    for block in blocks(answer):
        if block.language in _PYTHON and _is_known(block) and _problem(block) is None:
            yield _tree(block.code)


class Imports:
    """Fails where Python imports what does not exist; the score is the share of what does.

    Exists: in the standard library, in the environment of this process, or in `known`.

    Args:
        known: modules that exist where the code is meant to run.
    """

    def __init__(self, known: Collection[str] = ()) -> None:
        self._known = frozenset(known)

    def __call__(self, answer: Answer) -> Verdict | None:
        """Judge the imports of an answer."""
        found = [name for tree in _programs(answer) for name in _imported(tree)]
        if not found:
            return None
        wrong = [name for name in found if not self._exists(*name)]
        explanation = f"{len(wrong)} of {len(found)} imports do not exist"
        return verdict(not wrong, explanation, score=1 - len(wrong) / len(found))

    def _exists(self, module: str, name: str | None) -> bool:
        top = module.partition(".")[0]
        if top in self._known:
            return True
        if top not in sys.stdlib_module_names:
            try:
                return top in sys.modules or importlib.util.find_spec(top) is not None
            except (ImportError, ValueError):
                return False
        # Of the standard library we can say more, where that imports nothing.
        loaded = sys.modules.get(module)
        if loaded is None:
            return "." not in module or self._is_submodule(module)
        inside = f"{module}.{name}"
        return name in (None, "*") or hasattr(loaded, str(name)) or self._is_submodule(inside)

    def _is_submodule(self, module: str) -> bool:
        parent = module.rpartition(".")[0]
        if parent not in sys.modules:
            return True  # to know, it would have to be imported
        try:
            return importlib.util.find_spec(module) is not None
        except (ImportError, ValueError, AttributeError):
            return False


def _imported(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """What a program imports from outside: module, and name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for alias in node.names:
                yield node.module, alias.name


_SEVERE: Final[Mapping[str, float]] = {"HIGH": 0.0, "MEDIUM": 0.5}


def safe(answer: Answer) -> Verdict | None:
    """Fails where Bandit finds something of medium or high severity in Python: 0.5, or 0."""
    try:
        # Written anew: without comments, which can turn Bandit off, and odd escapes, of which its
        # parser would warn in the application.
        programs = [ast.unparse(tree) for tree in _programs(answer)]
        issues = [issue for code in programs for issue in _issues(code)]
    except ImportError:
        missing("bandit", "code_safe")
        return None
    except RecursionError:
        return None
    if not programs:
        return None
    severe = [(str(issue.test_id), str(issue.severity)) for issue in issues]
    severe = [found for found in severe if found[1] in _SEVERE]
    score = min((_SEVERE[severity] for _, severity in severe), default=1.0)
    found = ", ".join(sorted({f"{test} ({severity.lower()})" for test, severity in severe}))
    return verdict(not severe, f"Bandit finds {found}", score=score)


def _issues(code: str) -> list[Any]:
    """What Bandit finds in a program.

    Raises:
        ImportError: there is no Bandit.
    """
    from bandit.core.config import BanditConfig
    from bandit.core.manager import BanditManager

    manager = BanditManager(BanditConfig(), "file", ignore_nosec=True)
    # Its public methods read files only, and what Claude said is not to be written to one.
    manager._parse_file(_FILE, io.BytesIO(code.encode("utf-8", "replace")), [_FILE])
    return list(manager.results)
