"""The page at `/`: static files of the package, and the chart library's script."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI

_WEB: Final = Path(__file__).parent / "web"

router = APIRouter()


@lru_cache(maxsize=1)
def _plotly() -> tuple[bytes, str]:
    from plotly.offline import get_plotlyjs

    script = get_plotlyjs().encode()
    return script, f'"{hashlib.sha256(script).hexdigest()[:16]}"'


@router.get("/plotly.min.js", include_in_schema=False)
def plotly(request: Request) -> Response:
    """The chart library, from its Python package: nothing comes from another host.

    A browser keeps it, and asks whether there is another: the package may have been upgraded.
    """
    script, tag = _plotly()
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(script, media_type="text/javascript", headers=headers)


class _Files(StaticFiles):
    """Files that a browser asks for anew: a later version may have others."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type] # handed on
        response.headers.setdefault("cache-control", "no-cache")
        return response


def mount(app: FastAPI) -> None:
    """Serve the page, after all other paths."""
    app.include_router(router)
    app.mount("/", _Files(directory=_WEB, html=True, check_dir=False), name="web")
