"""An OpenAI-compatible chat model by spec, reached through LangChain's ``ChatOpenAI`` under a strict JSON schema.

One code path for OpenAI itself, any compatible server (``OPENAI_BASE_URL``) and the local model, whose server runs in
this process. ``extractive`` is no model at all. Every request passes ``rag/llm/transport.py``, which holds what all briefs of a
batch share: retries, the breaker, limits, the budget and the replies that are kept.
"""

from __future__ import annotations

import copy
import hashlib
import ipaddress
import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from rag.errors import CitebriefError, ModelError, ReplyError, TooLong, UsageError
from rag.llm import local_server
from rag.llm.breaker import Breaker
from rag.llm.cache import ResponseCache
from rag.llm.limits import Budget, RateLimiter
from rag.llm.pricing import FREE, Rates, price

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from openai import APIStatusError
    from pydantic import BaseModel, ValidationError

    from rag.config import Settings
    from rag.llm.transport import Call, Gate

    ReplyT = TypeVar("ReplyT", bound=BaseModel)

OPENAI = "https://api.openai.com/v1"
THINKING = 4_000
"""Tokens that a reasoning model may spend before its reply; they count against the limit on its length."""

BRIEF_TOKENS = (9_000, 3_500)
"""Prompt and completion tokens of a brief with a large model, for the estimate before the first call."""

MAX_IN_FLIGHT = 8
"""Requests in flight, unless whoever opens the model allows more: the sections of one brief."""

_TOO_LONG = re.compile(
    r"context.?(length|window|size)|exceed_context|(prompt|input|request|message)s?\b[^.:]{0,40}\btoo (long|large)"
    r"|too many (input )?tokens|input tokens exceed",
    re.IGNORECASE,
)
"""How servers say that a request does not fit: OpenAI, Azure, vLLM, llama.cpp, Anthropic, each in words of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which model is used, and ``why`` in a sentence for the person who asked. ``path`` is a local model's file."""

    kind: Literal["openai", "local", "extractive"]
    name: str
    why: str
    path: Path | None = None


def resolve(spec: str, settings: Settings) -> ModelChoice:
    """The model that ``spec`` names: ``auto``, ``openai:MODEL``, ``local``, ``local:PATH.gguf`` or ``extractive``.

    Raises:
        UsageError: no such spec, no key for it, or no such file.
    """
    if spec == "auto":
        if settings.openai_api_key or settings.openai_base_url:
            return _openai(settings.openai_model, settings)
        return resolve("local" if local_server.installed() else "extractive", settings)
    if spec.startswith("openai:") and spec != "openai:":
        return _openai(spec.removeprefix("openai:"), settings)
    if spec == "local":
        if not local_server.installed():
            raise UsageError(f"--llm local: the local model is not installed: {local_server.INSTALL}")
        return ModelChoice(kind="local", name=local_server.NAME, why=f"{local_server.NAME}, on this machine")
    if spec.startswith("local:"):
        path = Path(spec.removeprefix("local:")).expanduser()
        if not path.is_file():
            raise UsageError(f"--llm {spec}: no such file")
        return ModelChoice(kind="local", name=path.stem, why=f"{path}, on this machine", path=path)
    if spec == "extractive":
        return ModelChoice(kind="extractive", name="extractive", why="no model: the best evidence sentences as quotes")
    raise UsageError(f"--llm {spec}: not one of auto, openai:MODEL, local, local:PATH.gguf, extractive")


def rates_of(choice: ModelChoice, settings: Settings) -> Rates | None:
    """What the model costs: nothing on this machine, else what the price table says; None where it says nothing.

    Raises:
        UsageError: the file of prices is not laid out as one.
    """
    return price(choice.name, settings.prices) if choice.kind == "openai" else FREE


class Model:
    """A connected model. Thread-safe; use it in a ``with`` statement, or close it.

    ``small`` says that it is to be asked in small steps (``rag/writing/writers.py``). ``tokens`` counts ``prompt``, ``cached``
    and ``completion``, the ``calls`` that the model answered and the ``replayed`` ones, which cost nothing; ``seconds``
    is the time that the model took. At most ``at_once`` requests are in flight; ``purse`` holds the budget; ``tell`` is
    told, in the thread of the call, why it has to wait.

    Raises:
        UsageError: the prices or the folder of replies cannot be used.
        ModelError: the local model cannot be started.
    """

    def __init__(
        self,
        choice: ModelChoice,
        settings: Settings,
        on_bytes: local_server.OnBytes = lambda _, __: None,
        *,
        at_once: int = MAX_IN_FLIGHT,
        budget: Budget | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        from langchain_openai import ChatOpenAI

        _keep_out_of_logs()
        self.name = choice.name
        self.small = choice.kind == "local"
        self.tokens: Counter[str] = Counter()
        self.seconds = 0.0
        self.budget = budget or Budget(None, rates_of(choice, settings))
        self._lock = threading.Lock()
        self._timeout = settings.timeout
        self._owner = True
        self._server: local_server.LocalServer | None = None
        self._replies = ResponseCache(settings.replies, tell) if settings.replies else None
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
        base_url = settings.openai_base_url or OPENAI
        weights = ""
        if choice.kind == "local":
            path = choice.path or local_server.model_file(settings, on_bytes)
            weights = _digest(choice) if self._replies else ""
            self._server = local_server.LocalServer(path, threads=settings.threads)
            key, base_url = self._server.api_key, self._server.base_url
        self.base_url = base_url
        self._secret = key if key != "none" else None
        self._where = f"model {self.name} at {_host(base_url)}"
        self._gate = self._gated(settings, at_once, tell, weights)
        self._chat = ChatOpenAI(
            model=choice.name,
            api_key=key,  # type: ignore[arg-type]  # a str is taken as a secret
            base_url=base_url,
            temperature=0,
            seed=settings.seed,
            timeout=settings.timeout,
            max_retries=settings.retries,
            use_responses_api=False,
            http_client=self._gate,
            openai_proxy=None,
        )
        efforts = (self._chat.profile or {}).get("reasoning_effort_levels") or []
        self._effort = "low" if "low" in efforts else next(iter(efforts), None)

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and the replies' file, and stop the local server, if there is one."""
        if not self._owner:
            return
        self._gate.stop()
        self._gate.close()
        if self._replies is not None:
            self._replies.close()
        if self._server is not None:
            self._server.close()
            self._server = None

    def stop(self) -> None:
        """Wake every call that waits for the server or its turn: each gets a ``ModelError``, as do later ones."""
        self._gate.stop()

    def with_own_counters(self) -> Model:
        """This same model with counters of its own, for one of several briefs at a time; closing it does nothing."""
        other = copy.copy(self)
        other.tokens, other.seconds, other._owner = Counter(), 0.0, False
        return other

    @property
    def cost(self) -> float | None:
        """US dollars so far; 0 for a local model, None where the price is unknown."""
        return self.budget.cost(self.tokens)

    def ask(
        self,
        system: str,
        user: str,
        schema: type[ReplyT],
        *,
        max_tokens: int,
        name: str,
        config: RunnableConfig | None = None,
    ) -> ReplyT:
        """The model's reply as ``schema``. ``name`` is the prompt's, under which callbacks see the call.

        Raises:
            ReplyError: the reply is cut off, empty, refused, or not of the schema; the message says which.
            TooLong: the request does not fit the model's context.
            ModelLost, BudgetSpent: see ``rag/errors.py``.
            ModelError: the model could not be reached, after the retries that the settings allow.
        """
        import openai

        from rag.llm.transport import CALL, Call

        strict = openai.pydantic_function_tool(schema)["function"]["parameters"]
        thinking: dict[str, Any] = {"reasoning_effort": self._effort} if self._effort else {}
        # The schema goes as a dict, so that a reply that breaks it still comes back, is counted, and can be told why.
        # Not LangChain's with_structured_output: it waits in a thread of its own, which Ctrl-C would have to wait for.
        chat = self._chat.bind(
            response_format={"type": "json_schema", "json_schema": {"name": name, "schema": strict, "strict": True}},
            max_tokens=max_tokens + (THINKING if thinking else 0),
            **thinking,
        )
        call = Call()
        mine = CALL.set(call)
        try:
            raw = chat.invoke([("system", system), ("human", user)], {"run_name": name, **(config or {})})
            reply = _read(raw, schema)
        except Exception as error:
            told = error if isinstance(error, CitebriefError) else self._translated(error)
            if isinstance(told, ReplyError):
                self._keep(call, usable=False)
            if told is error:
                raise
            raise told from error
        finally:
            CALL.reset(mine)
            with self._lock:
                self.tokens.update(call.tokens)
                self.seconds += call.seconds
        self._keep(call, usable=True)
        return reply

    def _keep(self, call: Call, *, usable: bool) -> None:
        if self._replies is not None and call.reply is not None:
            body = call.reply.body.replace(self._secret.encode(), b"...") if self._secret else call.reply.body
            self._replies.keep(call.key, replace(call.reply, body=body), usable=usable)

    def _gated(self, settings: Settings, at_once: int, tell: Callable[[str], None], weights: str) -> Gate:
        from rag.llm.transport import Gate

        # A proxy that the environment names would carry passages off a machine that they are not to leave.
        here = _on_this_machine(urlsplit(self.base_url).hostname)
        asked = settings.openai_api_key or settings.openai_base_url or self.small
        try:
            return Gate(
                breaker=Breaker(self._where, 0.0 if self.small else settings.patience, tell),
                rate_limiter=RateLimiter(0, 0) if self.small else RateLimiter(settings.rpm, settings.tpm, tell),
                budget=self.budget,
                replies=self._replies,
                at_once=1 if self.small else at_once,
                timeout=settings.timeout,
                turn=self._turn if self.small else None,
                weights=weights,
                offline="" if asked else "without a key none can be asked for: set OPENAI_API_KEY",
                trust_env=not here,
                proxy=None if here else settings.openai_proxy,
            )
        except ValueError:
            raise UsageError("OPENAI_PROXY is no address of a proxy: give it as http://HOST:PORT") from None

    @contextmanager
    def _turn(self, system: str, call: Call) -> Iterator[None]:
        """Each call of the local model starts from the same state."""
        if self._server is None:
            raise ModelError(f"{self._where}: it was closed")
        call.tokens.update(prompt=self._server.rewind(system, timeout=self._timeout))
        yield

    def _masked(self, text: str) -> str:
        return text.replace(self._secret, "…") if self._secret else text

    def _translated(self, error: Exception) -> ModelError:
        import openai

        if isinstance(error, openai.LengthFinishReasonError):
            return ReplyError("the reply was cut off")
        if isinstance(error, openai.ContentFilterFinishReasonError):
            return ReplyError("the reply was withheld by the provider's content filter")
        if isinstance(error, openai.APIStatusError) and _overflows(error):
            return TooLong(f"the request does not fit the model's context{self._masked(_said(error))}")
        fixes: list[tuple[type[Exception], str]] = [
            (openai.AuthenticationError, "the key was refused: check OPENAI_API_KEY"),
            (openai.PermissionDeniedError, "the key may not use it: check the project's permissions"),
            (openai.NotFoundError, "there is no such model: check its name and OPENAI_BASE_URL"),
            (openai.RateLimitError, "rate limit or quota, also after retries: wait, or raise it"),
            (openai.APITimeoutError, "no reply in time: raise CITEBRIEF_TIMEOUT"),
            (openai.APIConnectionError, "no connection: check the network and OPENAI_BASE_URL"),
            (openai.BadRequestError, "the request was refused"),
            (openai.InternalServerError, "the server failed, also after retries: try again later"),
        ]
        for kind, fix in fixes:
            if isinstance(error, kind):
                return ModelError(f"{self._where}: {fix}{self._masked(_said(error))}")
        if isinstance(error, ValueError | TypeError | KeyError):  # LangChain on a reply that is no chat completion
            return ReplyError(f"the reply is no chat completion: {self._masked(_first_line(error))}")
        if isinstance(error, AttributeError):  # the client on a text, such as the log-in page of a network
            return ModelError(f"{self._where}: what came back is no chat completion: check OPENAI_BASE_URL")
        return ModelError(f"{self._where}: {type(error).__name__}: {self._masked(_first_line(error))}")


def _keep_out_of_logs() -> None:
    """What the clients log when they are asked to (``OPENAI_LOG=debug``) has passages in it, and headers."""
    for name in ("openai", "httpx2", "httpcore2", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _openai(model: str, settings: Settings) -> ModelChoice:
    base_url = settings.openai_base_url or OPENAI
    if not settings.openai_api_key and not settings.openai_base_url:
        if settings.replies:
            why = f"{model} as its replies are kept in {settings.replies}: without a key, nothing is asked"
            return ModelChoice(kind="openai", name=model, why=why)
        raise UsageError(f"--llm openai:{model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"OPENAI_BASE_URL is {base_url.rpartition('@')[2]!r}: give it as http://HOST:PORT/v1 or https://HOST/v1"
        )
    host = parts.hostname
    if _on_this_machine(host):
        return ModelChoice(kind="openai", name=model, why=f"{model} at {host}, on this machine")
    known = price(model, settings.prices)
    expected = f"about ${known.bound(*BRIEF_TOKENS):.3f} a brief" if known else "its price is not in the price table"
    return ModelChoice(kind="openai", name=model, why=f"{model} at {host}: passages leave this machine; {expected}")


def _read(raw: Any, schema: type[ReplyT]) -> ReplyT:
    """The reply in LangChain's message ``raw``.

    Raises:
        ReplyError: it is empty, a refusal, or not of the schema.
    """
    from pydantic import ValidationError

    if refusal := raw.additional_kwargs.get("refusal"):
        raise ReplyError(f"the model refused: {_first_line(refusal)}")
    if not raw.text:
        raise ReplyError("the reply is empty")
    try:  # the text itself, not LangChain's reading of it, which completes JSON that breaks off
        return schema.model_validate_json(raw.text)
    except ValidationError as error:
        raise ReplyError(f"the reply does not follow the schema: {_broken(error)}") from error


def _overflows(error: APIStatusError) -> bool:
    """Whether the server says that the request is too long for the model."""
    return error.status_code == 413 or (
        error.status_code in (400, 422) and bool(_TOO_LONG.search(f"{error.code} {error.type} {error.message}"))
    )


def _digest(choice: ModelChoice) -> str:
    """SHA-256 of the local model's file."""
    if choice.path is None:
        return local_server.SHA256
    with choice.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _on_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _host(base_url: str) -> str:
    """Host and port, without the name and password that a URL may carry."""
    return urlsplit(base_url).netloc.rpartition("@")[2]


def _broken(error: ValidationError) -> str:
    """What is wrong where, for the model that is to mend it."""
    faults = []
    for fault in error.errors(include_url=False)[:3]:
        place = ".".join(str(step) for step in fault["loc"])
        got = f" (got {str(fault['input'])[:60]!r})" if place and fault["type"] != "missing" else ""
        faults.append(f"{place}: {fault['msg']}{got}" if place else fault["msg"])
    return "; ".join(faults)


def _said(error: Exception) -> str:
    body = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    return f" ({_first_line(message)})" if message else ""


def _first_line(problem: object) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return "; ".join(lines[:3])[:300] if lines else type(problem).__name__
