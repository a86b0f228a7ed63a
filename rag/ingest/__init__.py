"""Files, directories, globs and URLs → :class:`rag.types.Document` → :class:`rag.types.Chunk`.

:func:`find` lists the sources, :func:`extract` reads one of them, :func:`chunk_document` splits a document.
"""

from rag.ingest.chunking import CHUNKER_VERSION, chunk_document, embedding_text
from rag.ingest.discovery import IGNORED_REASON, MAX_BYTES, base_of, find, root_of
from rag.ingest.extraction import extract
from rag.ingest.language import foreign_language
from rag.ingest.omissions import NO_TEXT_LAYER, OCR_ADVICE, describe_omission, number_ranges
from rag.ingest.pdf.ocr import require_ocr
from rag.ingest.source import EXTRACTOR_VERSION, Source, with_ocr

__all__ = [
    "CHUNKER_VERSION",
    "EXTRACTOR_VERSION",
    "IGNORED_REASON",
    "MAX_BYTES",
    "NO_TEXT_LAYER",
    "OCR_ADVICE",
    "Source",
    "base_of",
    "chunk_document",
    "describe_omission",
    "embedding_text",
    "extract",
    "find",
    "foreign_language",
    "number_ranges",
    "require_ocr",
    "root_of",
    "with_ocr",
]
