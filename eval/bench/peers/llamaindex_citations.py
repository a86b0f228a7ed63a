"""LlamaIndex's citation query engine: retrieve k chunks, number them as sources in one prompt, ask to cite them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from .interface import MAX_ANSWER_TOKENS, MODEL_TIMEOUT, Answer, Options, Passage, text_files

CHUNK_TOKENS, OVERLAP_TOKENS = 256, 25
"""Size and overlap of a chunk: what the embedding model reads."""

CONTEXT_TOKENS = 4_096
"""Tokens of the packaged server."""

_PATH = "path"


class LlamaIndexCitations:
    """``CitationQueryEngine`` over Chroma; the prompts are its defaults."""

    packages = (
        "llama-index-core",
        "llama-index-llms-openai-like",
        "llama-index-embeddings-huggingface",
        "llama-index-vector-stores-chroma",
        "chromadb",
    )

    def __init__(self, options: Options) -> None:
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding
        from llama_index.llms.openai_like import OpenAILike

        self._k = options.k
        self._embedding = HuggingFaceEmbedding(model_name=options.embedding)
        self._model = OpenAILike(
            model=options.model,
            api_base=options.base_url,
            api_key=options.api_key,
            is_chat_model=True,
            context_window=CONTEXT_TOKENS,
            max_tokens=MAX_ANSWER_TOKENS,
            temperature=0,
            timeout=MODEL_TIMEOUT,
            max_retries=0,
        )
        self._open = cache(self._open_index)

    def index(self, folder: Path, store: Path) -> int:
        """Split and embed the files into a Chroma collection on disk."""
        from llama_index.core import Document
        from llama_index.core.node_parser import SentenceSplitter

        documents = [
            Document(text=path.read_text(encoding="utf-8"), metadata={_PATH: str(path.relative_to(folder))})
            for path in text_files(folder)
        ]
        splitter = SentenceSplitter(chunk_size=CHUNK_TOKENS, chunk_overlap=OVERLAP_TOKENS)
        nodes = splitter.get_nodes_from_documents(documents)
        self._open(store).insert_nodes(nodes)
        return len(nodes)

    def search(self, store: Path, question: str) -> list[Passage]:
        """Return the k nearest chunks."""
        found = self._open(store).as_retriever(similarity_top_k=self._k).retrieve(question)
        return [Passage(document=each.metadata[_PATH], text=each.text) for each in found]

    def answer(self, store: Path, question: str) -> Answer:
        """Answer from the k nearest chunks; ``[n]`` cites the n-th source that the engine numbered."""
        from llama_index.core.query_engine import CitationQueryEngine

        engine = CitationQueryEngine.from_args(
            self._open(store),
            llm=self._model,
            similarity_top_k=self._k,
            citation_chunk_size=2 * CHUNK_TOKENS,  # a chunk is a source
        )
        response = engine.query(question)
        passages = tuple(
            Passage(document=each.metadata[_PATH], text=each.text.partition(":\n")[2]) for each in response.source_nodes
        )
        return Answer(text=str(response), passages=passages)

    def _open_index(self, store: Path) -> Any:
        import chromadb
        from llama_index.core import VectorStoreIndex
        from llama_index.vector_stores.chroma import ChromaVectorStore

        collection = chromadb.PersistentClient(str(store)).get_or_create_collection(
            "documents", metadata={"hnsw:space": "cosine"}
        )
        vectors = ChromaVectorStore(chroma_collection=collection)
        return VectorStoreIndex.from_vector_store(vectors, embed_model=self._embedding)


def create(options: Options) -> LlamaIndexCitations:
    """Return the system; imports its packages."""
    return LlamaIndexCitations(options)
