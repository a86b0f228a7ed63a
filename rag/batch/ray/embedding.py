"""Embeds texts on a Ray cluster with Ray Data, into the same vectors as ``rag/embedding/encoder.py``.

Only the encoding is distributed. The index is written by this process, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from rag.batch.ray import cluster
from rag.embedding import load_embedder
from rag.errors import CitebriefError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.config import Settings

    Vectors = NDArray[np.float32]

TEXTS_PER_BLOCK = 256
"""Texts in a block, the unit that is repeated if a worker dies: 14 s of work (``eval/bench/SCALE.md``)."""

TEXTS_PER_PROCESSOR = 4096
"""Texts for each processor in one run of the pool: four minutes of work, for the 10 s that a pool takes to start."""

MAX_LOCAL_TEXTS = 64
"""Up to this number, texts are encoded in this process, which takes less time than starting a pool."""


@contextmanager
def ray_embedder(settings: Settings) -> Iterator[RayEmbedder]:
    """Connect to a cluster for this block, and run the embedder of ``settings`` there.

    Raises:
        UsageError: Ray is not installed, or the embedder is computed by a server.
        CitebriefError: the cluster cannot be reached.
    """
    spec = settings.embedder
    if spec.startswith("openai:"):
        raise UsageError(f"--engine ray: {spec} is computed by its server: leave --engine out")
    spec = cluster.absolute(spec) if spec.startswith((".", "/", "~")) else spec
    with cluster.connected(settings):
        yield RayEmbedder(spec, workers=cluster.processor_count())


class RayEmbedder(Embeddings):
    """A sentence-transformers model of which each of ``workers`` processes loads a copy."""

    def __init__(self, spec: str, *, workers: int) -> None:
        self._spec = spec
        self._workers = workers
        self._local = load_embedder(spec)
        self.name = self._local.name
        self.batch_size = TEXTS_PER_PROCESSOR * workers

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Encode ``texts`` into unit vectors of shape (texts, dimensions).

        Raises:
            CitebriefError: a worker could not load the same model, or the cluster failed.
        """
        if len(texts) <= MAX_LOCAL_TEXTS:
            return self._local.vectors(texts)
        import numpy as np
        import pyarrow as pa
        import ray.data
        from ray.exceptions import RayError

        _silence_ray_data()
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # similar lengths in a block need little padding
        blocks = [
            pa.table({"row": rows, "text": [texts[i] for i in rows]})
            for rows in (order[start : start + TEXTS_PER_BLOCK] for start in range(0, len(order), TEXTS_PER_BLOCK))
        ]
        workers = min(self._workers, len(blocks))
        encoded = ray.data.from_arrow(blocks).map_batches(
            BlockEncoder,
            fn_constructor_args=(self._spec, self.name),
            batch_size=None,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
            num_cpus=1,
        )
        vectors: Vectors | None = None
        done = 0
        try:
            for batch in encoded.iter_batches(batch_size=None, batch_format="numpy"):
                if vectors is None:
                    vectors = np.empty((len(texts), batch["vector"].shape[1]), dtype=np.float32)
                vectors[batch["row"]] = batch["vector"]
                done += len(batch["row"])
        except RayError as error:
            raise CitebriefError(f"embedding on Ray failed: {cluster.reason(error)}") from error
        if vectors is None or done != len(texts):
            raise CitebriefError(f"embedding on Ray failed: {done} of {len(texts)} texts came back")
        return vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See LangChain's ``Embeddings``."""
        return [[float(x) for x in row] for row in self.vectors(texts)]

    def embed_query(self, text: str) -> list[float]:
        """See LangChain's ``Embeddings``."""
        return self._local.embed_query(text)


class BlockEncoder:
    """What runs in each worker: a loaded model that adds the vectors to a block of texts."""

    def __init__(self, spec: str, name: str) -> None:
        self._embedder = load_embedder(spec)
        if self._embedder.name != name:
            raise CitebriefError(
                f"a node has the embedder {self._embedder.name}, the caller {name}: install the same on every node"
            )

    def __call__(self, block: Mapping[str, Any]) -> dict[str, Any]:
        """Encode the texts of ``block``."""
        return {"row": block["row"], "vector": self._embedder.vectors([str(text) for text in block["text"]])}


def _silence_ray_data() -> None:
    """Suppress Ray Data's progress bars and its description of the execution plan."""
    import logging

    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
