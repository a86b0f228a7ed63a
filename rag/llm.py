"""An OpenAI-compatible chat model by spec, reached through LangChain's ``ChatOpenAI`` under a strict JSON schema.

One code path for OpenAI itself, any compatible server (``OPENAI_BASE_URL``) and the local model, whose server runs in
this process. ``extractive`` is no model at all.
"""

from __future__ import annotations

import copy
import ipaddress
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from rag import local_model
from rag.errors import ModelError, ReplyError, UsageError

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from pydantic import BaseModel, ValidationError

    from rag.config import Settings

    Reply = TypeVar("Reply", bound=BaseModel)

OPENAI = "https://api.openai.com/v1"
THINKING = 4_000
"""Tokens that a reasoning model may spend before its reply; they count against the limit on its length."""

BRIEF_TOKENS = (9_000, 3_500)
"""Prompt and completion tokens of a brief with a large model, for the estimate before the first call."""


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
        return resolve("local" if local_model.installed() else "extractive", settings)
    if spec.startswith("openai:") and spec != "openai:":
        return _openai(spec.removeprefix("openai:"), settings)
    if spec == "local":
        if not local_model.installed():
            raise UsageError(f"--llm local: the local model is not installed: {local_model.INSTALL}")
        return ModelChoice(kind="local", name=local_model.NAME, why=f"{local_model.NAME}, on this machine")
    if spec.startswith("local:"):
        path = Path(spec.removeprefix("local:")).expanduser()
        if not path.is_file():
            raise UsageError(f"--llm {spec}: no such file")
        return ModelChoice(kind="local", name=path.stem, why=f"{path}, on this machine", path=path)
    if spec == "extractive":
        return ModelChoice(kind="extractive", name="extractive", why="no model: the best evidence sentences as quotes")
    raise UsageError(f"--llm {spec}: not one of auto, openai:MODEL, local, local:PATH.gguf, extractive")


def price(model: str) -> dict[str, float] | None:
    """US dollars per million ``prompt``, ``cached`` and ``completion`` tokens; None for a model not in the table."""
    table = json.loads((files("rag") / "prices.json").read_text(encoding="utf-8"))["models"]
    found: dict[str, float] | None = table.get(model)
    return found


def cost(model: str, tokens: Counter[str]) -> float | None:
    """US dollars for ``tokens`` (``prompt`` counts the cached ones too)."""
    rates = price(model)
    if rates is None:
        return None
    fresh = tokens["prompt"] - tokens["cached"]
    return (
        fresh * rates["prompt"] + tokens["cached"] * rates["cached"] + tokens["completion"] * rates["completion"]
    ) / 1e6


class Model:
    """A connected model. Thread-safe; use it in a ``with`` statement, or close it.

    ``small`` says that it is to be asked in small steps (``rag/writers.py``). ``tokens`` counts ``prompt``, ``cached``,
    ``completion`` and ``calls``; ``seconds`` is the time spent waiting for it.
    """

    def __init__(
        self, choice: ModelChoice, settings: Settings, on_bytes: local_model.OnBytes = lambda _, __: None
    ) -> None:
        import openai
        from langchain_openai import ChatOpenAI

        self.name = choice.name
        self.small = choice.kind == "local"
        self.tokens: Counter[str] = Counter()
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._alone = threading.Lock()
        self._timeout = settings.timeout
        self._owner = True
        self._server: local_model.LocalServer | None = None
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
        base_url = settings.openai_base_url or OPENAI
        if choice.kind == "local":
            path = choice.path or local_model.model_file(settings, on_bytes)
            self._server = local_model.LocalServer(path, threads=settings.threads)
            key, base_url = self._server.api_key, self._server.base_url
        self.base_url = base_url
        self._secret = key if key != "none" else None
        # A proxy that the environment names would carry passages off a machine that they are not to leave.
        here: dict[str, Any] = {}
        if _on_this_machine(urlsplit(base_url).hostname):
            here = {"http_client": openai.DefaultHttpxClient(trust_env=False), "openai_proxy": None}
        self._chat = ChatOpenAI(
            model=choice.name,
            api_key=key,  # type: ignore[arg-type]  # a str is taken as a secret
            base_url=base_url,
            temperature=0,
            seed=settings.seed,
            timeout=settings.timeout,
            max_retries=settings.retries,
            use_responses_api=False,
            **here,
        )
        efforts = (self._chat.profile or {}).get("reasoning_effort_levels") or []
        self._effort = "low" if "low" in efforts else next(iter(efforts), None)

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the local server, if there is one."""
        if self._server is not None and self._owner:
            self._server.close()
            self._server = None

    def metered(self) -> Model:
        """This same model with counters of its own, for one of several briefs at a time; closing it does nothing."""
        other = copy.copy(self)
        other.tokens, other.seconds, other._owner = Counter(), 0.0, False
        return other

    @property
    def cost(self) -> float | None:
        """US dollars so far; 0 for a local model, None where the price is unknown."""
        return 0.0 if self.small else cost(self.name, self.tokens)

    def ask(
        self,
        system: str,
        user: str,
        schema: type[Reply],
        *,
        max_tokens: int,
        name: str,
        config: RunnableConfig | None = None,
    ) -> Reply:
        """The model's reply as ``schema``. ``name`` is the prompt's, under which callbacks see the call.

        Raises:
            ReplyError: the reply is cut off, empty, refused, or not of the schema; the message says which.
            ModelError: the model could not be reached, after the retries that the settings allow.
        """
        import openai
        from pydantic import ValidationError

        strict = openai.pydantic_function_tool(schema)["function"]["parameters"]
        thinking: dict[str, Any] = {"reasoning_effort": self._effort} if self._effort else {}
        # The schema goes as a dict, so that a reply that breaks it still comes back, is counted, and can be told why.
        # Not LangChain's with_structured_output: it waits in a thread of its own, which Ctrl-C would have to wait for.
        chat = self._chat.bind(
            response_format={"type": "json_schema", "json_schema": {"name": name, "schema": strict, "strict": True}},
            max_tokens=max_tokens + (THINKING if thinking else 0),
            **thinking,
        )
        with self._turn(system):
            started = time.perf_counter()
            try:
                raw = chat.invoke([("system", system), ("human", user)], {"run_name": name, **(config or {})})
            except Exception as error:
                raise self._translated(error) from error
            finally:
                with self._lock:
                    self.seconds += time.perf_counter() - started
        self._count(raw)
        if refusal := raw.additional_kwargs.get("refusal"):
            raise ReplyError(f"the model refused: {_first_line(refusal)}")
        if not raw.text:
            raise ReplyError("the reply is empty")
        try:  # the text itself, not LangChain's reading of it, which completes JSON that breaks off
            return schema.model_validate_json(raw.text)
        except ValidationError as error:
            raise ReplyError(f"the reply does not follow the schema: {_broken(error)}") from error

    @contextmanager
    def _turn(self, system: str) -> Iterator[None]:
        """The local model's calls come one at a time, each from the same state; others may overlap."""
        if self._server is None:
            yield
            return
        with self._alone:
            started = time.perf_counter()
            read = self._server.rewind(system, timeout=self._timeout)
            with self._lock:
                self.seconds += time.perf_counter() - started
                self.tokens.update(prompt=read)
            yield

    def _count(self, raw: Any) -> None:
        usage = raw.usage_metadata or {}
        cached = (usage.get("input_token_details") or {}).get("cache_read", 0) or 0
        self._add(usage.get("input_tokens", 0), usage.get("output_tokens", 0), cached)

    def _add(self, prompt: int, completion: int, cached: int) -> None:
        with self._lock:
            self.tokens.update(calls=1, prompt=prompt, completion=completion, cached=cached)

    def _masked(self, text: str) -> str:
        return text.replace(self._secret, "…") if self._secret else text

    def _translated(self, error: Exception) -> ModelError:
        import openai

        where = f"model {self.name} at {_host(self.base_url)}"
        if isinstance(error, openai.LengthFinishReasonError):
            if usage := error.completion.usage:  # a reply that cannot be used is paid for all the same
                self._add(usage.prompt_tokens, usage.completion_tokens, 0)
            return ReplyError("the reply was cut off")
        if isinstance(error, openai.ContentFilterFinishReasonError):
            self._add(0, 0, 0)
            return ReplyError("the reply was withheld by the provider's content filter")
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
                return ModelError(f"{where}: {fix}{self._masked(_said(error))}")
        if isinstance(error, ValueError | TypeError | KeyError):  # LangChain on a reply that is no chat completion
            return ReplyError(f"the reply is no chat completion: {_first_line(error)}")
        return ModelError(f"{where}: {type(error).__name__}: {self._masked(_first_line(error))}")


def _openai(model: str, settings: Settings) -> ModelChoice:
    base_url = settings.openai_base_url or OPENAI
    if not settings.openai_api_key and not settings.openai_base_url:
        raise UsageError(f"--llm openai:{model}: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"OPENAI_BASE_URL is {base_url.rpartition('@')[2]!r}: give it as http://HOST:PORT/v1 or https://HOST/v1"
        )
    host = parts.hostname
    if _on_this_machine(host):
        return ModelChoice(kind="openai", name=model, why=f"{model} at {host}, on this machine")
    rates = price(model)
    if rates is None:
        expected = "its price is not in the price table"
    else:
        dollars = (BRIEF_TOKENS[0] * rates["prompt"] + BRIEF_TOKENS[1] * rates["completion"]) / 1e6
        expected = f"about ${dollars:.3f} a brief"
    return ModelChoice(kind="openai", name=model, why=f"{model} at {host}: passages leave this machine; {expected}")


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
