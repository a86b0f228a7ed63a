"""PaperQA: summarises and scores each retrieved chunk with the model, then answers from the best summaries.

``Docs`` is used rather than PaperQA's agent, which needs a model that calls tools. Every document has its file's name
as citation, since the metadata services that PaperQA asks by default are on the internet.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import re
from functools import cache
from pathlib import Path
from typing import Any

from .interface import (
    CHUNK_CHARACTERS,
    CHUNK_OVERLAP,
    MAX_ANSWER_TOKENS,
    MODEL_TIMEOUT,
    Answer,
    Options,
    Passage,
    text_files,
)

_KEYS = re.compile(r"\(([^()]*\bpqac-[0-9a-f]+[^()]*)\)")
_KEY = re.compile(r"pqac-[0-9a-f]+")


class PaperQA:
    """``paperqa.Docs`` with the shared model and embedding; the number of passages and the prompts are its defaults.

    Args:
        options: what the systems share.
        summaries: whether the model summarises and scores each chunk, the default of PaperQA.
    """

    packages = ("paper-qa", "fhlmi", "litellm", "sentence-transformers")

    def __init__(self, options: Options, *, summaries: bool = True) -> None:
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else litellm asks a server for prices at import
        from paperqa import Settings

        model = f"openai/{options.model}"
        parameters = {
            "model": model,
            "api_base": options.base_url,
            "api_key": options.api_key,
            "temperature": 0,
            "max_tokens": MAX_ANSWER_TOKENS,
            "timeout": MODEL_TIMEOUT,
        }
        config = {"model_list": [{"model_name": model, "litellm_params": parameters}]}
        self._settings = Settings(
            llm=model,
            llm_config=config,
            summary_llm=model,
            summary_llm_config=config,
            embedding=f"st-{options.embedding}",
            parsing={
                "use_doc_details": False,
                "multimodal": False,
                "reader_config": {"chunk_chars": CHUNK_CHARACTERS, "overlap": CHUNK_OVERLAP},
            },
            answer={"max_concurrent_requests": 1, "evidence_skip_summary": not summaries},
        )
        self._embedding = self._settings.get_embedding_model()
        self._open = cache(_read_docs)
        self._loop = asyncio.new_event_loop()

    def index(self, folder: Path, store: Path) -> int:
        """Add the files to a ``Docs`` and keep it as a pickle, as PaperQA's documentation does."""
        from paperqa import Docs

        async def add_files() -> Docs:
            docs = Docs()
            for path in text_files(folder):
                name = str(path.relative_to(folder))
                await docs.aadd(
                    path,
                    citation=name,
                    docname=name,
                    dockey=name,
                    settings=self._settings,
                    embedding_model=self._embedding,
                )
            return docs

        docs = self._loop.run_until_complete(add_files())
        store.mkdir(parents=True, exist_ok=True)
        (store / "docs.pickle").write_bytes(pickle.dumps(docs))
        return len(docs.texts)

    def search(self, store: Path, question: str) -> list[Passage]:
        """Return the chunks that would be summarised."""
        found = self._loop.run_until_complete(
            self._open(store).retrieve_texts(
                question, self._settings.answer.evidence_k, self._settings, self._embedding
            )
        )
        return [Passage(document=each.doc.dockey, text=each.text) for each in found]

    def answer(self, store: Path, question: str) -> Answer:
        """Summarise the retrieved chunks and answer from the summaries; a citation stands for the chunk itself."""
        session = self._loop.run_until_complete(
            self._open(store).aquery(question, self._settings, embedding_model=self._embedding)
        )
        best = sorted(session.contexts, key=lambda each: (-each.score, each.text.name))[
            : self._settings.answer.answer_max_sources
        ]
        cited = [each for each in session.contexts if each.id in session.raw_answer and each not in best]
        contexts = [*best, *cited]
        return Answer(
            text=number_keys(session.raw_answer, [each.id for each in contexts]),
            passages=tuple(Passage(document=each.text.doc.dockey, text=each.text.text) for each in contexts),
            declined=session.raw_answer.strip().startswith("I cannot answer"),
        )


def number_keys(answer: str, keys: list[str]) -> str:
    """Replace PaperQA's citation keys in parentheses by ``[n]``, the place of the key in ``keys`` from 1.

    A key that is not in ``keys`` becomes the number after the last, so that it counts as a citation of nothing.
    """
    numbers = {key: n for n, key in enumerate(keys, 1)}

    def numbered(found: re.Match[str]) -> str:
        places = dict.fromkeys(numbers.get(key, len(keys) + 1) for key in _KEY.findall(found[1]))
        return "".join(f"[{n}]" for n in places)

    return _KEYS.sub(numbered, answer)


def _read_docs(store: Path) -> Any:
    return pickle.loads((store / "docs.pickle").read_bytes())


def create(options: Options) -> PaperQA:
    """Return the system; imports its packages."""
    return PaperQA(options)
