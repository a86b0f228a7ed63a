"""The plain LangChain recipe: split, embed into Chroma, retrieve k chunks, put them all into one prompt.

The passages are numbered in the prompt, and the model is asked to cite them, since a plain recipe cites nothing.
"""

from __future__ import annotations

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

SYSTEM_PROMPT = (
    "You answer questions from the numbered passages below and from nothing else. Write a report of several sentences. "
    "If the passages do not answer the question, say that you do not know.\n\n{context}"
)

QUESTION_PROMPT = (
    "{question}\n\nEnd each sentence of your answer with the number of the passage that states it, in square brackets, "
    "like this: [2] or [1][3]."
)
"""Behind the passages: asked before them, a small model forgets to cite."""


class LangChainRecipe:
    """Chroma, a recursive splitter, and a chain of retriever, prompt and chat model."""

    packages = ("langchain-core", "langchain-chroma", "langchain-huggingface", "langchain-openai", "chromadb")

    def __init__(self, options: Options) -> None:
        from langchain_core.output_parsers import StrOutputParser
        from langchain_core.prompts import ChatPromptTemplate
        from langchain_huggingface import HuggingFaceEmbeddings
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        self._k = options.k
        self._embeddings = HuggingFaceEmbeddings(
            model_name=options.embedding, encode_kwargs={"normalize_embeddings": True}
        )
        model = ChatOpenAI(
            model=options.model,
            base_url=options.base_url,
            api_key=SecretStr(options.api_key),
            temperature=0,
            max_completion_tokens=MAX_ANSWER_TOKENS,
            timeout=MODEL_TIMEOUT,
            max_retries=0,
        )
        prompt = ChatPromptTemplate.from_messages([("system", SYSTEM_PROMPT), ("human", QUESTION_PROMPT)])
        self._chain = prompt | model | StrOutputParser()
        self._open = cache(self._open_store)

    def index(self, folder: Path, store: Path) -> int:
        """Split and embed the files into a Chroma collection on disk."""
        from langchain_core.documents import Document
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        documents = [
            Document(page_content=path.read_text(encoding="utf-8"), metadata={"source": str(path.relative_to(folder))})
            for path in text_files(folder)
        ]
        splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK_CHARACTERS, chunk_overlap=CHUNK_OVERLAP)
        chunks = splitter.split_documents(documents)
        self._open(store).add_documents(chunks)
        return len(chunks)

    def search(self, store: Path, question: str) -> list[Passage]:
        """Return the k nearest chunks."""
        found = self._open(store).as_retriever(search_kwargs={"k": self._k}).invoke(question)
        return [Passage(document=each.metadata["source"], text=each.page_content) for each in found]

    def answer(self, store: Path, question: str) -> Answer:
        """Answer from the k nearest chunks."""
        passages = self.search(store, question)
        context = "\n\n".join(f"[{n}] {each.document}\n{each.text}" for n, each in enumerate(passages, 1))
        text = self._chain.invoke({"context": context, "question": question})
        return Answer(text=text, passages=tuple(passages), declined="i do not know" in text.lower()[:80])

    def _open_store(self, store: Path) -> Any:
        from langchain_chroma import Chroma

        return Chroma(
            collection_name="documents",
            embedding_function=self._embeddings,
            persist_directory=str(store),
            collection_metadata={"hnsw:space": "cosine"},
        )


def create(options: Options) -> LangChainRecipe:
    """Return the system; imports its packages."""
    return LangChainRecipe(options)
