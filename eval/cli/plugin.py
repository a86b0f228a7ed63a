"""pytest plugin for the tests of other projects: the fixture ``citebrief`` and :func:`assert_faithful`.

pytest loads it by its entry point. ::

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
    """Indexes documents, asks for briefs, and asserts that a brief is faithful to its citations."""

    def index(self, *paths: str, store: str) -> None:
        """Index files, directories, globs or URLs into the directory ``store``."""
        from rag import config, pipeline

        pipeline.index(list(paths), config.load_settings({"store": store}))

    def ask(self, question: str, **settings: Any) -> Brief:
        """Answer ``question``; ``settings`` are named as on the command line: ``store``, ``llm``, ``k``, …"""
        from rag import config, pipeline

        return pipeline.answer(question, config.load_settings(settings))

    @staticmethod
    def assert_faithful(brief: Brief | str | os.PathLike[str], **options: Any) -> None:
        """See :func:`assert_faithful`."""
        __tracebackhide__ = True
        assert_faithful(brief, **options)


@pytest.fixture(scope="session")
def citebrief() -> Citebrief:
    """Give a test access to citebrief, see :class:`Citebrief`."""
    return Citebrief()


def assert_faithful(
    brief: Brief | str | os.PathLike[str],
    *,
    min_recall: float = 1.0,
    min_precision: float = 0.0,
    judge: str = "support",
) -> None:
    """Fail the test if too few sentences are fully supported by their citations; show the others with their passages.

    A brief without sentences fails.

    Args:
        brief: a :class:`rag.types.Brief`, or the path of a brief in JSON or Markdown.
        min_recall: lowest accepted citation recall as ALCE defines it, 0 to 1.
        min_precision: lowest accepted citation precision as ALCE defines it, 0 to 1.
        judge: the spec of a verifier, see :func:`rag.verify.resolve_verifier`; ``nli`` is ``support``, ``llm`` the
            model of the settings.
    """
    __tracebackhide__ = True
    from rag.config import load_settings

    from ..judges.judge import JUDGE_ALIASES, judge_spec, open_judge
    from ..runner.report import unsupported_sentences
    from ..runner.score import score_brief_file
    from ..runner.thresholds import MOST_UNSCORED

    settings = load_settings()
    spec = judge_spec(None, judge, settings.llm) if judge in JUDGE_ALIASES else judge
    with open_judge(spec, settings) as opened, tempfile.TemporaryDirectory() as directory:
        scored = score_brief_file(_brief_file(brief, Path(directory)), opened)
    unscored = sum(row.support is None for row in scored.rows)
    if unscored > MOST_UNSCORED * len(scored.rows):
        pytest.fail(f"{unscored} of {len(scored.rows)} sentences have no verdict of {spec}", pytrace=False)
    recall, precision = scored.values["citation_recall"], scored.values["citation_precision"]
    if recall is not None and recall >= min_recall and (precision or 0.0) >= min_precision:
        return
    if recall is None:
        pytest.fail("the brief has no sentence: it says that the corpus does not answer its question", pytrace=False)
    lines = [
        f"citation recall {recall:.3f} (at least {min_recall:g}), "
        f"precision {precision or 0:.3f} (at least {min_precision:g})"
    ]
    for sentence in unsupported_sentences([scored]):
        row = sentence.row
        lines += [f"\n{row.support or 'no verdict'}: {row.text}", f"    {row.reason}"]
        lines += [f"    [{cited}] {' '.join(text.split())}" for cited, text in sentence.passages]
    pytest.fail("\n".join(lines), pytrace=False)


def _brief_file(brief: Brief | str | os.PathLike[str], directory: Path) -> Path:
    if isinstance(brief, str | os.PathLike):
        return Path(brief)
    from rag.render import render

    path = directory / "brief.json"
    path.write_text(render(brief, "json"), encoding="utf-8")
    return path
