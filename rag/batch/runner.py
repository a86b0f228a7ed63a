"""Many questions → a folder of briefs, losing nothing on the way: see ``rag/batch/run_directory.py`` for what it holds.

``eval run`` is a batch too, with a score at its end.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rag._internal import events
from rag.batch.run_directory import REPLIES, RunDirectory
from rag.errors import CitebriefError
from rag.llm import Budget, ModelChoice, prompts, rates_of
from rag.pipeline import OnQuestion, QuestionResult, answer_many
from rag.render.wording import count
from rag.types import Question
from rag.writing.session import PROMPTS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from rag.config import Settings
    from rag.progress import Step

REMOTE_JOBS = 4
DECIDING = ("k", "sections", "seed", "embedder")
"""The settings that decide what a brief says."""

LIBRARIES = ("torch", "sentence-transformers", "chromadb")
"""Those whose version can change what is retrieved and checked."""


Ended = Literal["done", "stopped", "budget", "lost"]
"""How a batch ended: with every question dealt with, by a person, by the budget, or because the model is gone."""


class Engine(Protocol):
    """:func:`rag.pipeline.answer_many`, or what does the same elsewhere."""

    def __call__(
        self,
        questions: Iterable[Question],
        settings: Settings,
        *,
        jobs: int,
        budget: Budget | None = None,
        stop: threading.Event | None = None,
        on_progress: OnQuestion = ...,
    ) -> Generator[QuestionResult]:
        """See :func:`rag.pipeline.answer_many`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a batch came to. Counts are of all its questions; ``asked`` are those of this run.

    ``cost`` is in US dollars, of all that was ever sent, None where the price is unknown; what a kill made useless is
    in it, and what was never answered, at the most that it can cost. ``seconds`` are this run's. ``faults`` counts
    failures by class.
    """

    ended: Ended
    questions: int
    asked: int
    answered: int
    insufficient_evidence: int
    failed: int
    open: int
    tokens: dict[str, int]
    cost: float | None
    seconds: float
    faults: dict[str, int]
    out: str

    def as_json(self) -> str:
        """The fields as one object."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, ensure_ascii=False)

    def as_text(self) -> str:
        """The same for a person, in a few lines."""
        counts = [f"{self.answered:,} answered", f"{self.insufficient_evidence:,} not answered by the corpus"]
        if self.failed:
            kinds = ", ".join(f"{times:,} {fault}" for fault, times in self.faults.items())
            counts.append(f"{self.failed:,} failed ({kinds})")
        if self.open:
            counts.append(f"{self.open:,} still open")
        cost = "cost unknown: the model is not in the price table" if self.cost is None else f"${self.cost:.4f} in all"
        return (
            f"{count(self.questions, 'question')}: {', '.join(counts)}\n"
            f"{self.asked:,} asked now, in {self.seconds:,.1f} s; {cost}\n"
            f"briefs and results.jsonl: {self.out}"
        )


OnRow = Callable[[str, int, int], None]
"""Called with a word for what became of a question, how many are dealt with, and of how many."""


def manifest(settings: Settings, choice: ModelChoice, fingerprint: str) -> dict[str, Any]:
    """What decides the briefs, but for the questions themselves."""
    used = () if choice.kind == "extractive" else PROMPTS[choice.kind == "local"]
    return {
        "version": version("citebrief"),
        "model": choice.name,
        "settings": {name: getattr(settings, name) for name in DECIDING},
        "prompts": {name: prompts.load_prompt(name).sha256 for name in used},
        "index": fingerprint,
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def jobs_for(choice: ModelChoice) -> int:
    """Questions at a time where nobody said how many: this machine does one as fast as two, a server does not care."""
    return REMOTE_JOBS if choice.kind == "openai" else 1


def budget_for(
    budget_usd: float | None, choice: ModelChoice, settings: Settings, directory: RunDirectory, *, anew: bool = False
) -> Budget:
    """The ``budget`` of the locked ``folder``, which notes all that is paid; ``anew`` forgets what was paid before.

    Raises:
        UsageError: there is a budget, and the model's price is unknown; or the file of prices cannot be used.
    """
    spent = 0.0 if anew else directory.paid()
    return Budget(budget_usd, rates_of(choice, settings), spent=spent, model=choice.name, on_paid=directory.pay)


def run_batch(
    questions: Sequence[Question],
    settings: Settings,
    directory: RunDirectory,
    *,
    jobs: int,
    budget: Budget | None = None,
    stop: threading.Event | None = None,
    engine: Engine = answer_many,
    on_row: OnRow = lambda *_: None,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Answer those of ``questions`` that ``folder``, which is locked and begun, has no brief of.

    The model's replies are kept, in the folder unless the settings name another place: none is paid for twice.
    ``purse`` holds the budget, see :func:`purse_for`. Once ``stop`` is set, the batch ends soon and in good order.
    ``on_wait`` is told, from many threads, why the model keeps all questions waiting.

    Raises:
        CitebriefError: the folder cannot be written, or nothing can be asked. What was finished is kept.
    """
    started, total, asked = time.perf_counter(), len(questions), 0
    left = directory.missing(questions)
    settings = settings.model_copy(update={"replies": settings.replies or directory.path / REPLIES})
    with _writing():
        directory.complete()
        directory.settle(questions)
    events.log_event("batch started", questions=total, missing=len(left), jobs=jobs)
    on_row("kept", total - len(left), total)
    running: set[str] = set()

    def on_progress(question: Question, step: Step) -> None:
        if question.id not in running:
            running.add(question.id)
            events.log_event("question started", question=question.id)
        if step.stage == "wait":
            on_wait(step.message)

    faults: Counter[str] = Counter()
    try:
        answers = engine(iter(left), settings, jobs=jobs, budget=budget, stop=stop, on_progress=on_progress)
        with closing(answers):
            for outcome in answers:
                with _writing():
                    row = directory.keep(outcome)
                asked += 1
                faults[row.fault] += 1
                running.discard(row.id)
                events.log_event(
                    "question ended", question=row.id, status=row.status, fault=row.fault or None, seconds=row.seconds
                )
                on_row(row.status, total - len(left) + asked, total)
    except BaseException:
        with suppress(CitebriefError, OSError):  # the row of each question is in the file already
            directory.settle(questions, _unasked("stopped"))
        raise
    ended: Ended = "done"
    if stop is not None and stop.is_set():
        ended = "stopped"
    elif faults["BudgetSpent"]:
        ended = "budget"
    elif asked < len(left):
        ended = "lost"
    with _writing():
        directory.settle(questions, _unasked(ended))
    cost = directory.paid() if budget is None or budget.rates else None
    seconds = round(time.perf_counter() - started, 2)
    found = _summary(directory, questions, ended=ended, asked=asked, cost=cost, seconds=seconds)
    events.log_event("batch ended", ended=found.ended, answered=found.answered, failed=found.failed, cost=found.cost)
    return found


def _unasked(ended: Ended) -> dict[str, str]:
    """What the row of a question says that nobody came to."""
    if ended == "budget":
        return {"status": "failed", "fault": "BudgetSpent", "error": "not asked: the budget is spent"}
    return {"status": "open", "error": "not asked: the model was lost" if ended == "lost" else "not asked: stopped"}


def _summary(
    directory: RunDirectory,
    questions: Sequence[Question],
    *,
    ended: Ended,
    asked: int,
    cost: float | None,
    seconds: float,
) -> Summary:
    rows = [directory.rows[question.id] for question in questions]
    counts = Counter(row.status for row in rows)
    tokens: Counter[str] = Counter()
    for row in rows:
        tokens.update(row.tokens)
    faults = Counter(row.fault for row in rows if row.status == "failed")
    return Summary(
        ended=ended,
        questions=len(rows),
        asked=asked,
        answered=counts["answered"],
        insufficient_evidence=counts["insufficient_evidence"],
        failed=counts["failed"],
        open=counts["open"],
        tokens=dict(tokens),
        cost=None if cost is None else round(cost, 6),
        seconds=seconds,
        faults=dict(faults.most_common()),
        out=str(directory.path),
    )


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (CitebriefError, OSError) as error:
        what = error if isinstance(error, CitebriefError) else f"cannot write: {(error.strerror or str(error)).lower()}"
        raise CitebriefError(f"{what}; what is finished is kept: mend this, and go on from there") from error
