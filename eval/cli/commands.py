"""Commands of ``citebrief eval``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.cli.exit_status import FELL_SHORT
from rag.errors import CitebriefError, UsageError

from .answerability import measure_answerability_of
from .coverage import measure_coverage_of
from .options import (
    eval_json_option,
    eval_quiet_option,
    existing_file,
    judge_options,
    load_thresholds,
    read_lines,
    settings_from,
    show_counts,
    threshold_options,
)
from .queries import measure_queries_on
from .retrieval import measure_retrieval_on

if TYPE_CHECKING:
    from rag.config import Settings

    from ..judges.judge import Judge
    from ..runner.score import ScoredBrief
    from ..runner.thresholds import ThresholdResult


@click.group(name="eval")
def evaluate() -> None:
    """Score how faithful briefs are, and compare with thresholds."""


evaluate.add_command(measure_answerability_of)
evaluate.add_command(measure_coverage_of)


@evaluate.command("run")
@click.argument("suite")
@click.option("--out", required=True, metavar="DIR", help="Folder of the run; an existing run is resumed.")
@click.option("--llm", metavar="SPEC", help="auto, openai:MODEL, local, local:PATH.gguf, extractive. [auto]")
@click.option("--store", metavar="DIR", help="Folder of the index, or chroma+http://HOST:PORT. [.citebrief]")
@judge_options
@click.option("--jobs", type=click.IntRange(1, 64), default=1, help="Questions answered at a time. [1]")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N cases.")
@click.option(
    "--budget",
    "budget_usd",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="Ask no more questions once this is spent.",
)
@threshold_options
@eval_json_option
@eval_quiet_option
def run_suite(
    suite: str,
    out: str,
    verifier: str | None,
    judge_name: str | None,
    judge_llm: str | None,
    jobs: int,
    limit: int | None,
    budget_usd: float | None,
    conditions: tuple[str, ...],
    baseline: str | None,
    junit: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Answer the questions of SUITE and score the answers.

    SUITE is JSONL, a case a line: id, question, nuggets, answerable. The folder DIR keeps briefs, verdicts and the
    scorecard; the same command again resumes a run that was stopped.

    \b
    citebrief eval run eval/cases/demo.jsonl --out runs/demo --llm extractive
    citebrief eval run cases.jsonl --out runs/new --gate 'citation_recall>=0.90' --baseline runs/old/scorecard.json
    """
    from ..judges.judge import judge_spec
    from ..runner.cases import read_cases
    from ..runner.run import SuiteRun
    from ..runner.thresholds import check_thresholds

    settings = settings_from(options)
    thresholds, before = load_thresholds(conditions, baseline)
    cases = read_cases(suite)[:limit]
    with _judge(judge_spec(verifier, judge_name, judge_llm), settings, quiet) as judge, show_counts(quiet) as show:
        card = SuiteRun(
            cases=cases,
            out=Path(out),
            settings=settings,
            judge=judge,
            jobs=jobs,
            budget_usd=budget_usd,
            on_done=show,
        ).execute()
    _finish(card, check_thresholds(card, thresholds, before), junit, as_json, settings)


@evaluate.command("score")
@click.argument("briefs", nargs=-1, required=True)
@judge_options
@click.option("--labels", metavar="FILE", help="Labels given by a person; they correct the judge.")
@threshold_options
@eval_json_option
@eval_quiet_option
def score_briefs(
    briefs: tuple[str, ...],
    verifier: str | None,
    judge_name: str | None,
    judge_llm: str | None,
    labels: str | None,
    conditions: tuple[str, ...],
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
    citebrief eval score somebody-elses.md --verifier llm:local --json
    """
    from ..judges.judge import judge_spec
    from ..judges.labels import read_labels
    from ..runner.scorecard import build_scorecard
    from ..runner.thresholds import check_thresholds

    settings = settings_from({})
    thresholds, before = load_thresholds(conditions, baseline)
    label_rows = read_labels(existing_file(labels)) if labels else []
    with _judge(judge_spec(verifier, judge_name, judge_llm), settings, quiet) as judge, show_counts(quiet) as show:
        scored = _score_files(briefs, judge, show)
    card = build_scorecard(scored, judge, label_rows)
    _finish(card, check_thresholds(card, thresholds, before), junit, as_json, settings)


@evaluate.command("report")
@click.argument("runs", nargs=-1, required=True)
@eval_json_option
def report_runs(runs: tuple[str, ...], as_json: bool) -> None:
    """Write report.md and report.html into the folder of a run, or compare two RUNS.

    \b
    citebrief eval report runs/demo
    citebrief eval report runs/before runs/after
    """
    from rag._internal.files import write_atomically

    from ..runner.report import comparison_markdown, report_html, report_markdown
    from ..runner.run import read_scored_briefs
    from ..runner.scorecard import compare_scorecards, read_scorecard

    if len(runs) > 2:
        raise UsageError("eval report takes one run, or two to compare")
    cards = [read_scorecard(Path(run)) for run in runs]
    if len(cards) == 2:
        before, after = cards
        changes = compare_scorecards(before, after)
        click.echo(json.dumps(changes) if as_json else comparison_markdown(before, after, changes), nl=as_json)
        return
    directory = Path(runs[0])
    if not directory.is_dir():
        raise UsageError(f"{directory}: not a folder; a report needs the folder of a run")
    scored = read_scored_briefs(directory)
    if as_json:
        click.echo(json.dumps(cards[0], ensure_ascii=False))
    for name, render in (("report.md", report_markdown), ("report.html", report_html)):
        write_atomically(directory / name, render(cards[0], scored))
        click.echo(f"wrote {directory / name}", err=True)


@evaluate.command("label")
@click.argument("run")
@click.option("--n", type=click.IntRange(min=2), default=60, show_default=True, help="Sentences in all.")
def label_run(run: str, n: int) -> None:
    """Walk through N random sentences of RUN and ask you whether their passages state them.

    Answers are kept in RUN/labels.jsonl at once; the next score of the run is corrected by them. Stop with q, and
    continue with the same command.
    """
    from ..judges.labels import LABELS_FILE, read_labels
    from ..runner.labelling import label_sentences, sample_sentences
    from ..runner.run import read_scored_briefs

    def ask(text: str) -> str:
        return str(click.prompt(text, prompt_suffix="", default="", show_default=False))

    sentences = sample_sentences(read_scored_briefs(Path(run)), n)
    path = Path(run) / LABELS_FILE
    done = sum(1 for _ in label_sentences(sentences, path, ask, click.echo))
    click.echo(f"{done} labelled now, {len(read_labels(path))} of {len(sentences)} in {path}")


@evaluate.command("judge")
@click.argument("file")
@judge_options
@eval_json_option
def measure_judge_on(
    file: str, verifier: str | None, judge_name: str | None, judge_llm: str | None, as_json: bool
) -> None:
    """Measure a judge on the labelled pairs of FILE, JSONL rows of claim, evidence and label (full, partial, none).

    Evidence is a text or a list of texts. Optional are kind, such as the flaw of a false claim, and source: recall of
    true and of false claims is printed for each of them too.

    \b
    citebrief eval judge pairs.jsonl --json
    citebrief eval judge pairs.jsonl --verifier hf:models/nli
    """
    from ..judges.accuracy import format_judge_report, judge_report_json, measure_judge, read_pairs
    from ..judges.judge import judge_spec

    pairs = read_pairs(read_lines(file), file)
    with _judge(judge_spec(verifier, judge_name, judge_llm), settings_from({}), False) as judge:
        report = measure_judge(pairs, judge)
    click.echo(judge_report_json(report) if as_json else format_judge_report(report))


evaluate.add_command(measure_retrieval_on)
evaluate.add_command(measure_queries_on)


@contextmanager
def _judge(spec: str, settings: Settings, quiet: bool) -> Iterator[Judge]:
    """Open the judge for the block, and say where its model is before it is asked."""
    from rag.verify import resolve_verifier

    from ..judges.judge import open_judge

    described = resolve_verifier(spec, settings).describe()
    if described and not quiet:
        click.echo(f"judge: {described}", err=True)
    with open_judge(spec, settings) as judge:
        yield judge


def _score_files(briefs: Sequence[str], judge: Judge, show: Callable[[str, int, int], None]) -> list[ScoredBrief]:
    """Score each file. A file that cannot be scored counts as failed, and raises its error if it is the only one."""
    from ..runner.score import failed_brief, score_brief_file

    scored = []
    for done, name in enumerate(briefs, 1):
        try:
            scored.append(score_brief_file(Path(name), judge, id_=name))
        except CitebriefError as error:
            if len(briefs) == 1:
                raise
            scored.append(failed_brief(name, str(error)))
            click.echo(f"counted as failed: {error}", err=True)
        show("scored", done, len(briefs))
    return scored


def _finish(
    card: dict[str, Any], results: Sequence[ThresholdResult], junit: str | None, as_json: bool, settings: Settings
) -> None:
    """Print the scorecard, write the results of the thresholds, and exit with 3 if one of them failed."""
    from rag._internal.files import write_atomically

    from ..runner.scorecard import format_scorecard
    from ..runner.thresholds import junit_xml, step_summary

    click.echo(json.dumps(card, ensure_ascii=False) if as_json else format_scorecard(card))
    if junit:
        write_atomically(junit, junit_xml(results))
    if settings.github_step_summary:
        with settings.github_step_summary.open("a", encoding="utf-8") as file:
            file.write(step_summary(card, results))
    failed = [result for result in results if result.failure]
    for result in failed:
        click.echo(f"gate {result.name}: {result.failure}", err=True)
    if card["n"]["questions"] == card["n"]["failed"]:
        raise CitebriefError(f"nothing could be scored: {card['cases'][0]['error']}")
    if failed:
        sys.exit(FELL_SHORT)
