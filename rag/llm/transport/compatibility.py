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
from rag.llm.refusals import Change, Refusal, changes_of, least_demanding, read_refusal
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
        call = call_of(request)
        first = form = self._capabilities.form
        kept: list[Change] = []
        doubtful = not self._capabilities.is_settled(call.prompt_name)
        if doubtful:  # calls that wait for the server to recover would also wait for another form
            call.own_fault_counted = True
        response = self._send(request, body, form)
        if refusal := _refusal_of(response):
            form, response, kept = self._find_form(request, body, form, refusal, response)
        if _may_fail_at_the_form(response):
            form, response = self._find_cause(request, body, first, kept) or (form, response)
        if response.status_code == httpx2.codes.OK:
            self._capabilities.settle(call.prompt_name)
        elif doubtful:
            call.own_fault_counted = False
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
    ) -> tuple[RequestForm, httpx2.Response, list[Change]]:
        """Try other forms until one is accepted. Return the last form that got further, the response, and the changes.

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
                return form, response, kept
            refusal = again
        if refusal.certain:
            self._capabilities.guesses = False
        return form, response, kept

    def _find_cause(
        self, request: httpx2.Request, body: dict[str, Any], form: RequestForm, kept: list[Change]
    ) -> tuple[RequestForm, httpx2.Response] | None:
        """Find out whether the server fails at the form of the request. Return a better one and the response to it.

        The form is to blame only if the server fails at it again, but not at simpler ones. So nothing is done about the
        first failure. After the second one the simplest form is sent, and only if that is accepted those that take one
        thing from the request. A server that fails at anything gets one request more, once for each prompt; a search
        that succeeds costs one or two replies that are not used.

        Args:
            request: the request.
            body: the request in the standard form.
            form: the form that was known when the request was first sent.
            kept: the changes of it that the server has asked for since.
        """
        prompt_name = call_of(request).prompt_name
        with self._capabilities.searching:
            if (found := self._capabilities.form) != form:  # by another call, meanwhile
                return found, self._send(request, body, found)
            if not self._capabilities.begin_search(prompt_name):
                return None
            try:
                return self._search(request, body, form, kept)
            finally:
                self._capabilities.settle(prompt_name)

    def _search(
        self, request: httpx2.Request, body: dict[str, Any], form: RequestForm, kept: list[Change]
    ) -> tuple[RequestForm, httpx2.Response] | None:
        for change in kept:
            form = change.change(form)
        simplest = least_demanding(body)
        if simplest.change(form) == form or not self._send(request, body, simplest.change(form)).is_success:
            return None
        certain = False
        for change in (*changes_of(body, form), simplest):
            answer = self._send(request, body, change.change(form))
            if not answer.is_success:
                certain = certain or _may_fail_at_the_form(answer)
                continue
            if not certain:  # the server may have recovered meanwhile
                again = self._send(request, body, form)
                if not _may_fail_at_the_form(again):
                    return form, again
            self._learn(request, [*kept, change])
            return change.change(form), answer
        return None

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


def _may_fail_at_the_form(response: httpx2.Response) -> bool:
    """Return whether ``response`` is the failure of a server that may not have foreseen the form of the request."""
    if response.status_code != httpx2.codes.INTERNAL_SERVER_ERROR:
        return False
    refusal = _refusal_of(response)
    return refusal is not None and not refusal.about_text


def _refusal_of(response: httpx2.Response) -> Refusal | None:
    """Return the refusal that ``response`` is; None also if the request was too long, which no other form mends."""
    refusal = read_refusal(response.status_code, response.content)
    return None if refusal is None or says_too_long(refusal.text) else refusal
