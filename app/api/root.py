"""The composition root: routes at the top and under /v1, the guard and problems around them."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Security
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer

from app.api import allowed, daily, decisions, health, portfolio, problems, running
from app.api.desk import Desk
from app.api.guard import Guard
from app.api.models import Problem
from app.config import Settings
from app.io.store.database import Database

BEARER = HTTPBearer(auto_error=False, description="the value of API_TOKEN")
DOCUMENTED = {
    401: "the token is missing or wrong",
    404: "no such book",
    409: "the book was never started in this database",
    422: "a parameter cannot be used",
    503: "the database cannot be reached",
}


def create_app(settings: Settings, database: Database) -> FastAPI:
    """Return the application. It reads the database and nothing else, and writes nothing."""
    # The pages of documentation would load scripts from elsewhere; the document itself is enough.
    app = FastAPI(title="Metronome", version=version("metronome"), docs_url=None, redoc_url=None)
    problems.install(app)
    desk = Desk(settings, database)
    for prefix in ("", "/v1"):
        app.include_router(health.routes(desk), prefix=prefix, responses=_responses(503))
        for area in (portfolio, daily, allowed, decisions, running):
            app.include_router(
                area.routes(desk),
                prefix=prefix,
                # Documentation only: the guard does the work, for paths without a route too.
                dependencies=[Security(BEARER)],
                responses=_responses(*DOCUMENTED),
            )
    app.add_middleware(Guard, token=settings.api.token)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign] # FastAPI's own way
    return app


def _responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem, "description": DOCUMENTED[status]} for status in statuses}


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, in which problems bear their own media type."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    content = response["content"]
                    content[problems.MEDIA_TYPE] = content.pop("application/json")
    return document
