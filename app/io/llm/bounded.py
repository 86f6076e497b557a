"""A transport that ends: an answer has one deadline and one largest size, whatever the server does.

The client's own time-outs are for one piece of an answer each, so that a server that sends a byte
now and then could hold a thread for ever.
"""

from collections.abc import Iterator

import httpx2

from app.io.clock import monotonic

#: Bytes of an answer's body.
LARGEST = 1_000_000


class BoundedTransport(httpx2.BaseTransport):
    """Wraps a transport; the request's read time-out counts for the whole exchange."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        until = monotonic() + request.extensions["timeout"]["read"]
        # Compressed bytes could not be counted: a small bomb becomes a large text.
        request.headers["Accept-Encoding"] = "identity"
        response = self._inner.handle_request(request)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            response.stream.close()
            raise httpx2.RemoteProtocolError("the answer is compressed, which was not asked for")
        return httpx2.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_Bounded(response.stream, until),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._inner.close()


class _Bounded(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, until: float) -> None:
        self._inner = inner
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._inner:
            size += len(part)
            if size > LARGEST:
                raise httpx2.RemoteProtocolError(f"the answer is longer than {LARGEST} bytes")
            if monotonic() > self._until:
                raise httpx2.ReadTimeout("the answer took too long")
            yield part

    def close(self) -> None:
        self._inner.close()
