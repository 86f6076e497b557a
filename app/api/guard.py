"""The guard before every route: nothing but health is answered without the token."""

from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import answer
from app.config import Secret

#: Whatever is not named here needs the token: a route that is forgotten is closed, not open.
OPEN = frozenset({"/health", "/v1/health"})
NO_TOKEN = "no token is set, so only /health answers: set API_TOKEN and start the API again"
WRONG_TOKEN = "send the header `Authorization: Bearer TOKEN` with the value of API_TOKEN"


class Guard:
    """ASGI middleware that compares bearer tokens in constant time."""

    def __init__(self, app: ASGIApp, token: Secret | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] in ("http", "websocket")
        if asks and scope["path"] not in OPEN and (said := self._refusal(scope)):
            refusal = answer(401, said, **{"WWW-Authenticate": 'Bearer realm="metronome"'})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        if self._token is None:
            return NO_TOKEN
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, given = (sent[0] if len(sent) == 1 else b"").partition(b" ")
        right = compare_digest(given.strip(), self._token.reveal().encode())
        return None if right and scheme.lower() == b"bearer" else WRONG_TOKEN
