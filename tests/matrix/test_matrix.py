"""Every surface x every ending x {sync, async} x every SDK version of `sdks`.

Each cell is one call. It must be recorded exactly once and truthfully, and the program that makes it
must see the very same as without us. The cells run in one subprocess per SDK (`runner`), once
without and once with instrumentation; here each is judged by itself.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.matrix import programs, sdks
from tests.matrix.checks import problems

# The first cell waits for the runs of all.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The results of all SDK versions that the selected tests need."""
    wanted: dict[str, set[str]] = {}
    for item in request.session.items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if {"sdk", "cell"} <= params.keys():
            wanted.setdefault(params["sdk"], set()).add(params["cell"])
    return sdks.run_all(wanted)


def test_every_cell_has_a_name_of_its_own() -> None:
    names = programs.names()
    assert len(names) == len(set(names)) > 2000


@pytest.mark.parametrize("sdk", sdks.VERSIONS)
@pytest.mark.parametrize("cell", programs.names())
def test_cell(matrix: dict[str, Any], sdk: str, cell: str) -> None:
    results = matrix[sdk]
    if isinstance(results, sdks.NoEnvironmentError):
        if os.environ.get("CI") == "true":
            pytest.fail(str(results), pytrace=False)
        pytest.skip(str(results))
    if isinstance(results, Exception):
        pytest.fail(f"the cells could not be run: {results}", pytrace=False)
    if cell in results["skipped"]:
        pytest.skip(f"SDK {sdk} has {results['skipped'][cell]}")
    if wrong := problems(results["cells"][cell]):
        seen = results["cells"][cell]["seen"]
        pytest.fail("\n".join([*wrong, f"last seen by the program: {seen}"]), pytrace=False)


def test_what_the_sdks_lack_is_what_we_know_they_lack(matrix: dict[str, Any]) -> None:
    """A surface that silently vanishes from a cell would prove nothing."""
    for sdk, results in matrix.items():
        if isinstance(results, Exception):
            continue
        lacking = set(results["skipped"].values())
        assert lacking <= KNOWN_TO_LACK.get(sdk, set())


KNOWN_TO_LACK = {
    "0.51.0": {
        "no AnthropicFoundry",
        "no AnthropicBedrockMantle",
        "no AnthropicAWS",
        "no AnthropicGoogleCloud",
        "no messages.parse",
        "no beta.messages.parse",
    }
}
