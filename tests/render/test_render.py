"""What all formats have in common: markers, numbers of sources, and a brief without an answer."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from briefs import CYRILLIC, DURHAM, REPORT, TRACE, answered, insufficient, sentence

from rag.errors import UsageError
from rag.render import Format, format_of, render, wording
from rag.types import HEADING_REPAIR, Quote, Repair, Sentence


def test_the_suffix_of_a_file_names_its_format() -> None:
    names = ["a.md", "a.markdown", "A.HTML", "a.htm", "x/a.json", "a.txt"]
    assert [format_of(name) for name in names] == ["md", "md", "html", "html", "json", "text"]
    for name in ("brief.pdf", "brief", ".md"):
        with pytest.raises(UsageError, match=r"unknown suffix .*\.md"):
            format_of(name)


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = "import sys, rag.render; print({'pydantic', 'jinja2', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("The tower was not built.", "The tower was not built [1]."),
        ("Was it built?", "Was it built [1]?"),
        ("He works for Acme Inc.", "He works for Acme Inc. [1]"),
        ("He moved to the U.S.", "He moved to the U.S. [1]"),
        ("She called it “a threat.”", "She called it “a threat.” [1]"),
        ("It went on...", "It went on... [1]"),
        ("No full stop", "No full stop [1]"),
    ],
)
def test_a_marker_precedes_the_full_stop_and_removing_it_gives_the_sentence(text: str, printed: str) -> None:
    brief = replace(answered(), summary=(sentence(text, (REPORT, "Cohen")),))
    assert printed in render(brief, "md")
    assert printed in render(brief, "text")
    assert re.sub(r" \[\d+\]", "", printed) == text


@pytest.mark.parametrize(
    ("cited", "markers"), [("a", "[1]"), ("ba", "[1] [2]"), ("cab", "[1–3]"), ("febca", "[1–3] [5] [6]")]
)
def test_three_and_more_markers_in_a_row_are_a_range(cited: str, markers: str) -> None:
    numbers = {name: number for number, name in enumerate("abcdef", 1)}
    quotes = tuple(Quote(chunk_id=each, start=0, end=2, text="It") for each in cited)
    sentence = Sentence(text="It was.", citations=tuple(cited), support="full", score=1.0, quotes=quotes)
    assert wording.markers(sentence, numbers) == markers


def test_sources_are_numbered_in_order_of_first_citation() -> None:
    markdown = render(answered(), "md")
    assert "began [1–3]." in markdown
    assert "2015 [1] [4]." in markdown
    listed = re.findall(r"^- \[(\d+)\] .*`([^`]+)`$", markdown, re.MULTILINE)
    assert [(int(n), chunk_id) for n, chunk_id in listed] == list(
        enumerate((each.id for each in answered().cited()), start=1)
    )


def test_a_number_in_a_sentence_cannot_pass_for_a_marker() -> None:
    formats: tuple[Format, ...] = ("md", "text", "html")
    for form in formats:
        assert "(9) stand here" in re.sub(r"<[^>]+>|\s+", " ", render(answered(), form)).replace("  ", " ")


def test_the_last_line_does_not_call_quotations_written() -> None:
    written = answered().summary[0]
    quotation = replace(written, text=" ".join(written.quotes[0].text.split()))
    section = replace(answered().sections[0], sentences=(quotation,))
    only = replace(answered(), sections=(section,), conclusion=(), disagreements=(), summary=(quotation,))
    assert "sentences quoted from the passages; headings by local:qwen" in render(only, "md").splitlines()[-1]
    assert "All 2 sentences printed are quoted from the passages that they cite." in render(only, "md")
    lost = replace(only, trace=replace(only.trace, tokens={}))
    assert "quoted from the passages; local:qwen2.5-coder-1.5b-instruct gave no reply. All" in render(lost, "md")
    own = replace(written, text="Something else was said.")
    both = replace(only, summary=(quotation, own))
    assert "1 of 3 sentences written by local:qwen2.5-coder-1.5b-instruct, 2 quoted" in render(both, "md")
    assert "All 3 sentences printed were checked" in render(both, "md")


def test_the_last_line_names_version_model_verifier_checks_and_repairs() -> None:
    last = render(answered(), "md").splitlines()[-1]
    assert "citebrief 0.1.0: written by local:qwen2.5-coder-1.5b-instruct; checked by simple rule" in last
    assert "All 8 sentences printed were checked" in last
    assert "1 rewritten, 1 dropped" in last
    again = Repair(where="summary", action="rewrite", before=TRACE.repairs[0].after, after="It ended.", why="unclear")
    twice = replace(answered(), trace=replace(TRACE, repairs=(*TRACE.repairs, again)))
    assert render(twice, "md").splitlines()[-1] == last, "a sentence that was rewritten twice is one"
    own = answered().summary[0].text
    cited = Repair(where="summary", action="reattribute", before=own, after=own, why="not needed")
    reworded = Repair(where="summary", action="rewrite", before="It was.", after=own, why="unclear")
    added = Repair(where="summary", action="add", before="", after=own, why="it belongs here")
    dropped = Repair(where="summary", action="drop", before=own, after="", why="it belongs there")
    for log, told in (
        ((cited, reworded), "1 rewritten."),
        ((dropped, added), "they cite."),
        ((added, dropped), "cite."),
    ):
        changed = replace(answered(), trace=replace(TRACE, repairs=log))
        assert render(changed, "md").splitlines()[-1].endswith(f"{told}*")
    heading = Repair(where=HEADING_REPAIR, action="quote", before="A pier", after="Vote", why="names a pier")
    with_heading = replace(answered(), trace=replace(TRACE, repairs=(*TRACE.repairs, heading)))
    assert render(with_heading, "md").splitlines()[-1] == last, "no sentence was replaced"
    quoted = replace(answered(), trace=replace(TRACE, model="extractive", repairs=()))
    assert "without a model" in render(quoted, "md")
    assert "Repaired" not in render(quoted, "md")


@pytest.mark.parametrize("form", ["md", "text", "html"])
def test_a_brief_without_an_answer_says_so_and_shows_the_nearest_passages(form: Format) -> None:
    shown = render(insufficient(), form)
    assert "The corpus does not answer this question." in shown
    assert "6 passages from 6 documents came nearest; none states an answer. The first 5 follow." in shown.replace(
        "\n", " "
    )
    assert "No document of the corpus is about the sea." in shown
    assert REPORT.id in shown
    assert DURHAM.id in shown
    assert CYRILLIC.id not in shown


def test_a_search_that_found_nothing_says_so() -> None:
    shown = render(replace(insufficient(), evidence=()), "md")
    assert "The search found no passage at all." in shown
    assert "written by" not in shown
