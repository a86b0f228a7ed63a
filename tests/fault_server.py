"""A small real HTTP server that speaks OpenAI's chat completions on loopback and misbehaves by script.

Each request is dealt the next entry of ``script``; when the script is used up, a good reply that fits the request's
own JSON schema. What was asked is kept in ``requests``. ::

    with FaultServer(script=[rate_limited(retry_after=0.1), good({"sentence": "It rained."})]) as server:
        ...  # OPENAI_BASE_URL=server.base_url
    assert len(server.requests) == 2
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 40},
}
"""What every completion says that it cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What one request gets. ``content`` None fits the request's schema; ``raw`` is sent as it is instead."""

    content: str | None = None
    finish_reason: Literal["stop", "length", "content_filter"] = "stop"
    refusal: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    after: float = 0.0
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived, and when (seconds of the monotonic clock)."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float


def good(value: object) -> Deal:
    """A reply that is ``value`` in JSON."""
    return Deal(content=json.dumps(value))


def slow(seconds: float) -> Deal:
    """A good reply that comes late."""
    return Deal(after=seconds)


def failing(status: int, message: str = "out of order") -> Deal:
    """An error as OpenAI words it."""
    return Deal(status=status, raw=json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode())


def rate_limited(retry_after: float | None = None) -> Deal:
    """429, with or without a ``Retry-After`` in seconds."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Deal(status=429, headers=headers, raw=json.dumps({"error": {"message": "slow down"}}).encode())


def dropped() -> Deal:
    """The connection is closed without a word."""
    return Deal(drop=True)


def truncated() -> Deal:
    """JSON that ends in the middle, said to be whole."""
    return Deal(content='{"sentence": "It rained all')


def cut_off() -> Deal:
    """A reply that ran into the limit on its length."""
    return Deal(content='{"sentence": "It rained all', finish_reason="length")


def empty() -> Deal:
    """No text at all."""
    return Deal(content="")


def refused() -> Deal:
    """The model declines, in the field that is made for it."""
    return Deal(content="", refusal="I cannot help with that.")


def withheld() -> Deal:
    """The provider's content filter cut in."""
    return Deal(content="", finish_reason="content_filter")


def web_page() -> Deal:
    """Something else answers: a proxy's log-in page, with status 200."""
    return Deal(raw=b"<!doctype html><title>Sign in</title>", headers={"Content-Type": "text/html"})


def no_choices() -> Deal:
    """A completion without a completion."""
    return Deal(raw=json.dumps({"id": "x", "object": "chat.completion", "model": "m", "choices": []}).encode())


class FaultServer:
    """Deals out ``script`` on an ephemeral port of 127.0.0.1; use it in a ``with`` statement."""

    def __init__(self, script: Sequence[Deal] = ()) -> None:
        self.requests: list[Asked] = []
        self._script = list(script)
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                deal = outer._next(Asked(path=self.path, headers=dict(self.headers), body=body, at=time.monotonic()))
                time.sleep(deal.after)
                if deal.drop:
                    self.close_connection = True
                    return
                data = deal.raw if deal.raw is not None else json.dumps(_completion(deal, body)).encode()
                headers = {"Content-Type": "application/json", **deal.headers, "Content-Length": str(len(data))}
                self.send_response(deal.status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing: the test speaks."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that gave up waiting is part of the script."""

        self._http = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        """Where it listens, as ``OPENAI_BASE_URL`` wants it."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> FaultServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _next(self, asked: Asked) -> Deal:
        with self._lock:
            self.requests.append(asked)
            return self._script.pop(0) if self._script else Deal()


def _completion(deal: Deal, body: Mapping[str, Any]) -> dict[str, Any]:
    content = deal.content
    if content is None:
        schema = body["response_format"]["json_schema"]["schema"]
        content = json.dumps(fitting(schema, schema.get("$defs", {})))
    message = {"role": "assistant", "content": content or None, "refusal": deal.refusal}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": deal.finish_reason}],
        "usage": USAGE,
    }


def fitting(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """The plainest value that fits a JSON schema of the kind that pydantic writes."""
    if "$ref" in schema:
        return fitting(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return fitting(schema["anyOf"][0], definitions)
    kind = schema["type"]
    if kind == "object":
        return {name: fitting(part, definitions) for name, part in schema["properties"].items()}
    if kind == "array":
        return [fitting(schema["items"], definitions)] * schema.get("minItems", 1)
    return {"string": "Rain fell on Oslo.", "integer": 1, "number": 0.5, "boolean": True, "null": None}[kind]
