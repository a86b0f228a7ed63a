"""An HTTP server on loopback with OpenAI's chat completions and embeddings API, which fails in scripted ways.

Each request gets the next entry of ``script``; after the script, a good reply: a completion that fits the request's own
JSON schema (that in the prompt where none is sent), or the vectors of the function ``embed``. With ``rule``, a function
of a request's body may reply first, as a server does that refuses some parameters. As a proxy for ``http:`` it answers
in the place of any host. Requests are recorded in ``requests``. With ``odds``, each request after the script may get a
fault at random, from a seeded generator. The server can be shut down and started again on the same port. ::

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 40},
}
"""The usage that every completion reports."""

Embed = Callable[[list[str]], list[list[float]]]
Rule = Callable[[dict[str, Any]], "ScriptedReply | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedReply:
    """The reply to one request.

    With ``content`` None the reply fits the request's schema; ``raw`` replaces the whole body. ``after`` is the delay
    before the reply in seconds, ``apart`` that between its bytes. ``cut`` closes the connection half way through the
    body, ``drop`` before the reply.
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
class ReceivedRequest:
    """One request, and when it arrived (seconds of the monotonic clock)."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float


def embeddings(vectors: Sequence[Sequence[float]]) -> ScriptedReply:
    """Return these vectors in OpenAI's format, without usage."""
    rows = [{"object": "embedding", "index": i, "embedding": list(vector)} for i, vector in enumerate(vectors)]
    return ScriptedReply(raw=json.dumps({"object": "list", "model": "m", "data": rows}).encode())


def good(value: object) -> ScriptedReply:
    """Return a reply that is ``value`` in JSON."""
    return ScriptedReply(content=json.dumps(value))


def slow(seconds: float) -> ScriptedReply:
    """Return a good reply that is late."""
    return ScriptedReply(after=seconds)


def failing(status: int, message: str = "out of order") -> ScriptedReply:
    """Return an error in OpenAI's format."""
    return ScriptedReply(
        status=status, raw=json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode()
    )


def rate_limited(retry_after: float | str | None = None) -> ScriptedReply:
    """Return status 429, with or without a ``Retry-After`` in seconds or as a date."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return ScriptedReply(status=429, headers=headers, raw=json.dumps({"error": {"message": "slow down"}}).encode())


def dropped() -> ScriptedReply:
    """Close the connection without a reply."""
    return ScriptedReply(drop=True)


def cut_line() -> ScriptedReply:
    """Close the connection half way through a reply."""
    return ScriptedReply(cut=True)


def trickling(seconds: float) -> ScriptedReply:
    """Return a reply byte by byte: each byte arrives in time, the whole reply does not."""
    return ScriptedReply(apart=seconds)


def garbled() -> ScriptedReply:
    """Return a completion whose own JSON breaks off, with status 200 and the right content length."""
    return ScriptedReply(raw=b'{"id": "x", "object": "chat.completion", "choi')


def overflow() -> ScriptedReply:
    """Return status 400, because the request does not fit the model's context."""
    message = "This model's maximum context length is 4096 tokens. However, your messages resulted in 5012 tokens."
    error = {"message": message, "type": "invalid_request_error", "code": "context_length_exceeded"}
    return ScriptedReply(status=400, raw=json.dumps({"error": error}).encode())


def truncated() -> ScriptedReply:
    """Return JSON that breaks off, with the finish reason of a complete reply."""
    return ScriptedReply(content='{"sentence": "It rained all')


def cut_off() -> ScriptedReply:
    """Return a reply that reached the limit on its length."""
    return ScriptedReply(content='{"sentence": "It rained all', finish_reason="length")


def empty() -> ScriptedReply:
    """Return a completion without text."""
    return ScriptedReply(content="")


def refused() -> ScriptedReply:
    """Return a refusal, in the field for refusals."""
    return ScriptedReply(content="", refusal="I cannot help with that.")


def withheld() -> ScriptedReply:
    """Return a reply that the provider's content filter withheld."""
    return ScriptedReply(content="", finish_reason="content_filter")


def web_page() -> ScriptedReply:
    """Return a proxy's log-in page, with status 200."""
    return ScriptedReply(raw=b"<!doctype html><title>Sign in</title>", headers={"Content-Type": "text/html"})


def no_choices() -> ScriptedReply:
    """Return a completion without choices."""
    return ScriptedReply(raw=json.dumps({"id": "x", "object": "chat.completion", "model": "m", "choices": []}).encode())


class FaultServer:
    """Replies by ``script``, then by ``odds``, on an ephemeral port of 127.0.0.1; use it in a ``with`` statement.

    ``odds`` are faults, each with its probability; the other replies are good. ``rule`` replies to a request unless it
    returns None. ``max_in_flight`` is the highest
    number of requests that were in flight. ``embed`` computes the vectors of texts, by default from their characters.
    """

    def __init__(
        self,
        script: Sequence[ScriptedReply] = (),
        *,
        odds: Sequence[tuple[ScriptedReply, float]] = (),
        seed: int = 7,
        embed: Embed | None = None,
        rule: Rule | None = None,
    ) -> None:
        self._rule = rule
        self._embed = embed or letter_frequencies
        self._failure: tuple[int, ScriptedReply] | None = None
        self.requests: list[ReceivedRequest] = []
        self.max_in_flight = 0
        self._in_flight = 0
        self._script = list(script)
        self._odds = list(odds)
        self._random = random.Random(seed)
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer._connections.add(self.connection)

            def finish(self) -> None:
                outer._connections.discard(self.connection)
                super().finish()

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = ReceivedRequest(path=self.path, headers=dict(self.headers), body=body, at=time.monotonic())
                reply = outer._next(request)
                try:
                    self._send(reply, body)
                finally:
                    outer._done()

            def _send(self, reply: ScriptedReply, body: dict[str, Any]) -> None:
                time.sleep(reply.after)
                if reply.drop:
                    self.close_connection = True
                    return
                if reply.raw is not None:
                    data = reply.raw
                elif self.path.endswith("/embeddings"):
                    data = json.dumps(_embeddings(body, outer._embed)).encode()
                else:
                    data = json.dumps(_completion(reply, body)).encode()
                headers = {"Content-Type": "application/json", **reply.headers, "Content-Length": str(len(data))}
                self.send_response(reply.status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if reply.cut:
                    self.wfile.write(data[: len(data) // 2])
                    self.close_connection = True
                elif reply.apart:
                    for byte in data:
                        self.wfile.write(bytes([byte]))
                        time.sleep(reply.apart)
                else:
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Ignore clients that close the connection, which tests do on purpose."""

        self._listening = lambda port: Server(("127.0.0.1", port), Handler)
        self._http = self._listening(0)
        self._port = self._http.server_port
        self._up = False

    @property
    def base_url(self) -> str:
        """The URL of the API, for ``OPENAI_BASE_URL``."""
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> FaultServer:
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def fail_from(self, number: int, reply: ScriptedReply) -> None:
        """Answer the request of this number, counted from 1, and all later ones with ``reply``."""
        self._failure = number, reply

    def die(self) -> None:
        """Close all connections and accept no more."""
        if self._up:
            self._up = False
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()
            for connection in list(self._connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Listen again, on the same port."""
        self._http = self._listening(self._port)
        self._serve()

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self._up = True

    def _next(self, request: ReceivedRequest) -> ScriptedReply:
        with self._lock:
            self.requests.append(request)
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            if self._failure and len(self.requests) >= self._failure[0]:
                return self._failure[1]
            if self._rule and (reply := self._rule(request.body)):
                return reply
            if self._script:
                return self._script.pop(0)
            drawn = self._random.random()
            for reply, share in self._odds:
                drawn -= share
                if drawn < 0:
                    return reply
            return ScriptedReply()

    def _done(self) -> None:
        with self._lock:
            self._in_flight -= 1


def letter_frequencies(texts: list[str]) -> list[list[float]]:
    """Return a vector of 16 numbers for each text, equal only for texts of the same letters."""
    return [[1.0 + sum(ord(letter) % 16 == i for letter in text) for i in range(16)] for text in texts]


def _embeddings(body: Mapping[str, Any], embed: Embed) -> dict[str, Any]:
    """Return the embeddings of a request, in reverse order, and a token for each word as the usage."""
    rows = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(embed(body["input"]))]
    words = sum(len(text.split()) for text in body["input"])
    usage = {"prompt_tokens": words, "total_tokens": words}
    return {"object": "list", "model": body["model"], "data": rows[::-1], "usage": usage}


def _completion(reply: ScriptedReply, body: Mapping[str, Any]) -> dict[str, Any]:
    content = reply.content
    if content is None:
        schema = _schema_of(body)
        content = json.dumps(fitting(schema, schema.get("$defs", {})))
    message = {"role": "assistant", "content": content or None, "refusal": reply.refusal}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason}],
        "usage": USAGE,
    }


def _schema_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema that a request sends, or else the one in its prompt."""
    if (demanded := body.get("response_format") or {}).get("type") == "json_schema":
        return demanded["json_schema"]["schema"]
    text = "\n".join(message["content"] for message in body["messages"])
    return json.JSONDecoder().raw_decode(text, text.index("{", text.index("JSON schema")))[0]


def raw_message(message: Mapping[str, Any], *, finish_reason: str = "stop", **fields: Any) -> ScriptedReply:
    """Return a completion with this message, whatever its fields."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    completion = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": USAGE,
    }
    return raw_json({**completion, **fields})


def raw_json(value: object, status: int = 200) -> ScriptedReply:
    """Return ``value`` as the whole body."""
    return ScriptedReply(status=status, raw=json.dumps(value).encode())


def fitting(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Return a simple value that fits a JSON schema as pydantic writes it."""
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
        items = min(max(1, schema.get("minItems", 1)), schema.get("maxItems", 1_000))  # one where there may be none
        return [fitting(schema["items"], definitions)] * items
    return {"string": "Rain fell on Oslo.", "integer": 1, "number": 0.5, "boolean": True, "null": None}[kind]
