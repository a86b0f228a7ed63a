"""Question to hits: parts, rewording, query terms, hybrid search, answerability, the LangChain retriever."""

from rag.retrieval.answerability import (
    NO_SCORES,
    Answerability,
    AnswerScores,
    ScoreAnswers,
    Wordings,
    answer_text,
    assess_answerability,
    likely_answers,
    order_by_answers,
    read_further,
    read_wordings,
)
from rag.retrieval.fusion import combine_scores
from rag.retrieval.hybrid import retrieve
from rag.retrieval.langchain import index_retriever
from rag.retrieval.language_notices import language_notices
from rag.retrieval.merging import merge_hits, search_parts
from rag.retrieval.neighbours import (
    as_neighbours,
    kept_neighbours,
    neighbours_of_answers,
    without_neighbours,
)
from rag.retrieval.query_terms import query_terms
from rag.retrieval.question_parts import QuestionPart, question_parts
from rag.retrieval.rewording import reword_query, rewording_notices
from rag.retrieval.search import search_index

__all__ = [
    "NO_SCORES",
    "AnswerScores",
    "Answerability",
    "QuestionPart",
    "ScoreAnswers",
    "Wordings",
    "answer_text",
    "as_neighbours",
    "assess_answerability",
    "combine_scores",
    "index_retriever",
    "kept_neighbours",
    "language_notices",
    "likely_answers",
    "merge_hits",
    "neighbours_of_answers",
    "order_by_answers",
    "query_terms",
    "question_parts",
    "read_further",
    "read_wordings",
    "retrieve",
    "reword_query",
    "rewording_notices",
    "search_index",
    "search_parts",
    "without_neighbours",
]
