"""What a server was found to take, remembered for each server and model until the program ends.

All clients of a model share it: the writer, the verifier and the briefs of a batch.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rag.llm.request_form import SCHEMA_IN_PROMPT_FORMATS, STANDARD, RequestForm


@dataclass(slots=True)
class Capabilities:
    """The form of requests that a model's server takes, as far as it is known. Thread-safe."""

    form: RequestForm = STANDARD
    learned: list[str] = field(default_factory=list)
    """What differs from the standard form, in words, in the order in which it was found."""

    guesses: bool = True
    """Whether to look for what a refusal does not name. It is looked for until it was not found once."""

    searching: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Held by the one call that looks for the cause of a failure; the others wait for what it finds."""

    _settled: set[str] = field(default_factory=set, repr=False)
    _failures: Counter[str] = field(default_factory=Counter, repr=False)

    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def learn(
        self,
        changes: dict[str, Callable[[RequestForm], RequestForm]],
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Remember ``changes``, each with what it is in words, and ``say`` those that are new."""
        with self._lock:
            new = {what: change for what, change in changes.items() if what not in self.learned}
            for change in new.values():
                self.form = change(self.form)
            self.learned += new
        if new:
            say("; ".join(new))

    def is_settled(self, prompt_name: str) -> bool:
        """Return whether the form of requests is known not to be the cause if the server fails on this prompt.

        It is known once a request with the prompt was accepted, or the cause was searched for. Each prompt has a schema
        of its own, and a server may fail on one of them.
        """
        with self._lock:
            return prompt_name in self._settled

    def settle(self, prompt_name: str) -> None:
        """Remember that a request with this prompt was accepted, or that the search for the cause is over."""
        with self._lock:
            self._settled.add(prompt_name)

    def begin_search(self, prompt_name: str) -> bool:
        """Record a failure on this prompt. Return whether to search for its cause: at the second failure, once."""
        with self._lock:
            if prompt_name in self._settled:
                return False
            self._failures[prompt_name] += 1
            return self._failures[prompt_name] == 2

    def put_schema_in_prompt(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Remember that the server does not hold replies to the schema, so that the model has to be told it."""
        if self.form.reply not in SCHEMA_IN_PROMPT_FORMATS:
            what = "the server does not hold replies to the schema, which stands in the prompt from now on"
            self.learn({what: lambda form: replace(form, schema_in_prompt=True)}, say)


_KNOWN: dict[tuple[str, str], Capabilities] = {}
_KNOWN_LOCK = threading.Lock()


def capabilities_of(base_url: str, model: str) -> Capabilities:
    """Return what is known about ``model`` at ``base_url``; all callers get the same object."""
    with _KNOWN_LOCK:
        return _KNOWN.setdefault((base_url.rstrip("/"), model), Capabilities())


def forget_capabilities() -> None:
    """Forget all servers, as a new program does."""
    with _KNOWN_LOCK:
        _KNOWN.clear()
