"""citebrief: briefs in which every sentence cites the retrieved passages that state it.

The public surface. Names are loaded when they are first used, so that `from rag import answer` imports no model
library. ::

    from rag import answer, index, load_settings

    settings = load_settings({"llm": "extractive"})
    index(["corpus"], settings)
    print(answer("Who met in the Seychelles in January 2017?", settings).summary)
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# OpenMP threads spin while they wait. On a shared machine that made encoding three times slower; a short spin costs
# nothing on an idle one. torch reads the variable when it is imported, hence it is set here.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# On Intel's processors, MKL chooses the order of its sums by the number of rows, so that the other texts of a batch
# would change a vector in its last bits. Strict reproducibility costs 0 to 4 % of a product. MKL reads the variable at
# the first product.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

if TYPE_CHECKING:
    from rag.batch.parallel import QuestionResult, answer_many
    from rag.check.checker import check_brief
    from rag.config import Settings, load_settings
    from rag.errors import CitebriefError
    from rag.pipeline import answer, chain, index, retriever, search
    from rag.types import Brief, Chunk, Document, Filter, Hit, Question, Section, Sentence, Verdict
    from rag.verify import Verifier, default_verifier, open_verifier

_MODULES = {
    "rag.batch.parallel": ("QuestionResult", "answer_many"),
    "rag.check.checker": ("check_brief",),
    "rag.config": ("Settings", "load_settings"),
    "rag.errors": ("CitebriefError",),
    "rag.pipeline": ("answer", "chain", "index", "retriever", "search"),
    "rag.types": ("Brief", "Chunk", "Document", "Filter", "Hit", "Question", "Section", "Sentence", "Verdict"),
    "rag.verify": ("Verifier", "default_verifier", "open_verifier"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # noqa: RUF022  # in the order in which a reader meets them
    "index",
    "search",
    "answer",
    "answer_many",
    "chain",
    "retriever",
    "default_verifier",
    "open_verifier",
    "check_brief",
    "Settings",
    "load_settings",
    "Question",
    "QuestionResult",
    "Filter",
    "Brief",
    "Section",
    "Sentence",
    "Hit",
    "Chunk",
    "Document",
    "Verdict",
    "Verifier",
    "CitebriefError",
]


def __getattr__(name: str) -> Any:
    """Import the module that defines ``name`` (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
