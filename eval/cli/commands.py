"""``citebrief eval``: run, score, gate, report, label, and measure a judge or the retrieval."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.errors import CitebriefError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rag.config import Settings

GATE_FAILED = 3

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_judge = click.option(
    "--judge", "judge_name", type=click.Choice(["nli", "llm"]), default="nli", help="Who says what is supported. [nli]"
)
_judge_llm = click.option("--judge-llm", metavar="SPEC", help="The model of --judge llm: openai:MODEL or local. [auto]")


def _gated(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--junit", metavar="FILE", help="Write what became of the gates as JUnit XML."),
        click.option("--baseline", metavar="FILE", help="A scorecard; exit 3 where a metric is worse beyond noise."),
        click.option("--gate", "gates", multiple=True, metavar="GATE", help="METRIC>=NUMBER; exit 3. Repeatable."),
    ):
        command = option(command)
    return command


@click.group(name="eval")
def evaluate() -> None:
    """Score how faithful briefs are, and hold the scores to a bar."""


@evaluate.command()
@click.argument("suite")
@click.option("--out", required=True, metavar="DIR", help="Folder of the run; one that is there is gone on with.")
@click.option("--llm", metavar="SPEC", help="auto, openai:MODEL, local, local:PATH.gguf, extractive. [auto]")
@click.option("--store", metavar="DIR", help="Folder of the index, or chroma+http://HOST:PORT. [.citebrief]")
@_judge
@_judge_llm
@click.option("--jobs", type=click.IntRange(1, 64), default=1, help="Questions that overlap. [1]")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N cases.")
@click.option(
    "--budget", "budget_usd", type=click.FloatRange(min=0), metavar="USD", help="Ask nothing more once this is spent."
)
@_gated
@_json
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def run(
    suite: str,
    out: str,
    judge_name: str,
    judge_llm: str | None,
    jobs: int,
    limit: int | None,
    budget_usd: float | None,
    gates: tuple[str, ...],
    baseline: str | None,
    junit: str | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Answer the questions of SUITE and score the answers.

    SUITE is JSONL, a case a line: id, question, nuggets, answerable. The folder DIR keeps briefs, verdicts and the
    scorecard; the same command again goes on where it was stopped.

    \b
    citebrief eval run eval/cases/demo.jsonl --out runs/demo --llm extractive
    citebrief eval run cases.jsonl --out runs/new --gate 'citation_recall>=0.90' --baseline runs/old/scorecard.json
    """
    from ..judges.judge import open_judge
    from ..runner import cases, scorecard, thresholds
    from ..runner.run import Run

    settings = _settings(flags)
    bars = [thresholds.parse_threshold(text) for text in gates]
    before = scorecard.read_scorecard(Path(baseline)) if baseline else None
    chosen = cases.read_cases(suite)[:limit]
    judge, close = open_judge(judge_name, _settings({"llm": judge_llm}))
    with _counted(quiet) as tell:
        try:
            card = Run(
                cases=chosen,
                out=Path(out),
                settings=settings,
                judge=judge,
                jobs=jobs,
                budget_usd=budget_usd,
                on_done=tell,
            ).run()
        finally:
            close()
    _finish(card, thresholds.check_thresholds(card, bars, before), junit, as_json, settings)


@evaluate.command()
@click.argument("briefs", nargs=-1, required=True)
@_judge
@_judge_llm
@click.option("--labels", metavar="FILE", help="A person's labels, which correct the judge.")
@_gated
@_json
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def score(
    briefs: tuple[str, ...],
    judge_name: str,
    judge_llm: str | None,
    labels: str | None,
    gates: tuple[str, ...],
    baseline: str | None,
    junit: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Score BRIEFS that exist, ours as JSON or anybody's Markdown, against the passages of their own source lists.

    Reads sentences, citations and passages, never what a brief says of its own support. Without cases the nugget
    metrics are unscored.

    \b
    citebrief eval score briefs/*.json --gate 'citation_recall>=0.9'
    citebrief eval score somebody-elses.md --judge llm --json
    """
    from ..judges.judge import open_judge
    from ..judges.labels import read_labels
    from ..runner import scorecard, thresholds

    settings = _settings({"llm": judge_llm})
    bars = [thresholds.parse_threshold(text) for text in gates]
    before = scorecard.read_scorecard(Path(baseline)) if baseline else None
    labelled = read_labels(_existing(labels)) if labels else []
    judge, close = open_judge(judge_name, settings)
    with _counted(quiet) as tell:
        try:
            scored = _scored(briefs, judge, tell)
        finally:
            close()
    card = scorecard.scorecard(scored, judge, labelled)
    _finish(card, thresholds.check_thresholds(card, bars, before), junit, as_json, settings)


@evaluate.command()
@click.argument("runs", nargs=-1, required=True)
@_json
def report(runs: tuple[str, ...], as_json: bool) -> None:
    """Write report.md and report.html into the folder of a run, or compare two RUNS.

    \b
    citebrief eval report runs/demo
    citebrief eval report runs/before runs/after
    """
    from rag._internal.files import write_atomically

    from ..runner import report as pages
    from ..runner import scorecard
    from ..runner.run import verdicts

    if len(runs) > 2:
        raise UsageError("eval report takes one run, or two to compare")
    cards = [scorecard.read_scorecard(Path(run)) for run in runs]
    if len(cards) == 2:
        before, after = cards
        changes = scorecard.compare(before, after)
        click.echo(json.dumps(changes) if as_json else pages.comparison(before, after, changes), nl=as_json)
        return
    directory = Path(runs[0])
    if not directory.is_dir():
        raise UsageError(f"{directory}: a report is made from the folder of a run")
    scored = verdicts(directory)
    if as_json:
        click.echo(json.dumps(cards[0], ensure_ascii=False))
    for name, text in (("report.md", pages.as_markdown), ("report.html", pages.as_html)):
        write_atomically(directory / name, text(cards[0], scored))
        click.echo(f"wrote {directory / name}", err=True)


@evaluate.command()
@click.argument("run")
@click.option("--n", type=click.IntRange(min=2), default=60, show_default=True, help="Sentences in all.")
def label(run: str, n: int) -> None:
    """Walk through N random sentences of RUN and ask you whether their passages state them.

    Answers are kept in RUN/labels.jsonl at once; the next score of the run is corrected by them. Stop with q, and go
    on with the same command.
    """
    from ..judges import labels as labelling
    from ..runner.run import verdicts

    drawn = labelling.sample(verdicts(Path(run)), n)
    path = Path(run) / labelling.FILE
    done = sum(
        1
        for _ in labelling.walk(
            drawn,
            path,
            lambda text: str(click.prompt(text, prompt_suffix="", default="", show_default=False)),
            click.echo,
        )
    )
    click.echo(f"{done} labelled now, {len(labelling.read_labels(path))} of {len(drawn)} in {path}")


@evaluate.command()
@click.argument("file")
@_judge
@_judge_llm
@_json
def judge(file: str, judge_name: str, judge_llm: str | None, as_json: bool) -> None:
    """Measure a judge on the labelled pairs of FILE, JSONL rows of claim, evidence and label (full, partial, none).

    \b
    citebrief eval judge pairs.jsonl --json
    """
    from ..judges import accuracy as measuring
    from ..judges.judge import open_judge

    pairs = measuring.read_pairs(_lines(file), file)
    chosen, close = open_judge(judge_name, _settings({"llm": judge_llm}))
    try:
        found = measuring.measure_judge(pairs, chosen)
    finally:
        close()
    click.echo(measuring.as_json(found) if as_json else measuring.as_text(found))


@evaluate.command()
@click.argument("directory", metavar="FOLDER")
@click.option("--queries", type=click.IntRange(min=1), help="Only the first N.")
@_json
def retrieval(directory: str, queries: int | None, as_json: bool) -> None:
    """Measure retrieval on a benchmark in BEIR's layout: corpus.jsonl, queries.jsonl, qrels/test.tsv.

    \b
    citebrief eval retrieval scifact --json
    """
    from ..metrics import retrieval as measuring

    found = measuring.measure_retrieval(Path(directory), queries)
    click.echo(json.dumps(found) if as_json else measuring.as_text(found))


def _scored(briefs: Sequence[str], judge: Any, tell: Callable[[str, int, int], None]) -> list[Any]:
    from ..runner import score as scoring

    scored = []
    for done, name in enumerate(briefs, 1):
        try:
            scored.append(scoring.score_file(Path(name), judge, id_=name))
        except CitebriefError as error:
            if len(briefs) == 1:
                raise
            scored.append(scoring.failed(name, str(error)))
            click.echo(f"counted as failed: {error}", err=True)
        tell("scored", done, len(briefs))
    return scored


def _finish(
    card: dict[str, Any], outcomes: Sequence[Any], junit: str | None, as_json: bool, settings: Settings
) -> None:
    from rag._internal.files import write_atomically

    from ..runner import thresholds
    from ..runner.scorecard import as_text

    click.echo(json.dumps(card, ensure_ascii=False) if as_json else as_text(card))
    if junit:
        write_atomically(junit, thresholds.junit(outcomes))
    if settings.github_step_summary:
        with settings.github_step_summary.open("a", encoding="utf-8") as file:
            file.write(thresholds.markdown(card, outcomes))
    failed = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failed:
        click.echo(f"gate {outcome.name}: {outcome.failure}", err=True)
    if card["n"]["questions"] == card["n"]["failed"]:
        raise CitebriefError(f"nothing could be scored: {card['cases'][0]['error']}")
    if failed:
        sys.exit(GATE_FAILED)


def _settings(flags: dict[str, Any]) -> Settings:
    from rag.config import load_settings

    return load_settings(flags)


def _existing(file: str) -> Path:
    if not Path(file).is_file():
        raise UsageError(f"{file}: no such file")
    return Path(file)


def _lines(file: str) -> list[str]:
    """The lines of a text file, or of standard input for ``-``."""
    if file == "-":
        return sys.stdin.read().splitlines()
    try:
        return Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as text: {error}") from error


def _counted(quiet: bool) -> Any:
    """Progress by counts, as the rest of citebrief shows it."""
    from contextlib import contextmanager

    @contextmanager
    def shown() -> Any:
        from rag.render.progress import Progress

        with Progress(quiet=quiet) as display:
            yield lambda what, done, total: display("eval", what, done, total)

    return shown()
