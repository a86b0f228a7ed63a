"""A client for an OpenAI-compatible chat model, through LangChain's ``ChatOpenAI`` and a strict JSON schema.

The same code serves OpenAI, any compatible server (``OPENAI_BASE_URL``) and the local model, whose server runs in this
process. Requests pass the transports of ``rag/llm/transport``, which all briefs of a batch share.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from rag._internal.cached_file import OnBytes
from rag.errors import CitebriefError, ReplyError
from rag.llm import local_model
from rag.llm.address import OPENAI_URL, host_and_port
from rag.llm.budget import Budget
from rag.llm.call import Call, OnWait
from rag.llm.capabilities import Capabilities, capabilities_of
from rag.llm.local_server import LocalServer
from rag.llm.provider_errors import translate_error
from rag.llm.reasoning import reasoning_effort, reply_limit
from rag.llm.reply_parsing import has_other_structure, parse_reply
from rag.llm.reply_schema import sent_schema
from rag.llm.response_cache import ResponseCache
from rag.llm.spec import ModelChoice, rates_of

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI
    from pydantic import BaseModel

    from rag.config import Settings

    ReplyT = TypeVar("ReplyT", bound=BaseModel)

MAX_IN_FLIGHT = 8
"""Requests in flight by default; chosen, not measured. A chat verifier asks as many at a time."""


MASKED_KEY = 16
"""Characters from which on a key is masked in a response that is kept. A shorter one protects nothing, such as "none"
or "x" for a local server, and may be a word of the response."""


class ChatClient:
    """A connected :class:`~rag.llm.chat_model.ChatModel`. Thread-safe; use it in a ``with`` statement, or close it.

    A server that does not take OpenAI's form of request gets another one (``capabilities``, None for the local model).
    ``tokens`` counts ``prompt``, ``cached`` and ``completion`` tokens, the ``calls`` that the model answered and the
    ``replayed`` ones, which the response cache answered for free; ``seconds`` is the time that the model took.

    Args:
        choice: the model.
        settings: key, server, limits and directories.
        on_bytes: called while the local model's file is joined.
        concurrency: requests in flight at the most; the local model has one.
        budget: the spending limit; by default there is none.
        on_wait: called with the reason, in the thread of the call, when a call has to wait.

    Raises:
        UsageError: the prices, the proxy or the directory of replies cannot be used.
        ModelError: the local model cannot be started.
    """

    def __init__(
        self,
        choice: ModelChoice,
        settings: Settings,
        on_bytes: OnBytes = lambda _, __: None,
        *,
        concurrency: int = MAX_IN_FLIGHT,
        budget: Budget | None = None,
        on_wait: OnWait = lambda _: None,
    ) -> None:
        from langchain_openai import ChatOpenAI

        from rag.llm.transport import build_transport, http_client

        quieten_client_loggers()
        self.name = choice.name
        self.small = choice.kind == "local"
        self.tokens: Counter[str] = Counter()
        self.seconds = 0.0
        self.budget = budget or Budget(None, rates_of(choice, settings))
        self._lock = threading.Lock()
        self._on_wait = on_wait
        self._owns_resources = True
        self._response_cache = ResponseCache(settings.replies) if settings.replies else None
        self._server: LocalServer | None = None
        if choice.kind == "local":
            path = choice.path or local_model.model_file(settings, on_bytes)
            self._server = LocalServer(path, threads=settings.threads, cache=settings.cache_directory)
            key, self.base_url = self._server.api_key, self._server.base_url
        else:
            key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
            self.base_url = settings.openai_base_url or OPENAI_URL
        self._key = key
        self._where = f"model {self.name} at {host_and_port(self.base_url)}"
        self.capabilities: Capabilities | None = None
        if self._server is None:
            self.capabilities = capabilities_of(self.base_url, self.name)
        self._transport = build_transport(
            settings,
            model=self.name,
            where=self._where,
            base_url=self.base_url,
            budget=self.budget,
            rates=self.budget.rates,
            concurrency=concurrency,
            response_cache=self._response_cache,
            weights=_weights_digest(choice) if self._response_cache and self._server else "",
            local_server=self._server,
            capabilities=self.capabilities,
        )
        self._chat = ChatOpenAI(
            model=self.name,
            api_key=key or "none",  # type: ignore[arg-type]  # a str is taken as a secret
            base_url=self.base_url,
            temperature=0,
            seed=settings.seed,
            timeout=settings.timeout,
            max_retries=settings.retries,
            use_responses_api=False,
            http_client=http_client(self._transport),  # each call replaces it
            http_socket_options=(),  # it would warn that it bypasses a proxy, in a client that is not used
            openai_proxy=None,
        )
        self._effort = reasoning_effort(self.name)

    def __enter__(self) -> ChatClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and the response cache, and stop the local server if there is one."""
        if not self._owns_resources:
            return
        self._transport.stop()
        self._transport.close()
        if self._response_cache is not None:
            self._response_cache.close()
        if self._server is not None:
            self._server.close()

    def stop(self) -> None:
        """Wake every call that waits: each gets a ``ModelError``, as do later ones."""
        self._transport.stop()

    def with_own_counters(self, on_wait: OnWait | None = None) -> ChatClient:
        """Return the same model with counters of its own, for one of several concurrent briefs. It need not be closed.

        Args:
            on_wait: takes the place of this model's ``on_wait``.
        """
        other = copy.copy(self)
        other.tokens, other.seconds, other._owns_resources = Counter(), 0.0, False
        other._on_wait = on_wait or self._on_wait
        return other

    @property
    def cost(self) -> float | None:
        """US dollars so far; 0 for a local model, None if the price is unknown."""
        return self.budget.cost(self.tokens)

    def ask(
        self,
        system: str,
        user: str,
        schema: type[ReplyT],
        *,
        max_tokens: int,
        name: str,
    ) -> ReplyT:
        """Return the model's reply as ``schema``; see :meth:`rag.llm.chat_model.ChatModel.ask`.

        Raises:
            ReplyError: the reply is cut off, empty, refused, or does not follow the schema; the message says which.
            TooLong: the request does not fit the model's context.
            ModelLost, BudgetSpent: see ``rag/errors.py``.
            ModelError: the model could not be reached, after the retries that the settings allow.
        """
        strict = sent_schema(schema)
        reasoning: dict[str, Any] = {"reasoning_effort": self._effort} if self._effort else {}
        limit = reply_limit(self.name, max_tokens)
        call = Call(prompt_name=name, system=system, max_tokens=limit, on_wait=self._on_wait)
        # The schema goes as a dict, so that a reply that breaks it is still returned, counted and described. It is not
        # passed to LangChain's with_structured_output, which waits in a thread of its own: Ctrl-C would wait for it.
        chat = self._chat_for(call).bind(
            response_format={"type": "json_schema", "json_schema": {"name": name, "schema": strict, "strict": True}},
            max_tokens=limit,
            **reasoning,
        )
        try:
            message = chat.invoke([("system", system), ("human", user)], {"run_name": name})
            reply = parse_reply(message, schema)
        except Exception as error:
            translated = error if isinstance(error, CitebriefError) else translate_error(error, self._where, self._key)
            if isinstance(translated, ReplyError):
                self._keep_response(call, usable=False)
                if self.capabilities is not None and has_other_structure(translated):
                    self.capabilities.put_schema_in_prompt(lambda what: self._on_wait(f"{self._where}: {what}"))
            if translated is error:
                raise
            raise translated from error
        finally:
            with self._lock:
                self.tokens.update(call.tokens)
                self.seconds += call.seconds
        self._keep_response(call, usable=True)
        return reply

    def _chat_for(self, call: Call) -> ChatOpenAI:
        """Return the LangChain model whose requests carry ``call`` through the shared transport.

        The openai client passes no extensions to its HTTP client. So each call gets an HTTP client of its own over the
        shared transport, which costs about a tenth of a millisecond.
        """
        from rag.llm.transport import http_client

        client = self._chat.root_client.with_options(http_client=http_client(self._transport, call))
        return self._chat.model_copy(update={"root_client": client, "client": client.chat.completions})

    def _keep_response(self, call: Call, *, usable: bool) -> None:
        if self._response_cache is not None and call.response is not None:
            body = call.response.body
            if self._key and len(self._key) >= MASKED_KEY:
                body = body.replace(self._key.encode(), b"...")
            response = replace(call.response, body=body)
            self._response_cache.keep(call.key, response, usable=usable, on_error=self._on_wait)


def quieten_client_loggers() -> None:
    """Keep passages and headers out of the logs: the clients log them if asked to (``OPENAI_LOG=debug``)."""
    for name in ("openai", "httpx2", "httpcore2", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _weights_digest(choice: ModelChoice) -> str:
    """Return the SHA-256 of the local model's file."""
    if choice.path is None:
        return local_model.MODEL_SHA256
    with choice.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
