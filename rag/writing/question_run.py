"""The steps that answer one question: retrieve, assess, outline, write."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rag.embedding import count_tokens, load_encoder
from rag.errors import Interrupted, ModelError
from rag.llm import PROSE_RATIO, Budget, ChatClient, ChatModel, ModelChoice, prompts
from rag.progress import OnProgress, Stage, Step
from rag.retrieval import (
    Answerability,
    AnswerScores,
    assess_answerability,
    kept_neighbours,
    language_notices,
    likely_answers,
    merge_hits,
    neighbours_of_answers,
    order_by_answers,
    read_further,
    reword_query,
    rewording_notices,
    search_index,
    search_parts,
    without_neighbours,
)
from rag.store import Index
from rag.types import Brief, Chunk, Filter, Hit, Trace
from rag.verify import VerifierChoice, load_support_model
from rag.verify.answers import load_answer_model, load_sentence_model
from rag.verify.chat_verifier import VERIFY_PROMPT
from rag.writing.brief_models import TOKEN_KINDS, BriefModels
from rag.writing.companions import companions
from rag.writing.compose import compose, insufficient_brief, quoted_brief
from rag.writing.evidence_budget import fit_evidence, hits_to_fill
from rag.writing.further_search import IndexSearch
from rag.writing.large_composition import compose_with_large_model
from rag.writing.large_writer import LargeWriter
from rag.writing.outline import DEFAULT_OUTLINE_WEIGHTS, OUTLINE_WEIGHTS_FOR_LARGE, Outline, make_outline
from rag.writing.passages import place_of
from rag.writing.queries import QUERIES_PROMPT, expand_queries
from rag.writing.shortening import shortened_texts
from rag.writing.small_prompts import HEADING_PROMPT, SUMMARY_PROMPT
from rag.writing.small_writer import small_writer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.config import Settings
    from rag.llm.embeddings import RemoteEmbedder

PROMPTS = {True: (HEADING_PROMPT, SUMMARY_PROMPT), False: ("select", "brief", "edit")}
"""The names of the prompts in use, by whether the model is small."""

EMBEDDING_TOKENS = "embedding"  # the name in a trace of the tokens that a remote embedder was sent

NO_VERIFIER = "none: every sentence is a quotation"  # the trace's verifier for a brief that only quotes evidence

FOUND_SHARE = 0.2
"""Tokens of what a large model's searches find for the brief, and for its corrections, as a part of its evidence."""

NO_QUOTABLE_SENTENCE = "The passages nearest to the question have no sentence that answers it."

NEAREST_KEPT = 5
"""Hits of each query that a large model reads in any case.

The rule that answers a query may be the last sentence of a passage on other things, of which the answer model makes
little: .18 for the fourth hit of a query that quoted it. In 11 briefs one such hit in three briefs was left out.
"""


@dataclass(slots=True, kw_only=True)
class QuestionRun:
    """The steps that answer one question.

    ``seconds`` records the time of each stage, ``embedding_tokens`` what a remote embedder was sent. ``aspects`` are
    the queries that a large model wrote for the question, ``nearest`` the chunk ids of the best hits of each.
    """

    question: str
    settings: Settings
    index: Index
    choice: ModelChoice
    verifier: VerifierChoice | None
    remote_embedder: RemoteEmbedder | None
    on_progress: OnProgress
    embedding_tokens: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    aspects: list[str] = field(default_factory=list)
    nearest: set[str] = field(default_factory=set)

    def prepare(self, where: Filter | None) -> tuple[list[Hit], Answerability, Outline]:
        """Retrieve, assess and outline; the outline is empty where the hits do not answer the question."""
        hits, answerability = self.find_evidence(where)
        outline = self.outline(hits, answerability) if answerability.enough else Outline(sections=(), key_points=())
        return hits, answerability, outline

    def find_evidence(self, where: Filter | None) -> tuple[list[Hit], Answerability]:
        """Retrieve and assess; the hits are ordered by whether they answer, without those off the question."""
        hits = self.retrieve(where)
        if not hits and where and not where.empty:
            return [], Answerability(enough=False, gaps=(_nothing_passes(where),))
        answerability = self.assess(hits)
        if not answerability.enough:
            return order_by_answers(hits, answerability.scores, only_evidence=False), answerability
        return self._read_as_evidence(hits, answerability)

    def add_aspects(
        self, hits: Sequence[Hit], model: ChatModel, where: Filter | None
    ) -> tuple[list[Hit], Answerability, Outline]:
        """Add the hits for queries that ``model`` writes, one for each aspect, and assess and outline all anew.

        The question is answered in any case: more passages do not take an answer away. Without queries, and if the
        model cannot be reached, which its next call will say, there are no further hits.
        """
        with self._stage("retrieve", "asking the model for queries"):
            try:
                self.aspects = expand_queries(model, self.question)
                message = f"searching for {len(self.aspects)} aspects" if self.aspects else "no queries of the model"
            except ModelError as error:
                self.aspects, message = [], f"no queries of the model: {error}"
        with self._stage("retrieve", message), self._recorded_embedding():
            found = [search_index(self.index, query, k=self.hits_wanted, where=where) for query in self.aspects]
        hits = without_neighbours(hits)
        self.nearest = {hit.chunk.id for ranking in (hits, *found) for hit in ranking[:NEAREST_KEPT]}
        merged = merge_hits([hits, *found])[: max(self.hits_wanted, len(hits))]
        assessed = self.assess(merged)
        # A passage counts that answers an aspect: it may say nothing on the question as a whole.
        questions = (*assessed.scores.questions, *((aspect,) for aspect in self.aspects))
        answerability = Answerability(
            enough=True,
            gaps=assessed.gaps if assessed.enough else (),
            scores=AnswerScores(questions=questions, by_chunk={}),
        )
        hits, answerability = self._read_as_evidence(merged, answerability)
        return hits, answerability, self.outline(hits, answerability)

    def retrieve(self, where: Filter | None) -> list[Hit]:
        """Return the hits for the question and its parts."""
        with self._stage("retrieve", "searching the index"), self._recorded_embedding():
            hits = search_parts(self.index, self.question, k=self.hits_wanted, where=where)
        self.notices += [*language_notices(self.question, self.index), *rewording_notices(self.index, self.question)]
        return hits

    @property
    def hits_wanted(self) -> int:
        """``k`` if it is set, and otherwise for a large model as many hits as its evidence takes."""
        if self.choice.kind != "openai" or "k" in self.settings.model_fields_set:
            return self.settings.k
        return max(self.settings.k, hits_to_fill(self.settings.evidence_tokens))

    def assess(self, hits: Sequence[Hit]) -> Answerability:
        """Return whether ``hits`` answer the question."""
        with self._stage("retrieve", f"{len(hits)} passages; do they answer the question?"):
            return assess_answerability(
                reword_query(self.index, self.question), hits, self._answer_scores, load_encoder().word_vectors
            )

    def _read_as_evidence(self, hits: Sequence[Hit], answerability: Answerability) -> tuple[list[Hit], Answerability]:
        """Read the neighbours of what answers, and for a large model all hits; return what is on the question.

        Quotations are rated one by one: with all hits read, .49 instead of .48 of the best eight answer (28 asked)."""
        further = hits if self.choice.kind == "openai" else ()
        with self._stage("retrieve", "reading the passages and those beside the answers"):
            scores = read_further(answerability.scores, further, self._answer_scores)
            neighbours = neighbours_of_answers(self.index, hits, scores)
            scores = read_further(scores, neighbours, self._answer_scores)
        merged = [*hits, *kept_neighbours(neighbours, scores)]
        return order_by_answers(merged, scores), replace(answerability, scores=scores)

    def _answer_scores(self, questions: Sequence[str], passages: Sequence[str]) -> NDArray[np.float32]:
        return load_answer_model(self.settings, self._on_unpacked).probabilities(questions, passages)

    def _sentence_scores(self, questions: Sequence[str], sentences: Sequence[str]) -> NDArray[np.float32]:
        return load_sentence_model(self.settings, self._on_unpacked).probabilities(questions, sentences)

    def outline(self, hits: Sequence[Hit], answerability: Answerability) -> Outline:
        """Return the outline of the evidence in ``hits``."""
        with self._stage("plan", "choosing evidence and grouping it into sections"):
            return make_outline(
                reword_query(self.index, self.question),
                hits,
                load_encoder().vectors,
                self._sentence_scores,
                sections=self.settings.sections,
                scores=answerability.scores,
                weights=OUTLINE_WEIGHTS_FOR_LARGE if self.choice.kind == "openai" else DEFAULT_OUTLINE_WEIGHTS,
            )

    def connect(self, choice: ModelChoice, at_once: int, budget: Budget) -> ChatClient:
        """Return the connected model of ``choice``, after reporting which it is."""

        def on_bytes(done: int, total: int) -> None:
            self.on_progress(Step(stage="load", message="joining the local model (once)", done=done, total=total))

        with self._stage("load", f"model: {choice.why}"):
            return ChatClient(choice, self.settings, on_bytes, concurrency=at_once, budget=budget)

    def load_packaged_verifier(self) -> None:
        """Load the packaged verifier, and report when its weights are unpacked first."""

        load_support_model(self.settings, self._on_unpacked)

    def _on_unpacked(self, done: int, total: int) -> None:
        self.on_progress(Step(stage="load", message="unpacking the packaged models (once)", done=done, total=total))

    def write(
        self,
        hits: Sequence[Hit],
        outline: Outline,
        answerability: Answerability,
        models: BriefModels | None,
        where: Filter | None,
    ) -> Brief:
        """Write the brief; without models, quote the evidence, and without an outline, say what is missing."""
        trace = self._trace(models.verifier.name if models else NO_VERIFIER)
        started, searched = time.perf_counter(), self.seconds.get("retrieve", 0.0)

        def with_costs(brief: Brief) -> Brief:
            """Return ``brief`` with what its calls took and cost, and what was searched for meanwhile."""
            if models is None:
                return brief
            model_seconds, model_tokens, model_cost = models.spent()
            searching = self.seconds.get("retrieve", 0.0) - searched
            write = time.perf_counter() - started - searching
            seconds = _rounded({**self.seconds, "write": write, "model": model_seconds})
            tokens = {**model_tokens, **self._embedding_tokens_sent()}
            costs = (model_cost, self._embedding_cost())
            cost = None if None in costs else sum(filter(None, costs))
            return replace(brief, trace=replace(brief.trace, seconds=seconds, tokens=tokens, cost=cost))

        if not outline.sections:
            known = answerability.gaps
            gaps = known if known and not answerability.enough else (NO_QUOTABLE_SENTENCE, *known)
            return with_costs(insufficient_brief(self.question, hits, trace, gaps))
        if models is None:
            brief = self.quoted(hits, outline, answerability)
            self.on_progress(Step(stage="write", message="quotes", brief=brief))
            return brief
        common: dict[str, Any] = {"trace": trace, "gaps": answerability.gaps, "on_progress": self.on_progress}
        try:
            if models.writer.small:
                brief = compose(
                    *(self.question, hits, outline, small_writer(models.writer, self.question, hits, models.verifier)),
                    models.verifier,
                    score_answers=self._sentence_scores,
                    embed=load_encoder().vectors,
                    **common,
                )
            else:
                writer = self.large_writer(models.writer, hits, answerability.scores, where)
                brief = compose_with_large_model(
                    *(self.question, hits, outline, writer, models.verifier),
                    sections=self.settings.sections,
                    search=self.further_search(where),
                    **common,
                )
        except Interrupted as interrupted:
            interrupted.draft = with_costs(interrupted.draft)
            raise
        return with_costs(brief)

    def quoted(self, hits: Sequence[Hit], outline: Outline, answerability: Answerability) -> Brief:
        """Return the brief that quotes the evidence, the draft of every writer."""
        return quoted_brief(self.question, hits, outline, self._trace(NO_VERIFIER), answerability.gaps)

    def large_writer(
        self, model: ChatModel, hits: Sequence[Hit], scores: AnswerScores, where: Filter | None
    ) -> LargeWriter:
        """Return the writer for a large ``model``, with its prompts and what the budget of tokens allows of ``hits``.

        The model sees of the passages of low rank what is nearest to the question and its aspects; the budget is for
        what it sees.
        """
        select, brief, edit = map(prompts.load_prompt, PROMPTS[False])
        queries = [self.question, *self.aspects]
        likely = likely_answers(hits, scores, self.nearest)
        shortened = shortened_texts([hit.chunk for hit in likely], queries, load_encoder().vectors, _estimate_tokens)
        budget = self.settings.evidence_tokens
        fitting = fit_evidence(likely, budget, lambda chunk: _tokens_read(chunk, shortened.get(chunk.id)))
        evidence = tuple(hit.chunk for hit in fitting)
        return LargeWriter(
            model=model,
            question=self.question,
            select_prompt=select,
            brief_prompt=brief,
            edit_prompt=edit,
            evidence=evidence,
            shortened={chunk.id: shortened[chunk.id] for chunk in evidence if chunk.id in shortened},
            companions=companions(self.index, evidence, where),
            latest=self.index.catalogue.latest_date() or "",
        )

    def further_search(self, where: Filter | None) -> IndexSearch:
        """Return the search for what a large model wants to know beside its evidence."""

        @contextmanager
        def recorded(message: str) -> Iterator[None]:
            with self._stage("retrieve", message), self._recorded_embedding():
                yield

        return IndexSearch(
            index=self.index,
            where=where,
            questions=(reword_query(self.index, self.question), *self.aspects),
            score_answers=self._answer_scores,
            budget=round(FOUND_SHARE * self.settings.evidence_tokens),
            tokens_read=_tokens_read,
            recorded=recorded,
        )

    def _trace(self, verifier: str) -> Trace:
        names = prompt_names(self.choice, self.verifier)
        return Trace(
            version=version("citebrief"),
            model=self.choice.name,
            parameters={
                "k": self.hits_wanted,
                **({"evidence_tokens": self.settings.evidence_tokens} if self.choice.kind == "openai" else {}),
                "sections": self.settings.sections,
                "temperature": 0,
                "seed": self.settings.seed,
                "threads": self.settings.threads or os.cpu_count() or 1,  # it affects the local model's rounding
            },
            prompts={name: prompts.load_prompt(name).sha256 for name in names},
            embedder=self.index.embedder.name,
            fingerprint=self.index.fingerprint,
            verifier=verifier,
            seconds=_rounded(self.seconds),
            tokens={**dict.fromkeys(TOKEN_KINDS, 0), **self._embedding_tokens_sent()},
            cost=self._embedding_cost(),
            notices=tuple(self.notices),
        )

    @contextmanager
    def _recorded_embedding(self) -> Iterator[None]:
        """Count the tokens of a remote embedder in this block, and report when it makes the question wait."""
        if self.remote_embedder is None:
            yield
            return
        with self.remote_embedder.recording(lambda why: self.on_progress(Step(stage="wait", message=why))) as tokens:
            yield
        self.embedding_tokens.update(tokens)

    def _embedding_tokens_sent(self) -> dict[str, int]:
        return {} if self.remote_embedder is None else {EMBEDDING_TOKENS: self.embedding_tokens["prompt"]}

    def _embedding_cost(self) -> float | None:
        """Return the cost of embedding in US dollars; 0 with a local embedder, None if the price is unknown."""
        if self.remote_embedder is None or not self.embedding_tokens["prompt"]:
            return 0.0
        return self.remote_embedder.rates.cost(self.embedding_tokens) if self.remote_embedder.rates else None

    @contextmanager
    def _stage(self, stage: Stage, message: str) -> Iterator[None]:
        """Report the stage and add the time of the block to its seconds."""
        self.on_progress(Step(stage=stage, message=message))
        started = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started


def prompt_names(writer: ModelChoice, verifier: VerifierChoice | None) -> tuple[str, ...]:
    """Return the names of the prompts that a brief by ``writer`` uses, those of its ``verifier`` included."""
    if writer.kind == "extractive":
        return ()
    queries = () if writer.kind == "local" else (QUERIES_PROMPT,)
    return queries + PROMPTS[writer.kind == "local"] + ((VERIFY_PROMPT,) if verifier and verifier.model else ())


def _tokens_read(chunk: Chunk, text: str | None = None) -> float:
    """Estimate the model's tokens of ``chunk`` in a prompt, or of a shorter ``text`` in its place."""
    return _estimate_tokens(f"{place_of(chunk)}\n{chunk.text if text is None else text}")


def _estimate_tokens(text: str) -> float:
    return PROSE_RATIO * count_tokens(text)


def _nothing_passes(where: Filter) -> str:
    """Return that no document passes ``where``, in words."""
    restrictions = {"document": where.document, "since": where.since, "until": where.until}
    told = ", ".join(f"{name} {value}" for name, value in restrictions.items() if value)
    left_out = "; documents without a date are left out" if where.since or where.until else ""
    return f"No document passes the filter ({told}{left_out})."


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {stage: round(value, 2) for stage, value in seconds.items()}
