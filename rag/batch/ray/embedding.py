"""Texts → vectors on a Ray cluster, with Ray Data: the same vectors as ``rag/embedding/encoder.py`` makes, by many hands.

Only the encoding leaves the process. The index goes on being written from here, by one writer in one transaction.
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

BLOCK = 256
"""Texts in a block, which goes to one worker and, if that dies, to another: 14 s of work (`eval/bench/SCALE.md`)."""

BLOCKS_IN_FLIGHT = 4096
"""Texts a processor in one go. A pool takes 10 s to start, for four minutes of work."""

SMALL = 64
"""Up to so many texts are encoded here: a pool would take longer to start."""


@contextmanager
def embedder(settings: Settings) -> Iterator[RayEmbedder]:
    """The embedder of ``settings``, on a cluster.

    Raises:
        UsageError: Ray is not installed, or the embedder is a remote one.
        CitebriefError: the cluster cannot be reached.
    """
    spec = settings.embedder
    if spec.startswith("openai:"):
        raise UsageError(f"--engine ray: {spec} is computed by its server: leave --engine out")
    spec = cluster.everywhere(spec) if spec.startswith((".", "/", "~")) else spec
    with cluster.connected(settings):
        yield RayEmbedder(spec, workers=cluster.processors())


class RayEmbedder(Embeddings):
    """A sentence-transformers model of which every one of ``workers`` holds a copy."""

    def __init__(self, spec: str, *, workers: int) -> None:
        self._spec = spec
        self._workers = workers
        self._here = load_embedder(spec)
        self.name = self._here.name
        self.batch_size = BLOCKS_IN_FLIGHT * workers

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, one row a text.

        Raises:
            CitebriefError: a worker could not load the same model, or the cluster failed.
        """
        if len(texts) <= SMALL:
            return self._here.vectors(texts)
        import numpy as np
        import pyarrow as pa
        import ray.data
        from ray.exceptions import RayError

        _be_quiet()
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # equal lengths together: little padding
        blocks = [
            pa.table({"row": rows, "text": [texts[i] for i in rows]})
            for rows in (order[start : start + BLOCK] for start in range(0, len(order), BLOCK))
        ]
        workers = min(self._workers, len(blocks))
        encoded = ray.data.from_arrow(blocks).map_batches(
            _Encoder,
            fn_constructor_args=(self._spec, self.name),
            batch_size=None,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
            num_cpus=1,
        )
        found: Vectors | None = None
        done = 0
        try:
            for batch in encoded.iter_batches(batch_size=None, batch_format="numpy"):
                if found is None:
                    found = np.empty((len(texts), batch["vector"].shape[1]), dtype=np.float32)
                found[batch["row"]] = batch["vector"]
                done += len(batch["row"])
        except RayError as error:
            raise CitebriefError(f"embedding on Ray failed: {cluster.reason(error)}") from error
        if found is None or done != len(texts):
            raise CitebriefError(f"embedding on Ray failed: {done} of {len(texts)} texts came back")
        return found

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See LangChain's ``Embeddings``."""
        return [[float(x) for x in row] for row in self.vectors(texts)]

    def embed_query(self, text: str) -> list[float]:
        """See LangChain's ``Embeddings``."""
        return self._here.embed_query(text)


class _Encoder:
    """A worker: a loaded model that fills blocks in."""

    def __init__(self, spec: str, name: str) -> None:
        self._embedder = load_embedder(spec)
        if self._embedder.name != name:
            raise CitebriefError(f"a node has embedder {self._embedder.name} where the others have {name}")

    def __call__(self, block: Mapping[str, Any]) -> dict[str, Any]:
        return {"row": block["row"], "vector": self._embedder.vectors([str(text) for text in block["text"]])}


def _be_quiet() -> None:
    """Keep Ray Data's bars and its account of the plan off the terminal."""
    import logging

    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
