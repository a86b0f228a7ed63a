"""``citebrief search`` and ``citebrief show``: find passages, and read one in its document."""

from __future__ import annotations

import json

import click

from rag._internal.garbage import collect_rarely
from rag.cli.options import embedder_option, json_option, question_text, store_option
from rag.cli.output import print_message


@click.command("search")
@click.argument("query")
@click.option("--k", type=click.IntRange(1, 500), default=10, show_default=True, help="Passages to print.")
@click.option("--rerank", is_flag=True, help="Let a model order the best 30: takes 1 to 3 s more.")
@store_option
@embedder_option
@json_option
def search_command(query: str, k: int, rerank: bool, as_json: bool, **options: str | None) -> None:
    """Print the passages nearest to QUERY, best first.

    \b
    citebrief search "polling data" --k 5
    citebrief search "polling data" --json | jq -r '.[].chunk_id'
    """
    collect_rarely()
    from rag import pipeline
    from rag.config import load_settings
    from rag.render.cleaning import single_line

    hits = pipeline.search(
        question_text(query),
        load_settings(options),
        k=k,
        rerank=rerank,
        on_progress=lambda step: print_message(step.message),
    )
    if as_json:
        rows = [
            {
                "rank": hit.rank,
                "score": hit.score,
                "chunk_id": hit.chunk.id,
                "document_id": hit.chunk.document_id,
                "title": hit.chunk.title,
                "heading_path": list(hit.chunk.heading_path),
                "pages": hit.chunk.pages,
                "found_by": list(hit.found_by),
                "text": hit.chunk.text,
            }
            for hit in hits
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for hit in hits:
        click.secho(f"{hit.rank}. {single_line(hit.chunk.context)}", bold=True)
        click.echo(f"   {hit.chunk.id}  {hit.score:.4f}  {' + '.join(hit.found_by)}")
        click.echo(f"   {single_line(hit.chunk.text)}\n")


@click.command("show")
@click.argument("chunk_id", required=False)
@click.option("--document", metavar="ID", help="Tell what was read of this document's file, and what was left out.")
@store_option
@embedder_option
@json_option
def show_command(chunk_id: str | None, document: str | None, as_json: bool, **options: str | None) -> None:
    """Print the passage CHUNK_ID in its surroundings, or what was read of a document.

    \b
    citebrief show papadopoulos-md.e027695b29a9
    citebrief show --document durham-report.pdf
    """
    collect_rarely()
    if (chunk_id is None) == (document is None):
        raise click.UsageError("Give either CHUNK_ID or --document ID.")
    if chunk_id is None:
        _show_document(document or "", as_json, **options)
        return
    from rag import pipeline
    from rag.config import load_settings
    from rag.render.cleaning import neutralise, single_line
    from rag.render.wording import pages

    chunk, before, after = pipeline.show(chunk_id, load_settings(options))
    if chunk.id != chunk_id:
        print_message(f"{chunk_id} is its id in another version of citebrief; in this index it is {chunk.id}")
    if as_json:
        row = {
            "chunk_id": chunk.id,
            "document_id": chunk.document_id,
            "title": chunk.title,
            "source": chunk.source,
            "date": chunk.date,
            "heading_path": list(chunk.heading_path),
            "pages": chunk.pages,
            "start": chunk.start,
            "end": chunk.end,
            "before": before,
            "text": chunk.text,
            "after": after,
        }
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.secho(", ".join(filter(None, (single_line(chunk.context), pages(chunk)))), bold=True)
    click.echo(f"{single_line(chunk.source)}  {chunk.date or ''}  characters {chunk.start} to {chunk.end}\n")
    click.secho(neutralise(before), dim=True, nl=False)
    click.secho(neutralise(chunk.text), bold=True, nl=False)
    click.secho(neutralise(after), dim=True)


def _show_document(document_id: str, as_json: bool, **options: str | None) -> None:
    from rag import pipeline
    from rag.config import load_settings
    from rag.ingest import describe_omission, number_ranges
    from rag.render.cleaning import single_line
    from rag.store import coverage_row

    document, passages = pipeline.show_document(document_id, load_settings(options))
    coverage = document.coverage
    if as_json:
        row = {
            "document_id": document.id,
            "title": document.title,
            "source": document.source,
            "date": document.date,
            "media_type": document.media_type,
            "metadata": dict(document.metadata),
            "characters": len(document.text),
            "passages": passages,
            **coverage_row(coverage),
        }
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.secho(single_line(document.title), bold=True)
    click.echo(f"{single_line(document.source)}  {document.date or ''}  {document.media_type}")
    click.echo(f"{len(document.text):,} characters in {passages:,} passages")
    if coverage.total:
        click.echo(f"{coverage.read:,} of {coverage.total:,} {coverage.unit}s have text in it")
    if coverage.by_ocr:
        click.echo(f"{number_ranges(coverage.by_ocr, coverage.unit)} read by OCR")
    for lost, heading in ((True, "Not read:"), (False, "Left out, because it is no part of the text:")):
        if items := [item for item in coverage.omissions if item.lost == lost]:
            click.secho(heading, bold=True)
        for item in items:
            click.echo(f"  {single_line(describe_omission(item, coverage.unit))}")
