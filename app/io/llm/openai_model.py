"""The language model behind a server that speaks OpenAI's protocol, by the official client."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
import openai

from app.engine.errors import OutcomeUnknown
from app.engine.model_answer import SCHEMA, SCHEMA_NAME
from app.engine.model_prompt import Prompt
from app.io.clock import monotonic
from app.io.llm.bounded import BoundedTransport
from app.io.llm.openai_answers import from_chat, from_error, from_responses, has_no_responses
from app.io.llm.port import Answer, Late, Server

#: Wall seconds for a connection; the rest of the time is the model's.
CONNECT_WITHIN_S = 3.0
_STRICT = {"name": SCHEMA_NAME, "strict": True, "schema": SCHEMA}


class OpenAIModel:
    """Structured answers from the Responses API, or from Chat Completions where there is none.

    Which of the two a server has is found out once a process, by the first that answers 404.
    """

    def __init__(self, server: Server) -> None:
        # No connection is kept: one that its server closed meanwhile would look like a lost answer.
        limits = httpx2.Limits(max_keepalive_connections=0)
        plain = httpx2.HTTPTransport(proxy=_proxy(server.url), trust_env=True, limits=limits)
        transport = BoundedTransport(plain)
        self._client = openai.OpenAI(
            api_key=server.key,
            base_url=server.url,
            max_retries=0,
            http_client=httpx2.Client(transport=transport, trust_env=False, follow_redirects=False),
        )
        self._chat_only = False

    def ask(self, prompt: Prompt, timeout_s: float) -> Answer:
        """See the port."""
        until = monotonic() + timeout_s
        try:
            return self._ask(prompt, until)
        except openai.APIError as error:
            # Without the cause: it holds the request, and with it the key.
            raise from_error(error) from None
        except ValueError as error:  # a key or an answer that no header can hold
            raise OutcomeUnknown(f"the model cannot be asked: {type(error).__name__}") from None

    def _ask(self, prompt: Prompt, until: float) -> Answer:
        if not self._chat_only:
            try:
                return self._respond(prompt, _timeout(until))
            except openai.APIStatusError as error:
                if not has_no_responses(error):
                    raise
        answer = self._complete(prompt, _timeout(until))
        self._chat_only = True
        return answer

    def _respond(self, prompt: Prompt, timeout: httpx2.Timeout) -> Answer:
        wanted: Any = {"format": {"type": "json_schema", **_STRICT}}
        said = self._client.responses.with_raw_response.create(
            model=prompt.model,
            instructions=prompt.instructions,
            input=prompt.text,
            text=wanted,
            max_output_tokens=prompt.max_output_tokens,
            store=False,
            timeout=timeout,
        )
        return from_responses(said.content, said.request_id)

    def _complete(self, prompt: Prompt, timeout: httpx2.Timeout) -> Answer:
        wanted: Any = {"type": "json_schema", "json_schema": _STRICT}
        said = self._client.chat.completions.with_raw_response.create(
            model=prompt.model,
            messages=[
                {"role": "system", "content": prompt.instructions},
                {"role": "user", "content": prompt.text},
            ],
            response_format=wanted,
            # The older name: servers that have no Responses API know it, all of them.
            max_tokens=prompt.max_output_tokens,
            timeout=timeout,
        )
        return from_chat(said.content, said.request_id)


def _timeout(until: float) -> httpx2.Timeout:
    """Return what is left of the time. Raises Late where nothing is."""
    left = until - monotonic()
    if left <= 0:
        raise Late("no time was left to ask the model")
    return httpx2.Timeout(left, connect=min(left, CONNECT_WITHIN_S))


def _proxy(url: str) -> str | None:
    """Return the environment's proxy for a server of the world outside, none for this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
