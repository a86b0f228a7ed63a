"""A chat model as verifier (spec ``llm:SPEC``): it sees claims and evidence, and not who wrote the claims.

Several claims share one call, with their evidence numbered, under a strict schema. A claim that gets no readable
verdict is put to the model once more, and is unscored after that.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from rag._internal.concurrency import run_concurrently
from rag.errors import ModelError, ReplyError, TooLong
from rag.llm.prompts import load_prompt
from rag.text import indented
from rag.types import Chunk, Quote, Support, Verdict
from rag.verify.candidates import CANDIDATES_PER_CLAIM, promising_pairs
from rag.verify.quotes import quotes_of
from rag.verify.support_verifier import default_verifier

if TYPE_CHECKING:
    from rag.llm.chat_model import ChatModel
    from rag.verify.protocol import Premise, Verifier

VERIFY_PROMPT = "verify"
"""The name of the prompt."""

CALLS_IN_FLIGHT = 8
"""Calls to a remote model at the same time."""

VERDICT_TOKENS = 110
"""Length limit of the reply for each claim."""

SCORES: Mapping[Support, float] = {"full": 1.0, "partial": 0.5, "none": 0.0}
"""The score of a verdict, since a chat model gives no probability."""

ClaimEvidence = tuple[str, tuple[str, ...]]
"""A claim and the passages that have to support it together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """Limits of one call. ``claims`` is a number of claims, ``evidence`` a number of characters of all passages."""

    claims: int
    evidence: int


LIMITS = CallLimits(claims=24, evidence=60_000)
"""Limits for other models. Of 456 sentences of twelve briefs that were verified in calls of up to 42 claims, readers
found 96.7 % fully supported, and of 574 of sixteen that were verified in calls of up to 30, 99.0 %."""
LIMITS_OF_SMALL_MODEL = CallLimits(claims=4, evidence=5_000)
"""Limits for the local model, whose context has 4,096 tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """The messages, schema and length limit of one call."""

    system: str
    user: str
    schema: Any
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatVerifier:
    """A chat model with ``prompts/verify.md``; see :class:`rag.verify.protocol.Verifier`.

    ``candidates`` limits how many pairs with the same claim are read (``rag/verify/candidates.py``); the others are
    unscored. None reads them all. A call that fails raises its ``ModelError``, or with ``tolerant`` leaves its claims
    unscored. ``min_reattribution_score`` was not measured.
    """

    model: ChatModel
    candidates: int | None = CANDIDATES_PER_CLAIM
    tolerant: bool = False
    min_reattribution_score: float = 0.7

    @property
    def name(self) -> str:
        """See :class:`rag.verify.protocol.Verifier`."""
        prompt = load_prompt(VERIFY_PROMPT)
        return f"{self.model.name}, prompt {VERIFY_PROMPT}/{prompt.version} {prompt.sha256[:8]}"

    @property
    def citation_judge(self) -> Verifier:
        """See :class:`rag.verify.protocol.Verifier`."""
        return self

    def verify(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[Verdict]:
        """See :class:`rag.verify.protocol.Verifier`."""
        cases = [(claim, _passages(premises)) for claim, premises in pairs]
        return [  # positions count only where no premise is blank
            verdict if len(read) == len(premises) else replace(verdict, needed=())
            for (_, premises), (_, read), verdict in zip(pairs, cases, self._judge(cases), strict=True)
        ]

    def quotes(self, sentence: str, chunks: Sequence[Chunk]) -> tuple[Quote, ...]:
        """See :class:`rag.verify.protocol.Verifier`."""
        return quotes_of(sentence, chunks)

    def requests(self, pairs: Sequence[tuple[str, Sequence[Premise]]]) -> list[VerifyRequest]:
        """Return the calls that :meth:`verify` makes for pairs with distinct claims, without retries."""
        cases = list(dict.fromkeys((claim, _passages(premises)) for claim, premises in pairs))
        return [_request(batch) for batch in self._batches([case for case in cases if case[1]])]

    def _judge(self, cases: Sequence[ClaimEvidence]) -> list[Verdict]:
        distinct = [case for case in dict.fromkeys(cases) if case[1]]
        chosen = self._chosen(distinct)
        found = {case: self._unscored("not put to the model: other passages are nearer") for case in distinct}
        batches = list(self._batches(chosen))
        for batch, verdicts in run_concurrently(
            lambda batch: (batch, self._ask(batch)),
            batches,
            jobs=min(len(batches), 1 if self.model.small else CALLS_IN_FLIGHT),
            stop=threading.Event(),
            halt=lambda: None,
            grace=0.0,
        ):
            found.update(zip(batch, verdicts, strict=True))
        nothing = Verdict(support="none", score=0.0, judge=self.name, reason="no evidence")
        return [found.get(case, nothing) for case in cases]

    def _chosen(self, cases: Sequence[ClaimEvidence]) -> list[ClaimEvidence]:
        """Return the cases to be read. Only if a claim has too many are they ranked, by the packaged model."""
        most = self.candidates
        times = Counter(claim for claim, _ in cases)
        if most is None or all(count <= most for count in times.values()):
            return list(cases)
        ranked = [case for case in cases if times[case[0]] > most]
        scores = dict(zip(ranked, (verdict.score for verdict in default_verifier().verify(ranked)), strict=True))
        return [cases[at] for at in promising_pairs(cases, [scores.get(case, 0.0) for case in cases], most)]

    def _batches(self, cases: Sequence[ClaimEvidence]) -> Iterator[tuple[ClaimEvidence, ...]]:
        """Group ``cases`` into calls. Cases with the same evidence come together, those with the same claim do not.

        A model that sees a claim twice with different evidence would mix them up.
        """
        limits = LIMITS_OF_SMALL_MODEL if self.model.small else LIMITS
        by_evidence: defaultdict[tuple[str, ...], list[ClaimEvidence]] = defaultdict(list)
        for case in cases:
            by_evidence[case[1]].append(case)
        batches: list[_Batch] = []
        for case in (case for same in by_evidence.values() for case in same):
            batch = next((batch for batch in batches if batch.takes(case, limits)), None)
            if batch is None:
                batches.append(batch := _Batch())
            batch.add(case)
            if len(batch.cases) >= limits.claims:
                batches.remove(batch)
                yield tuple(batch.cases)
        yield from (tuple(batch.cases) for batch in batches)

    def _ask(self, cases: Sequence[ClaimEvidence]) -> list[Verdict]:
        """Put ``cases`` to the model in one call, and those without a readable verdict in a second one."""
        found: dict[ClaimEvidence, Verdict] = {}
        left, fault = list(cases), ""
        for attempt in range(2):
            request = _request(left)
            user = f"{request.user}\n\n{_complaint(fault)}" if attempt else request.user
            limit = request.max_tokens * (attempt + 1)
            try:
                reply = self.model.ask(request.system, user, request.schema, max_tokens=limit, name=VERIFY_PROMPT)
            except TooLong as error:
                fault = str(error)
                if len(left) == 1:
                    break
                half = len(left) // 2
                found.update(zip(left, self._ask(left[:half]) + self._ask(left[half:]), strict=True))
                left = []
            except ReplyError as error:
                fault = str(error)
            except ModelError as error:
                if not self.tolerant:
                    raise
                fault = str(error)
                break
            else:
                found |= self._read(left, reply)
                left = [case for case in left if case not in found]
                fault = "it has no clear verdict on some of the claims"
            if not left:
                break
        return [found.get(case) or self._unscored(f"no verdict: {fault}") for case in cases]

    def _read(self, cases: Sequence[ClaimEvidence], reply: Any) -> dict[ClaimEvidence, Verdict]:
        """Return the verdicts that are clear: readable, and without an unsupported clause beside "full"."""
        found = {}
        aliases = _aliases(cases)
        for number, case in enumerate(cases, 1):
            given: _ClaimVerdict | None = getattr(reply, f"C{number}")
            if given is None:
                continue
            support, clause = given.support, _clause_in(case[0], given.unsupported)
            if support == "full" and clause:
                continue
            found[case] = Verdict(
                support=support,
                score=SCORES[support],
                judge=self.name,
                reason=_reason(support, clause),
                unsupported=clause,
                needed=_positions(given.needed, [aliases[text] for text in case[1]]) if support == "full" else (),
            )
        return found

    def _unscored(self, reason: str) -> Verdict:
        return Verdict(support=None, score=0.0, judge=self.name, reason=reason)


@dataclass(slots=True, kw_only=True)
class _Batch:
    """The cases of one call, their claims, and their passages."""

    cases: list[ClaimEvidence] = field(default_factory=list)
    claims: set[str] = field(default_factory=set)
    passages: set[str] = field(default_factory=set)

    def takes(self, case: ClaimEvidence, limits: CallLimits) -> bool:
        claim, evidence = case
        return claim not in self.claims and sum(map(len, self.passages.union(evidence))) <= limits.evidence

    def add(self, case: ClaimEvidence) -> None:
        self.cases.append(case)
        self.claims.add(case[0])
        self.passages.update(case[1])


def _passages(premises: Sequence[Premise]) -> tuple[str, ...]:
    """Return the texts of ``premises`` that the model reads; a chunk has its title, headings and date."""
    texts = (_chunk_text(each) if isinstance(each, Chunk) else each for each in premises)
    return tuple(text for text in texts if text.strip())


def _chunk_text(chunk: Chunk) -> str:
    text = indented(chunk.text)
    return f"[{chunk.place}]\n{text}" if chunk.place else text


def _request(cases: Sequence[ClaimEvidence]) -> VerifyRequest:
    """Return the call that asks for a verdict on each of ``cases``."""
    aliases = _aliases(cases)
    claims = [
        f"C{number} ({', '.join(aliases[text] for text in dict.fromkeys(evidence))}): {claim}"
        for number, (claim, evidence) in enumerate(cases, 1)
    ]
    system, user = load_prompt(VERIFY_PROMPT).render(
        evidence="\n\n".join(f"{alias} {text}" for text, alias in aliases.items()), claims="\n".join(claims)
    )
    schema = _schema(tuple(f"C{number}" for number in range(1, len(cases) + 1)))
    return VerifyRequest(system=system, user=user, schema=schema, max_tokens=VERDICT_TOKENS * (len(cases) + 1))


def _aliases(cases: Sequence[ClaimEvidence]) -> dict[str, str]:
    """Return the alias of each passage of ``cases``, by its text."""
    passages = dict.fromkeys(text for _, evidence in cases for text in evidence)
    return {text: f"E{number}" for number, text in enumerate(passages, 1)}


def _positions(named: Sequence[str], aliases: Sequence[str]) -> tuple[int, ...]:
    """Return the positions among ``aliases`` of those that are ``named``; none if one of these is not there."""
    plain = {alias.strip(" []().,") for alias in named}
    return tuple(at for at, alias in enumerate(aliases) if alias in plain) if plain <= set(aliases) else ()


class _ClaimVerdict(BaseModel):
    model_config = ConfigDict(extra="forbid", title="ClaimVerdict")
    support: Literal["none", "partial", "full"]
    unsupported: str
    needed: list[str] = []


def _none_if_invalid(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Return the verdict in ``value``, or None if it is not readable, so that those on other claims are not lost."""
    try:
        return validate(value)
    except ValidationError:
        return None


def _schema(aliases: tuple[str, ...]) -> Any:
    """Return the schema of a reply: a verdict under each of ``aliases``.

    The schema that is sent requires all of them and no others. A reply that lacks one is accepted, with None in its
    place, and what else it has is ignored.
    """
    verdict = Annotated[_ClaimVerdict, WrapValidator(_none_if_invalid)]
    fields: dict[str, Any] = dict.fromkeys(aliases, (verdict, None))
    return create_model("Verdicts", **fields)


def _complaint(fault: str) -> str:
    return f"Your last reply could not be used: {fault}. Reply again, with JSON that follows the schema."


def _clause_in(claim: str, clause: str) -> str:
    """Return ``clause`` if it is a quote from ``claim``, whatever its case, spacing and outer marks; else ""."""
    plain = " ".join(clause.split()).strip(" .,;:\"'“”‘’")
    position = " ".join(claim.split()).casefold().find(plain.casefold())
    return plain if plain and position >= 0 and re.search(r"\w", plain) else ""


def _reason(support: Support, clause: str) -> str:
    """Return the fault in words for the writer of the sentence."""
    if support == "full":
        return ""
    if clause:
        return f"the evidence does not state “{clause}”"
    return "the evidence states only a part of it" if support == "partial" else "the evidence does not state it"
