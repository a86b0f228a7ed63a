"""Headings and phrases that all formats share: the location of a passage, what was searched, how a brief was made."""

from __future__ import annotations

from collections import Counter

from rag.render.cleaning import single_line
from rag.text import words_of
from rag.types import HEADING_REPAIR, Brief, Chunk, Hit, Repair, RepairAction, Sentence, Trace

NEAREST_SHOWN = 5
"""Number of passages shown when the corpus does not answer. The JSON lists all that were retrieved."""

SUMMARY = "Executive summary"
CONCLUSION = "Conclusion"
DISAGREEMENTS = "Where the sources disagree"
GAPS = "What was not found"
SOURCES = "Sources"
NO_ANSWER = "The corpus does not answer this question."
SEARCHED = "What was searched"
NEAREST_PASSAGES = "Nearest passages"

ACTIONS: dict[RepairAction, str] = {
    "rewrite": "rewritten",
    "reattribute": "with citations moved or left out",
    "quote": "replaced by a quotation",
    "drop": "dropped",
    "add": "added",
}
"""Description of each repair action."""


def source_numbers(brief: Brief) -> dict[str, int]:
    """Map each cited chunk id to its number in the source list."""
    return {chunk.id: n for n, chunk in enumerate(brief.cited(), start=1)}


def markers(sentence: Sentence, numbers: dict[str, int]) -> str:
    """Return the citation markers of a sentence by number: ``[1] [5]``, and ``[1–3]`` for three and more in a row."""
    runs: list[list[int]] = []
    for number in sorted({numbers[cited] for cited in sentence.citations}):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    names = [[f"{run[0]}–{run[-1]}"] if len(run) > 2 else map(str, run) for run in runs]
    return " ".join(f"[{name}]" for own in names for name in own)


def title(chunk: Chunk) -> str:
    """Return the title of the chunk's document, or its source or id if it has none."""
    return single_line(chunk.title) or single_line(chunk.source) or single_line(chunk.document_id)


def pages(chunk: Chunk) -> str:
    """Return ``p. 33`` or ``pp. 33–34``, or an empty string if the format has no pages."""
    if chunk.pages is None:
        return ""
    first, last = chunk.pages
    return f"p. {first}" if first == last else f"pp. {first}–{last}"


def location(chunk: Chunk) -> str:
    """Return headings and pages: ``Volume I › Contacts, p. 33``. Empty if the document has neither."""
    headings = [single_line(heading) for heading in chunk.heading_path]
    if headings and headings[0] == title(chunk):
        headings = headings[1:]
    return ", ".join(part for part in (" › ".join(filter(None, headings)), pages(chunk)) if part)


def count(n: int, noun: str) -> str:
    """Return a number with its noun: ``1 passage``, ``2 passages``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def nearest_hits(brief: Brief) -> tuple[Hit, ...]:
    """Return the first :data:`NEAREST_SHOWN` hits by rank."""
    return tuple(sorted(brief.evidence, key=lambda hit: hit.rank)[:NEAREST_SHOWN])


def search_summary(brief: Brief) -> str:
    """Describe in one or two sentences what was retrieved for a question that the corpus does not answer."""
    if not brief.evidence:
        return "The search found no passage at all."
    documents = count(len({hit.chunk.document_id for hit in brief.evidence}), "document")
    retrieved = f"{count(len(brief.evidence), 'passage')} from {documents} came nearest; none states an answer."
    shown = len(nearest_hits(brief))
    return retrieved if shown == len(brief.evidence) else f"{retrieved} The first {shown} follow."


def provenance(brief: Brief) -> str:
    """Name the version of citebrief, the verifier, and the model with what is its own: sentences or headings."""
    trace = brief.trace
    if _is_extractive(brief):
        return f"citebrief {single_line(trace.version)}: sentences quoted from the passages, without a model."
    sentences = list(brief.sentences())
    if not sentences:
        return f"citebrief {single_line(trace.version)}."
    quoted = sum(map(_is_quotation, sentences))
    model = single_line(trace.model)
    if not quoted:
        by = f"written by {model}"
    elif quoted == len(sentences) and not any(map(trace.tokens.get, ("calls", "replayed"))):
        return f"citebrief {single_line(trace.version)}: sentences quoted from the passages; {model} gave no reply."
    elif quoted == len(sentences):
        by = f"sentences quoted from the passages; headings by {model}"
    else:
        by = f"{len(sentences) - quoted} of {len(sentences)} sentences written by {model}, {quoted} quoted"
    return f"citebrief {single_line(trace.version)}: {by}; checked by {single_line(trace.verifier)}."


def _is_quotation(sentence: Sentence) -> bool:
    """Whether the words of ``sentence`` stand in its quotes in this order, with others between them at the most."""
    quoted = iter([word.casefold() for quote in sentence.quotes for word in words_of(quote.text)])
    return all(word.casefold() in quoted for word in words_of(sentence.text))


def check_summary(brief: Brief) -> str:
    """State how many sentences were checked, and what was changed; a sentence that was changed twice counts once.

    Quotations are not: they are taken from the passage that they cite.
    """
    sentences = list(brief.sentences())
    printed = len(sentences)
    repairs = Counter(repair.action for repair in _last_changes(brief))
    if printed and _is_extractive(brief):
        checks = "Every sentence stands word for word in the passage that it cites."
    elif not printed:
        checks = "No sentence is printed."
    elif printed == 1:
        checks = "The one sentence printed was checked against the passages that it cites."
    elif all(map(_is_quotation, sentences)):
        checks = f"All {printed} sentences printed are quoted from the passages that they cite."
    else:
        checks = f"All {printed} sentences printed were checked against the passages that they cite."
    if not repairs:
        return checks
    counts = ", ".join(f"{repairs[action]} {description}" for action, description in ACTIONS.items() if repairs[action])
    return f"{checks} Changed on the way: {counts}."


def _last_changes(brief: Brief) -> list[Repair]:
    """Return the repairs of sentences without those that a later one undoes, follows, or counts already.

    A sentence that moved is no change, and one that was rewritten with other citations is one change.
    """
    log = [repair for repair in brief.trace.repairs if repair.where != HEADING_REPAIR]
    printed = {sentence.text for sentence in brief.sentences()}
    worded = {repair.after for repair in log if repair.action != "reattribute" and repair.after}
    moved = {repair.before for repair in log if repair.action == "drop"} & printed
    found = []
    for at, repair in enumerate(log, 1):
        later = {each.before for each in log[at:] if each.action != "reattribute"}
        if repair.action == "reattribute":
            counts = repair.after not in worded | later
        elif repair.action == "drop":
            counts = repair.before not in moved
        else:
            counts = repair.after not in (moved if repair.action == "add" else later)
        found += [repair] if counts else []
    return found


def _is_extractive(brief: Brief) -> bool:
    return brief.trace.model.startswith("extractive")


def trace_rows(trace: Trace) -> list[tuple[str, str]]:
    """Return the fields of the trace as pairs of name and value to show; empty fields are left out."""
    rows = [
        ("Model", trace.model),
        ("Parameters", ", ".join(f"{name} {value}" for name, value in trace.parameters.items())),
        ("Verifier", trace.verifier),
        ("Embedder", trace.embedder),
        ("Index", trace.fingerprint),
        ("Prompts", ", ".join(f"{name} {sha256[:12]}" for name, sha256 in trace.prompts.items())),
        ("Seconds", ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in trace.seconds.items())),
        ("Tokens", ", ".join(f"{kind} {n:,}" for kind, n in trace.tokens.items())),
        ("Cost", "not known" if trace.cost is None else f"${trace.cost:.4f}"),
    ]
    return [(name, value) for name, value in rows if value]
