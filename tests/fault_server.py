"""A small real HTTP server that speaks OpenAI's chat completions on loopback and misbehaves by script.

Each request is dealt the next entry of ``script``; when the script is used up, a good reply that fits the request's
own JSON schema. What was asked is kept in ``requests``. With ``odds``, each request after the script is dealt a fault
by chance, from a generator with a seed. The server can die, and come back on the same port. ::

    with FaultServer(script=[rate_limited(retry_after=0.1), good({"sentence": "It rained."})]) as server:
        ...  # OPENAI_BASE_URL=server.base_url
    assert len(server.requests) == 2
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
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
    """What one request gets. ``content`` None fits the request's schema; ``raw`` is sent as it is instead.

    ``after`` seconds before a reply, ``apart`` between its bytes; ``cut`` closes the line half way through the body.
    """

    content: str | None = None
    finish_reason: Literal["stop", "length", "content_filter"] = "stop"
    refusal: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    after: float = 0.0
    apart: float = 0.0
    cut: bool = False
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


def rate_limited(retry_after: float | str | None = None) -> Deal:
    """429, with or without a ``Retry-After`` in seconds or as a date."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Deal(status=429, headers=headers, raw=json.dumps({"error": {"message": "slow down"}}).encode())


def dropped() -> Deal:
    """The connection is closed without a word."""
    return Deal(drop=True)


def cut_line() -> Deal:
    """The connection is lost half way through a reply."""
    return Deal(cut=True)


def trickling(seconds: float) -> Deal:
    """A reply that comes byte by byte, so that something always arrives, and never ends in time."""
    return Deal(apart=seconds)


def garbled() -> Deal:
    """A completion whose own JSON breaks off, with status 200 and a length that is right."""
    return Deal(raw=b'{"id": "x", "object": "chat.completion", "choi')


def overflow() -> Deal:
    """400, because the request does not fit the model's context."""
    message = "This model's maximum context length is 4096 tokens. However, your messages resulted in 5012 tokens."
    error = {"message": message, "type": "invalid_request_error", "code": "context_length_exceeded"}
    return Deal(status=400, raw=json.dumps({"error": error}).encode())


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
    """Deals out ``script``, then by ``odds``, on an ephemeral port of 127.0.0.1; use it in a ``with`` statement.

    ``odds`` are faults, each with its probability; what is left over is good. ``most_at_once`` is the most requests
    that were in flight.
    """

    def __init__(self, script: Sequence[Deal] = (), *, odds: Sequence[tuple[Deal, float]] = (), seed: int = 7) -> None:
        self.requests: list[Asked] = []
        self.most_at_once = 0
        self._at_once = 0
        self._script = list(script)
        self._odds = list(odds)
        self._chance = random.Random(seed)
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer._lines.add(self.connection)

            def finish(self) -> None:
                outer._lines.discard(self.connection)
                super().finish()

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                deal = outer._next(Asked(path=self.path, headers=dict(self.headers), body=body, at=time.monotonic()))
                try:
                    self._deal(deal, body)
                finally:
                    outer._done()

            def _deal(self, deal: Deal, body: dict[str, Any]) -> None:
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
                if deal.cut:
                    self.wfile.write(data[: len(data) // 2])
                    self.close_connection = True
                elif deal.apart:
                    for byte in data:
                        self.wfile.write(bytes([byte]))
                        time.sleep(deal.apart)
                else:
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing: the test speaks."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that gave up waiting is part of the script."""

        self._listening = lambda port: Server(("127.0.0.1", port), Handler)
        self._http = self._listening(0)
        self._port = self._http.server_port
        self._up = False

    @property
    def base_url(self) -> str:
        """Where it listens, as ``OPENAI_BASE_URL`` wants it."""
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> FaultServer:
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Take no connection any more, and cut those that there are."""
        if self._up:
            self._up = False
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()
            for line in list(self._lines):
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Listen again, on the same port."""
        self._http = self._listening(self._port)
        self._serve()

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self._up = True

    def _next(self, asked: Asked) -> Deal:
        with self._lock:
            self.requests.append(asked)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            if self._script:
                return self._script.pop(0)
            drawn = self._chance.random()
            for deal, share in self._odds:
                drawn -= share
                if drawn < 0:
                    return deal
            return Deal()

    def _done(self) -> None:
        with self._lock:
            self._at_once -= 1


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
