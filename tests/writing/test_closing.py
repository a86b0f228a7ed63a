"""Dividing evidence: each sentence stands in one part of a brief."""

from __future__ import annotations

from dataclasses import replace

from rag._internal.ids import chunk_id
from rag.types import Chunk
from rag.writing.closing import closing_evidence, divide_beside_summary, divide_evidence
from rag.writing.evidence import EvidenceSentence
from rag.writing.outline import Outline, OutlineSection


def sentence(number: int, relevance: float, heading: str) -> EvidenceSentence:
    text = f"Harbour number {number} opened in {1900 + number}."
    name = f"{number}.md"
    chunk = Chunk(
        id=chunk_id(name, 0, text), document_id=name, text=text, start=0, end=len(text), heading_path=(heading,)
    )
    return EvidenceSentence(text=text, chunk=chunk, start=0, end=len(text), relevance=relevance)


def outline_of(*sections: tuple[float, ...]) -> Outline:
    made, number = [], 0
    for place, scores in enumerate(sections):
        evidence = tuple(sentence(number + n, score, f"Coast {place}") for n, score in enumerate(scores, 1))
        number += len(scores)
        made.append(OutlineSection(heading=f"Coast {place}", evidence=evidence))
    return Outline(sections=tuple(made), key_points=tuple(each.evidence[0] for each in made))


def outline_with_a_block() -> Outline:
    """Return an outline of a section with a block of two sentences, and one with a single sentence."""
    first = sentence(1, 0.9, "A")
    dependent = replace(sentence(2, 0.8, "A"), chunk=first.chunk, start=first.end + 1, end=first.end + 9, after=first)
    other = sentence(3, 0.5, "B")
    sections = (
        OutlineSection(heading="A", evidence=(first, dependent)),
        OutlineSection(heading="B", evidence=(other,)),
    )
    return Outline(sections=sections, key_points=(first, other))


def test_no_sentence_stands_in_two_parts_and_none_is_lost() -> None:
    outline = outline_of((0.9, 0.8, 0.7), (0.85, 0.6), (0.8, 0.7, 0.6))
    divided = divide_evidence(outline)
    body = [each for section in divided.sections for each in section.evidence]
    printed = [*divided.summary, *body, *divided.conclusion]
    assert len(printed) == len(set(printed)) == 8
    assert divided.conclusion


def test_the_summary_opens_with_the_first_key_point_and_goes_on_with_the_most_relevant_sentences() -> None:
    outline = outline_of((0.8, 0.95, 0.7), (0.85, 0.6, 0.6))
    opening = outline.sections[1].evidence[1]
    summary = divide_evidence(replace(outline, key_points=(opening, *outline.key_points[:1]))).summary
    assert summary[0] == opening
    assert [each.relevance for each in summary[1:]] == sorted((each.relevance for each in summary[1:]), reverse=True)


def test_a_section_of_which_nothing_is_left_is_left_out() -> None:
    divided = divide_evidence(outline_of((0.9,), (0.8, 0.75, 0.7, 0.7, 0.65)))
    assert [section.heading for section in divided.sections] == ["Coast 1"]


def test_sentences_that_the_sections_need_are_no_conclusion() -> None:
    divided = divide_evidence(outline_of((0.9, 0.8)))
    assert (len(divided.summary), len(divided.sections[0].evidence), divided.conclusion) == (1, 1, ())


def test_a_single_sentence_is_summary_and_section() -> None:
    divided = divide_evidence(outline_of((0.9,)))
    assert divided.summary == divided.sections[0].evidence


def test_a_section_has_the_heading_of_the_sentences_that_are_left() -> None:
    kept, taken = sentence(1, 0.6, "Southern coast"), sentence(2, 0.9, "Northern coast")
    section = OutlineSection(heading="Northern coast; Southern coast", evidence=(taken, kept))
    divided = divide_evidence(Outline(sections=(section,), key_points=(taken,)))
    assert [each.heading for each in divided.sections] == ["Southern coast"]


def test_a_block_is_taken_whole_and_leaves_one_for_the_sections() -> None:
    outline = outline_with_a_block()
    [(first, dependent), (other,)] = (section.evidence for section in outline.sections)
    divided = divide_evidence(outline)
    assert divided.summary == (first, dependent)
    assert [section.evidence for section in divided.sections] == [(other,)]


def test_blocks_beyond_a_third_of_the_sentences_stay_in_their_sections() -> None:
    blocks = []
    for number in (1, 3, 5):
        first = sentence(number, 1 - number / 10, "A")
        after = replace(first, text=f"It has {number}.", start=first.end + 1, end=first.end + 9, after=first)
        blocks.append((first, after))
    sections = tuple(OutlineSection(heading=f"S{at}", evidence=block) for at, block in enumerate(blocks))
    outline = Outline(sections=sections, key_points=tuple(block[0] for block in blocks))
    summary, conclusion = closing_evidence(outline)
    assert (summary, conclusion) == (list(blocks[0]), list(blocks[1]))


def test_beside_a_written_summary_stands_what_it_does_not_say_and_the_best_of_it_concludes() -> None:
    outline = outline_of((0.9, 0.8, 0.7), (0.85, 0.6), (0.8, 0.75, 0.6))
    said = outline.sections[0].evidence[0]
    summary = [replace(said.as_sentence(), text=f"{said.text[:-1]}, too.")]
    kept, divided = divide_beside_summary(outline, [summary])
    assert kept == tuple(summary)
    body = [each for section in divided.sections for each in section.evidence]
    everything = {each for section in outline.sections for each in section.evidence}
    assert {*body, *divided.conclusion} == everything - {said}
    assert len(body) + len(divided.conclusion) == 7
    assert max(each.relevance for each in divided.conclusion) == 0.85


def test_of_a_block_that_a_written_summary_opens_nothing_is_printed_again() -> None:
    outline = outline_with_a_block()
    [(first, _), (other,)] = (section.evidence for section in outline.sections)
    _, divided = divide_beside_summary(outline, [[first.as_sentence()]])
    assert [section.evidence for section in divided.sections] == [(other,)]
    assert divided.conclusion == ()


def test_a_written_summary_leaves_a_sentence_for_the_sections_and_none_stands_twice() -> None:
    outline = outline_of((0.9,), (0.8,))
    first, other = (section.evidence[0] for section in outline.sections)
    kept, divided = divide_beside_summary(outline, [[other.as_sentence()], [first.as_sentence()]])
    assert kept == (other.as_sentence(),)
    assert [section.evidence for section in divided.sections] == [(first,)]
