"""Errors as application/problem+json: one clear line each, no traceback, no SQL, no secret."""

from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.api.models import Problem
from app.engine.errors import InvalidData, Transient

MEDIA_TYPE = "application/problem+json"
LONGEST_SHOWN = 40


def answer(status: int, detail: str, **headers: str) -> JSONResponse:
    """Return the response for a problem."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of the application be answered as a problem."""

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, str(error.detail), **(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, "; ".join(_line(each) for each in error.errors()))

    @app.exception_handler(Transient)
    def unreachable(request: Request, error: Transient) -> JSONResponse:
        return answer(503, str(error), **{"Retry-After": "5"})

    @app.exception_handler(InvalidData)
    def unusable(request: Request, error: InvalidData) -> JSONResponse:
        return answer(409, str(error))

    @app.exception_handler(sa.exc.ProgrammingError)
    def other_tables(request: Request, error: sa.exc.ProgrammingError) -> JSONResponse:
        detail = "database: it does not have this version's tables; run `metronome migrate`"
        structlog.get_logger("metronome").error("wrong_tables", why=str(error.orig))
        return answer(503, detail)

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> JSONResponse:
        return answer(500, "an error of this program; its log has the details")


def _line(error: dict[str, Any]) -> str:
    """Name the parameter, what was given and what is accepted."""
    name = ".".join(str(part) for part in error["loc"][1:]) or "request"
    said = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"{_short(name)}: no such parameter"
    return f"{_short(name)}: {_short(error['input'])!r}; {said[:1].lower()}{said[1:]}"


def _short(given: object) -> str:
    text = str(given)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
