"""The API against callers without the token, hostile parameters and a database that is gone."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from app.api.root import create_app
from app.config import load
from app.io.store.database import Database

TOKEN = "a-token-of-the-test"
GUARDED = ["/positions", "/portfolio/positions", "/portfolio/summary", "/orders", "/verdicts"]
GUARDED += ["/portfolio/daily", "/decisions/funnel", "/kpis", "/settings", "/experiments"]
#: Cannot be asked without a symbol.
DOCUMENTED = [*GUARDED, "/decisions/why"]
NOWHERE = "postgresql://metronome:a-password@127.0.0.1:1/metronome"


def client_for(url: str, token: str | None = TOKEN, **headers: str) -> TestClient:
    environ = {"API_TOKEN": token} if token else {}
    app = create_app(load(environ, Path("there-is-no.env")), Database(url, "test-api"))
    return TestClient(app, raise_server_exceptions=False, headers=headers)


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A caller with the token; the database is not there, so that reading it would show."""
    return client_for(NOWHERE, Authorization=f"Bearer {TOKEN}")


def problem(answer: Any, status: int) -> str:
    """Check that an answer is a problem of one clear line, and return the line."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    detail = str(body["detail"])
    assert detail
    assert "\n" not in detail
    assert len(detail) < 300
    assert "Traceback" not in detail
    assert TOKEN not in answer.text
    return detail


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize("path", [*DOCUMENTED, "/nothing-here", "/openapi.json", "/health/"])
@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "é"],
)
def test_nothing_but_health_without_the_token(prefix: str, path: str, header: str) -> None:
    client = client_for(NOWHERE, Authorization=header.encode("latin-1")) if header else None
    answer = (client or client_for(NOWHERE)).get(prefix + path)
    assert "Authorization: Bearer" in problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_without_a_token_set_nobody_gets_in() -> None:
    client = client_for(NOWHERE, token=None, Authorization="Bearer ")
    for path in GUARDED:
        assert "API_TOKEN" in problem(client.get(path), 401)


def test_two_authorization_headers_are_none() -> None:
    headers = [("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")]
    problem(client_for(NOWHERE).get("/orders", headers=headers), 401)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("/orders?limit=99999999999999999999", "limit"),
        ("/orders?limit=0", "limit"),
        ("/orders?limit=ten", "limit"),
        ("/orders?state=filled", "state"),
        ("/orders?symbol=A%00B", "symbol"),
        ("/orders?symbol=';DROP TABLE orders;--", "symbol"),
        ("/orders?simbol=SQQQ", "simbol"),
        ("/verdicts?at=yesterday", "at"),
        ("/verdicts?at=2026-03-20T14:31:00", "zone"),
        ("/verdicts?at=0001-01-01T00:00:00Z", "year"),
        ("/verdicts?at=%00", "at"),
        ("/verdicts?symbol=" + "A" * 10_000, "symbol"),
        ("/positions?" + "x" * 10_000 + "=1", "no such parameter"),
    ],
)
def test_hostile_parameters_are_refused_in_one_line(
    client: TestClient, query: str, said: str
) -> None:
    assert said in problem(client.get(query), 422)


@pytest.mark.parametrize("book", ["kr_scout", "", "%00", "us_baskets'--", "x" * 5000])
def test_an_unknown_book_names_the_accepted_ones(client: TestClient, book: str) -> None:
    for path in GUARDED:
        assert "us_baskets" in problem(client.get(f"{path}?book={book}"), 404)


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_written(client: TestClient, method: str) -> None:
    for path in GUARDED:
        problem(client.request(method, path), 405)


@pytest.mark.parametrize("path", ["/health", "/v1/health", *GUARDED])
def test_a_database_that_is_gone_is_said(client: TestClient, path: str) -> None:
    detail = problem(client.get(path), 503)
    assert detail.startswith("database: ")
    assert "a-password" not in detail


def test_a_database_without_tables_is_said(database_url: str) -> None:
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    with engine.begin() as db:
        db.execute(sa.text("DROP TABLE book_states"))
    assert "metronome migrate" in problem(client_for(database_url).get("/health"), 503)


def test_the_document_is_complete(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        prefix + path
        for prefix in ("", "/v1")
        for path in ["/health", "/portfolio/allowed", *DOCUMENTED]
    }
    [scheme] = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, operations in document["paths"].items():
        [(method, operation)] = operations.items()
        assert method == "get"
        assert ("security" in operation) is not path.endswith("/health")
        assert "$ref" in operation["responses"]["200"]["content"]["application/json"]["schema"]
        refusals = [r for status, r in operation["responses"].items() if status != "200"]
        assert all(set(r["content"]) == {"application/problem+json"} for r in refusals)
