"""The transport that finds the form of request that the server takes, and reads the form of reply that it gives."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx2

from rag.llm.call import call_of
from rag.llm.capabilities import Capabilities
from rag.llm.completions import normalised, thought_to_the_limit
from rag.llm.provider_errors import says_too_long
from rag.llm.refusals import Change, Refusal, read_refusal
from rag.llm.request_form import RequestForm
from rag.llm.transport.layer import ModelTransport, TransportLayer, buffered_response

MAX_CHANGES = 16
"""Attempts to get one request accepted."""


class CompatibilityTransport(TransportLayer):
    """Sends chat requests in the form that the server is known to take; when it refuses one, finds another form.

    Args:
        inner: the next transport.
        capabilities: what is known of the server and model, to which this adds.
        where: the model and its host, for messages.
    """

    def __init__(self, inner: ModelTransport, capabilities: Capabilities, where: str) -> None:
        super().__init__(inner)
        self._capabilities = capabilities
        self._where = where

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the response to the request, with the reply where OpenAI puts it."""
        body = json.loads(request.content)
        form = self._capabilities.form
        response = self._send(request, body, form)
        if refusal := _refusal_of(response):
            form, response = self._find_form(request, body, form, refusal, response)
        if not form.reasons and response.status_code == httpx2.codes.OK and thought_to_the_limit(response.content):
            what = "replies may be longer, since the model reasons before them"
            change = Change(what=what, change=lambda form: replace(form, reasons=True))
            self._learn(request, [change])
            response = self._send(request, body, change.change(form))
        if response.status_code != httpx2.codes.OK:
            return response
        content = normalised(response.content)
        if content == response.content:
            return response
        return buffered_response(response.status_code, content, request, {"content-type": "application/json"})

    def _find_form(
        self,
        request: httpx2.Request,
        body: dict[str, Any],
        form: RequestForm,
        refusal: Refusal,
        response: httpx2.Response,
    ) -> tuple[RequestForm, httpx2.Response]:
        """Try other forms until one is accepted. Return the last form that got further, and the response to it.

        A change is kept if the server accepts the request, or refuses it with other words: then it has got past what it
        refused before.
        """
        kept: list[Change] = []
        tried: set[str] = set()
        for _ in range(MAX_CHANGES):
            suspects = refusal.suspects(body, form, guess=self._capabilities.guesses)
            change = next((each for each in suspects if each.what not in tried), None)
            if change is None:
                break
            tried.add(change.what)
            trial = change.change(form)
            answer = self._send(request, body, trial)
            again = _refusal_of(answer)
            if again is not None and again.fingerprint == refusal.fingerprint:
                continue
            form, response = trial, answer
            kept.append(change)
            if again is None:
                if response.status_code == httpx2.codes.OK:
                    self._learn(request, kept)
                return form, response
            refusal = again
        if refusal.certain:
            self._capabilities.guesses = False
        return form, response

    def _send(self, request: httpx2.Request, body: dict[str, Any], form: RequestForm) -> httpx2.Response:
        sent = form.apply(body)
        call = call_of(request)
        call.max_tokens = sent.get(form.limit, call.max_tokens)
        if sent == body:
            return super().handle_request(request)
        content = json.dumps(sent, ensure_ascii=False).encode()
        headers = httpx2.Headers(request.headers)
        del headers["content-length"]
        return super().handle_request(
            httpx2.Request(request.method, request.url, headers=headers, content=content, extensions=request.extensions)
        )

    def _learn(self, request: httpx2.Request, changes: list[Change]) -> None:
        say = call_of(request).on_wait
        self._capabilities.learn(
            {change.what: change.change for change in changes}, lambda what: say(f"{self._where}: {what}")
        )


def _refusal_of(response: httpx2.Response) -> Refusal | None:
    """Return the refusal that ``response`` is; None also if the request was too long, which no other form mends."""
    refusal = read_refusal(response.status_code, response.content)
    return None if refusal is None or says_too_long(refusal.text) else refusal
