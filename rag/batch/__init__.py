"""Many questions: the questions file, the run directory, parallel answers, and the cost estimate.

``rag/batch/ray`` runs the same on a Ray cluster; it is an optional extra and not imported here.
"""

from rag.batch.parallel import OnQuestion, QuestionResult, answer_many
from rag.batch.questions import parse_questions, questions_digest, read_questions
from rag.batch.results import ResultRow
from rag.batch.run_directory import RESPONSE_CACHE, RunDirectory
from rag.batch.runner import AnswerMany, BatchSummary, build_manifest, default_jobs, open_budget, run_batch

__all__ = [
    "RESPONSE_CACHE",
    "AnswerMany",
    "BatchSummary",
    "OnQuestion",
    "QuestionResult",
    "ResultRow",
    "RunDirectory",
    "answer_many",
    "build_manifest",
    "default_jobs",
    "open_budget",
    "parse_questions",
    "questions_digest",
    "read_questions",
    "run_batch",
]
