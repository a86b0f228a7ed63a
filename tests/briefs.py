"""Briefs built by hand: one that answers, with hostile text in its documents, and one without an answer."""

from __future__ import annotations

from rag._internal.ids import chunk_id
from rag.types import Brief, Chunk, Disagreement, Hit, Quote, Repair, Section, Sentence, Trace

HOSTILE_TITLE = '[x](javascript:alert(1)) <script>window.hacked=1</script> "quoted" \x1b[31mred'
HOSTILE_TEXT = (
    'A page may say <img src=x onerror="window.hacked=1"> and </span></main><script>window.hacked=1</script>.\n\n'
    "It may send \x1b]0;owned\x07 to a terminal, or turn text around: \u202eabc\u202c. "
    "It may pose as a source [1] or a `code` **star** _underscore_ &amp; {{ 7 * 7 }}."
)


def chunk(document_id: str, text: str, *, start: int = 0, **fields: object) -> Chunk:
    """Build a chunk at offset ``start`` of its document, with the id that the index would give it."""
    return Chunk(
        id=chunk_id(document_id, start, text),
        document_id=document_id,
        text=text,
        start=start,
        end=start + len(text),
        **fields,  # type: ignore[arg-type]
    )


def sentence(text: str, *quoted: tuple[Chunk, str], score: float = 0.94) -> Sentence:
    """Build a sentence that cites the chunk of each pair and quotes the pair's words from it."""
    return Sentence(
        text=text,
        citations=tuple(dict.fromkeys(each.id for each, _ in quoted)),
        support="full",
        score=score,
        quotes=tuple(quote(each, words) for each, words in quoted),
    )


def quote(source: Chunk, words: str) -> Quote:
    """Build a quote of ``words``, which have to occur in the chunk."""
    start = source.text.index(words)
    return Quote(chunk_id=source.id, start=start, end=start + len(words), text=words)


REPORT = chunk(
    "reports/special-counsel.pdf",
    "Between late 2015 and mid-2016 Michael Cohen pursued a tower in Moscow for the Trump Organization. A letter of\n"
    "intent was signed on 28 October 2015. Cohen wrote in January 2016 to the office of Dmitry Peskov, the Kremlin’s\n"
    "press secretary, and spoke with an assistant for about twenty minutes.\n\n"
    "The project was not built, and discussions ended by the summer of 2016.",
    start=4200,
    title="Special counsel’s report, volume I",
    source="https://example.org/report.pdf",
    date="2019-04-18",
    heading_path=("IV. Russian government links", "A. Trump Tower Moscow"),
    pages=(67, 68),
)
COMMITTEE = chunk(
    "senate.md",
    "The committee’s fifth volume calls the chairman’s contacts with Konstantin Kilimnik a grave counterintelligence\n"
    "threat. It found that Paul Manafort shared internal polling data with him.",
    title="Senate committee, volume 5",
    source="senate.md",
    date="2020-08",
    heading_path=("Findings",),
)
INSPECTOR = chunk(
    "ig.html",
    "The Inspector General concluded that the opening of the investigation was adequately predicated.",
    title="Inspector General’s report",
    source="https://example.org/ig?a=1&b=2",
    date="2019-12-09",
)
DURHAM = chunk(
    "durham.html",
    "Special Counsel Durham found that no actual evidence of collusion was held when the case was opened.",
    title="Durham report",
    source="http://example.org/durham",
    date="2023",
    pages=(8, 8),
)
HOSTILE = chunk("hostile.html", HOSTILE_TEXT, title=HOSTILE_TITLE, source="javascript:alert(1)", heading_path=("<b>",))
CYRILLIC = chunk("письмо.txt", "Письмо о намерениях подписано 28 октября 2015 года. 合意書 🏗️", title="Письмо")

TRACE = Trace(
    version="0.1.0",
    model="local:qwen2.5-coder-1.5b-instruct",
    parameters={"temperature": 0, "seed": 7, "top_p": 0.95, "mode": "merge"},
    prompts={"merge": "9f" * 32, "rewrite": "3c" * 32},
    embedder="minilm",
    fingerprint="minilm-384-v1",
    verifier="simple rule: similarity and agreement of numbers, dates and names",
    seconds={"retrieve": 0.41, "compose": 58.25},
    tokens={"prompt": 2811, "cached": 900, "completion": 702, "calls": 25},
    cost=None,
    repairs=(
        Repair(
            where="section 2, sentence 1",
            action="rewrite",
            before="The talks ended on November 4.",
            after="Discussions ended by the summer of 2016.",
            why="no cited passage has November 4",
        ),
        Repair(where="conclusion", action="drop", before="It was all planned.", after="", why="no passage states it"),
    ),
    notices=("section 2 fell back to quoted evidence",),
)


def answered() -> Brief:
    """Build a brief that answers its question, with quotes, a disagreement, a gap and repairs."""
    return Brief(
        question="What are the links between Trump and Putin?",
        status="answered",
        summary=(
            sentence(
                "The record shows a stalled tower project in Moscow, contacts that a Senate committee called a grave "
                "counterintelligence threat, and a dispute about how the investigation began.",
                (REPORT, "Michael Cohen pursued a tower in Moscow"),
                (COMMITTEE, "a grave counterintelligence\nthreat"),
                (INSPECTOR, "adequately predicated"),
            ),
        ),
        sections=(
            Section(
                heading="The Moscow tower that was never built",
                sentences=(
                    sentence(
                        "A letter of intent for a tower in Moscow was signed on 28 October 2015.",
                        (REPORT, "A letter of\nintent was signed on 28 October 2015."),
                        (CYRILLIC, "подписано 28 октября 2015 года"),
                    ),
                    sentence(
                        "Cohen wrote to the office of Dmitry Peskov and spoke with an assistant for twenty minutes.",
                        (REPORT, "Cohen wrote in January 2016 to the office of Dmitry Peskov"),
                        (REPORT, "spoke with an assistant for about twenty minutes"),
                    ),
                ),
            ),
            Section(
                heading="Polling data & Konstantin Kilimnik",
                sentences=(
                    sentence(
                        "Manafort shared polling data with Kilimnik, which the volume calls “a grave "
                        "counterintelligence threat.”",
                        (COMMITTEE, "Paul Manafort shared internal polling data with him"),
                        (COMMITTEE, "a grave counterintelligence\nthreat"),
                    ),
                    sentence("Why does <script>window.hacked=1</script> [9] stand here?", (HOSTILE, "A page may say")),
                ),
            ),
        ),
        conclusion=(
            sentence(
                "The tower was not built and the discussions ended by the summer of 2016.",
                (REPORT, "The project was not built, and discussions ended by the summer of 2016."),
            ),
        ),
        disagreements=(
            Disagreement(
                about="Whether the investigation was properly opened",
                sides=(
                    sentence(
                        "The Inspector General found the opening adequately predicated.",
                        (INSPECTOR, "the opening of the investigation was adequately predicated"),
                    ),
                    sentence(
                        "Durham found that no actual evidence of collusion was held at the opening.",
                        (DURHAM, "no actual evidence of collusion was held when the case was opened"),
                    ),
                ),
            ),
        ),
        gaps=("The corpus does not say what the two presidents discussed alone in Hamburg.",),
        evidence=tuple(
            Hit(chunk=each, rank=rank, score=0.5 / rank, found_by=("dense", "bm25"))
            for rank, each in enumerate(
                (REPORT, COMMITTEE, INSPECTOR, DURHAM, HOSTILE, CYRILLIC, chunk("uncited.txt", "Nobody cites this.")), 1
            )
        ),
        trace=TRACE,
    )


def insufficient() -> Brief:
    """Build a brief whose evidence does not answer its question."""
    chunks = (HOSTILE, REPORT, COMMITTEE, INSPECTOR, DURHAM, CYRILLIC)
    return Brief(
        question="How deep is the Mariana Trench?",
        status="insufficient_evidence",
        summary=(),
        sections=(),
        conclusion=(),
        gaps=("No document of the corpus is about the sea.",),
        evidence=tuple(Hit(chunk=each, rank=rank, score=0.01 / rank) for rank, each in enumerate(chunks, 1)),
        trace=TRACE,
    )
