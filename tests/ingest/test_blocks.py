from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.ingest.blocks import Block, assemble
from rag.ingest.clean import PAGE_BREAK, clean_text
from rag.ingest.line_joining import join_lines, word_counts

texts = st.text(max_size=40) | st.sampled_from(
    [f"a {PAGE_BREAK}b", PAGE_BREAK, "[redacted]", "x\n\n y", "inter-\nference"]
)


def test_page_break_inside_a_hyphenated_word_moves_after_the_word() -> None:
    joined = join_lines(["the inter-", f"{PAGE_BREAK}ference went on"], word_counts([]))
    text, _, starts = assemble([Block(text=joined)], paged=True)
    assert text == "the interference went on"
    assert text[starts[1] :] == "went on"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.builds(Block, text=texts, level=st.integers(0, 3)), max_size=12))
def test_offsets_are_exact_for_any_text(blocks: list[Block]) -> None:
    text, headings, starts = assemble(blocks, paged=True)
    for heading in headings:
        assert text[heading.start : heading.end] == heading.text
        assert "\n" not in heading.text
        assert heading.start == 0 or text[heading.start - 1] == "\n"
        assert heading.end == len(text) or text[heading.end] == "\n"
    assert len(starts) == 1 + sum(clean_text(block.text).count(PAGE_BREAK) for block in blocks)
    assert list(starts) == sorted(starts)
    assert all(0 <= start <= len(text) for start in starts)
    assert PAGE_BREAK not in text
    text.encode()
