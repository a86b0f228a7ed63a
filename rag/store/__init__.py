"""The index on disk: vectors in Chroma, and the catalogue of documents with its lexical index in SQLite."""

from rag.store.catalogue import Catalogue, SourceRow
from rag.store.index import Index
from rag.store.location import store_directory
from rag.store.update import EmbeddingVolume, IndexReport, coverage_row
from rag.store.vectors import VectorStore, record_id

__all__ = [
    "Catalogue",
    "EmbeddingVolume",
    "Index",
    "IndexReport",
    "SourceRow",
    "VectorStore",
    "coverage_row",
    "record_id",
    "store_directory",
]
