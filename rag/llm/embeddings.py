"""An embedder on OpenAI or a compatible server, whose requests pass the transports of ``rag/llm/transport``."""

from __future__ import annotations

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from rag.errors import CitebriefError, ModelError, ReplyError
from rag.llm.address import OPENAI_URL, host_and_port
from rag.llm.budget import Budget, missing_price
from rag.llm.call import Call, OnWait
from rag.llm.client import MAX_IN_FLIGHT, quieten_client_loggers
from rag.llm.embedder_choice import REMOTE_PREFIX, missing_key
from rag.llm.pricing import Rates, find_rates
from rag.llm.provider_errors import translate_error
from rag.llm.response_cache import ResponseCache

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from openai import OpenAI

    from rag.config import Settings
    from rag.llm.transport.layer import ModelTransport

    Vectors = NDArray[np.float32]

MAX_REQUEST_TEXTS = 256
"""Texts of a request at the most. OpenAI allows 2,048; a smaller request costs less to repeat."""

TOO_MANY_TEXTS = (400, 413, 422)
"""Statuses by which servers refuse more texts than they take at a time.

Gemini takes 100, SiliconFlow 64, text-embeddings-inference 32 unless set otherwise, and DashScope 10.
"""

MAX_REQUEST_TOKENS = 100_000
"""Tokens of a request at the most, by an upper estimate. OpenAI allows 300,000."""

CACHED_QUERIES = 1_024
"""Number of queries whose vectors are cached."""


@dataclass(slots=True)
class _Recorder:
    """What the requests of one :meth:`RemoteEmbedder.recording` report to."""

    tokens: Counter[str] = field(default_factory=Counter)
    on_wait: OnWait = lambda _: None


_recorder: ContextVar[_Recorder | None] = ContextVar("embedding recorder", default=None)


@dataclass(frozen=True, slots=True)
class _Connection:
    client: OpenAI
    transport: ModelTransport
    query_transport: ModelTransport
    """Also answers from the response cache. Passages do not: the index keeps their vectors."""

    response_cache: ResponseCache | None


class RemoteEmbedder(Embeddings):
    """A :class:`rag.embedding.Embedder`, and LangChain ``Embeddings``, over an OpenAI-compatible embeddings endpoint.

    It connects on first use. Threads may share it.

    Args:
        model: the model's name.
        settings: key, server, limits and the response cache, which keeps the responses to queries.
        budget: the spending limit; by default there is none.
        rates: the model's prices; by default those of the price table.

    Raises:
        UsageError: there is a spending limit and no price to hold it by.
    """

    batch_size = 2 * MAX_REQUEST_TEXTS

    def __init__(
        self, model: str, settings: Settings, *, budget: Budget | None = None, rates: Rates | None = None
    ) -> None:
        self.name = f"{REMOTE_PREFIX}{model}"
        self._model = model
        self._settings = settings
        self._rates = rates
        self._budget = budget or Budget(None, None)
        if self._budget.budget_usd is not None and self.rates is None:
            raise missing_price(model)
        self._base_url = settings.openai_base_url or OPENAI_URL
        self._key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
        self._where = f"embedder {model} at {host_and_port(self._base_url)}"
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self._stopped = False
        self._dimension: int | None = None
        self._most_texts = MAX_REQUEST_TEXTS
        self._queries: OrderedDict[str, list[float]] = OrderedDict()

    @cached_property
    def rates(self) -> Rates | None:
        """The model's prices, or None if they are unknown."""
        return self._rates or find_rates(self._model, self._settings.prices, self._settings.openai_base_url)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors (float32, texts × dimensions), in the order of ``texts``.

        Raises:
            ReplyError: the server returned anything but one vector of the same dimension for each text.
            ModelError: a request failed, after the retries that the settings allow; see ``rag/errors.py``.
            UsageError: there is neither a key nor a base URL.
        """
        import numpy as np

        parts = [part for batch in self._batches(texts) for part in self._request_in_parts(batch)]
        return np.concatenate(parts) if parts else np.zeros((0, self._dimension or 0), dtype=np.float32)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed ``texts`` (LangChain's ``Embeddings``)."""
        return [[float(x) for x in row] for row in self.vectors(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text, which is cached. Raises what :meth:`vectors` raises."""
        with self._lock:
            if text in self._queries:
                self._queries.move_to_end(text)
                return self._queries[text]
        vector = [float(x) for x in self._request([text], "question")[0]]
        with self._lock:
            self._queries[text] = vector
            while len(self._queries) > CACHED_QUERIES:
                self._queries.popitem(last=False)
        return vector

    @contextmanager
    def recording(self, on_wait: OnWait = lambda _: None) -> Iterator[Counter[str]]:
        """Yield a counter of the tokens that this thread's requests use in the block.

        Args:
            on_wait: called with the reason when a request has to wait.
        """
        recorder = _Recorder(on_wait=on_wait)
        token = _recorder.set(recorder)
        try:
            yield recorder.tokens
        finally:
            _recorder.reset(token)

    def stop(self) -> None:
        """Wake every request that waits: each gets a ``ModelError``, as do later ones."""
        with self._lock:
            self._stopped = True
            if self._connection:
                self._connection.transport.stop()

    def close(self) -> None:
        """Close the connections and the response cache."""
        self.stop()
        if self._connection:
            self._connection.transport.close()
            if self._connection.response_cache is not None:
                self._connection.response_cache.close()

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Yield ``texts`` in parts that fit a request, and the limit on tokens a minute if there is one."""
        from rag.llm.transport.rate_limit import BYTES_PER_TOKEN

        tokens = min(MAX_REQUEST_TOKENS, self._settings.tpm or MAX_REQUEST_TOKENS)
        limit = BYTES_PER_TOKEN * tokens - len(self._model) - 200  # the rest of the request's JSON
        batch: list[str] = []
        used = 0
        for text in texts:
            size = len(json.dumps(text)) + 2
            if batch and (len(batch) >= self._most_texts or used + size > limit):
                yield batch
                batch, used = [], 0
            batch.append(text)
            used += size
        if batch:
            yield batch

    def _request_in_parts(self, texts: list[str]) -> Iterator[Vectors]:
        """Yield the vectors of ``texts`` by one request, or by smaller ones if the server refuses so many at a time.

        How many it takes is found by halving and remembered. Servers word such a refusal differently, and refuse other
        things with the same status: if the first text is refused also when it is alone, their number is not to blame.
        """
        at, size = 0, len(texts)
        while at < len(texts):
            part = texts[at : at + size]
            try:
                vectors = self._request(part, "passages")
            except ModelError as error:
                if len(part) == 1 or getattr(error.__cause__, "status_code", None) not in TOO_MANY_TEXTS:
                    raise
                if size == len(texts):
                    self._request(texts[:1], "passages")
                size = len(part) // 2
                continue
            yield vectors
            at += len(part)
        if size < len(texts):
            self._most_texts = min(self._most_texts, size)

    def _request(self, texts: list[str], name: str) -> Vectors:
        """Return the unit vectors of ``texts`` by one request, which is repeated as the settings allow."""
        from rag.llm.transport import http_client

        connection = self._connect()
        recorder = _recorder.get() or _Recorder()
        is_query = name == "question"
        call = Call(prompt_name=name, system="", max_tokens=0, on_wait=recorder.on_wait)
        transport = connection.query_transport if is_query else connection.transport
        client = connection.client.with_options(http_client=http_client(transport, call))
        try:
            response = client.embeddings.with_raw_response.create(
                input=texts, model=self._model, encoding_format="float"
            )
            vectors = self._parse(response.content, len(texts))
        except CitebriefError:
            raise
        except Exception as error:
            raise translate_error(error, self._where, self._key) from error
        finally:
            recorder.tokens.update(call.tokens)
        if is_query and connection.response_cache is not None and call.response is not None:
            connection.response_cache.keep(call.key, call.response, usable=True, on_error=recorder.on_wait)
        return vectors

    def _connect(self) -> _Connection:
        """Return the connection, which is opened by the first call.

        Raises:
            UsageError: there is neither a key nor a base URL nor a response cache, or the proxy is not a URL.
        """
        settings = self._settings
        with self._lock:
            if self._connection is not None:
                return self._connection
            if not (settings.openai_api_key or settings.openai_base_url or settings.replies):
                raise missing_key(self._model)
            import openai

            from rag.llm.transport import build_transport, http_client
            from rag.llm.transport.cache import ResponseCacheTransport

            quieten_client_loggers()
            transport = build_transport(
                settings,
                model=self._model,
                base_url=self._base_url,
                where=self._where,
                budget=self._budget,
                rates=self.rates,
                concurrency=MAX_IN_FLIGHT,
            )
            cache = ResponseCache(settings.replies) if settings.replies else None
            client = openai.OpenAI(
                api_key=self._key or "none",
                base_url=self._base_url,
                timeout=settings.timeout,
                max_retries=settings.retries,
                http_client=http_client(transport),  # each request replaces it
            )
            self._connection = _Connection(
                client=client,
                transport=transport,
                query_transport=ResponseCacheTransport(transport, cache, unusable=False) if cache else transport,
                response_cache=cache,
            )
            if self._stopped:
                transport.stop()
            return self._connection

    def _parse(self, body: bytes, number: int) -> Vectors:
        """Return the unit vectors of a response to a request of ``number`` texts, in the order of the texts.

        Raises:
            ReplyError: it has not one finite vector other than zero for each text, all of the dimension seen before.
        """
        import numpy as np

        try:
            rows = {int(row["index"]): row["embedding"] for row in json.loads(body)["data"]}
        except (ValueError, KeyError, TypeError):
            raise ReplyError(f"{self._where}: the response is no list of embeddings: check OPENAI_BASE_URL") from None
        if set(rows) != set(range(number)):
            raise ReplyError(f"{self._where}: {len(rows)} vectors came back for {number} texts")
        try:
            vectors = np.array([rows[i] for i in range(number)], dtype=np.float32)
        except (ValueError, TypeError):
            raise ReplyError(f"{self._where}: the vectors are no lists of numbers of the same length") from None
        norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
        if vectors.ndim != 2 or not np.isfinite(norms).all() or not norms.all():
            raise ReplyError(f"{self._where}: a vector is empty, zero or not finite")
        self._dimension = self._dimension or vectors.shape[1]
        if vectors.shape[1] != self._dimension:
            raise ReplyError(
                f"{self._where}: vectors of {self._dimension} and of {vectors.shape[1]} dimensions came back"
            )
        unit: Vectors = vectors / norms
        return unit
