"""For other people's tests: the fixture ``citebrief``, and :func:`assert_faithful`. Loaded by pytest by itself.

::

    def test_the_brief_is_faithful(citebrief):
        brief = citebrief.ask("What did the two inquiries conclude?", store="my.index", llm="extractive")
        citebrief.assert_faithful(brief, min_recall=0.95)
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rag.types import Brief


class Citebrief:
    """What the fixture gives: :meth:`ask` for a brief, :meth:`assert_faithful` to hold it to what it cites."""

    def index(self, *paths: str, store: str) -> None:
        """Index files, folders, globs or URLs into the folder ``store``."""
        from rag import config, pipeline

        pipeline.index(list(paths), config.load_settings({"store": store}))

    def ask(self, question: str, **settings: Any) -> Brief:
        """The brief that answers ``question``; ``settings`` as on the command line: ``store``, ``llm``, ``k``, …"""
        from rag import config, pipeline

        return pipeline.answer(question, config.load_settings(settings))

    @staticmethod
    def assert_faithful(brief: Brief | str | os.PathLike[str], **bars: Any) -> None:
        """See :func:`assert_faithful`."""
        __tracebackhide__ = True
        assert_faithful(brief, **bars)


@pytest.fixture(scope="session")
def citebrief() -> Citebrief:
    """Ask for briefs and hold them to what they cite."""
    return Citebrief()


def assert_faithful(
    brief: Brief | str | os.PathLike[str], *, min_recall: float = 1.0, min_precision: float = 0.0, judge: str = "nli"
) -> None:
    """Fail, showing sentences and passages, where too few sentences are fully supported by what they cite.

    ``brief`` is a :class:`rag.types.Brief` or the path of a brief, JSON or Markdown. ``min_recall`` and
    ``min_precision`` are bars for ALCE's citation recall and precision, 0 to 1. A brief without sentences fails.
    """
    __tracebackhide__ = True
    from rag.config import load_settings

    from ..judges.judge import open_judge
    from ..runner.report import worst
    from ..runner.score import score_file

    chosen, close = open_judge(judge, load_settings())
    try:
        with tempfile.TemporaryDirectory() as directory:
            scored = score_file(_file(brief, Path(directory)), chosen)
    finally:
        close()
    recall, precision = scored.values["citation_recall"], scored.values["citation_precision"]
    if recall is not None and recall >= min_recall and (precision or 0.0) >= min_precision:
        return
    if recall is None:
        pytest.fail("the brief has no sentence: it says that the corpus does not answer its question", pytrace=False)
    lines = [
        f"citation recall {recall:.3f} (bar {min_recall:g}), precision {precision or 0:.3f} (bar {min_precision:g})"
    ]
    for each in worst([scored]):
        lines += [f"\n{each.row.support or 'no verdict'}: {each.row.text}", f"    {each.row.reason}"]
        lines += [f"    [{cited}] {' '.join(text.split())}" for cited, text in each.passages]
    pytest.fail("\n".join(lines), pytrace=False)


def _file(brief: Brief | str | os.PathLike[str], directory: Path) -> Path:
    if isinstance(brief, str | os.PathLike):
        return Path(brief)
    from rag.render import render

    path = directory / "brief.json"
    path.write_text(render(brief, "json"), encoding="utf-8")
    return path
