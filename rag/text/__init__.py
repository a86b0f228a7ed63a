"""English text: sentences, words, and the dates, numbers and names in it."""

from rag.text.bullets import MARKS, bullet, bullet_depth, indented
from rag.text.entities import (
    CALENDAR,
    CARDINALS,
    MONTHS,
    WEEKDAYS,
    Date,
    Figure,
    date_matches,
    find_dates,
    find_figures,
    find_names,
    find_numbers,
    name_forms,
    name_words,
)
from rag.text.lines import lines_of
from rag.text.sentences import CODE_INDENT, is_code, is_wordless_code, split_sentences, split_statements
from rag.text.tables import cell_spans, header_cells, join_cells, split_cells
from rag.text.words import FUNCTION_WORDS, content_stems, stem, word_spans, words_of

__all__ = [
    "CALENDAR",
    "CARDINALS",
    "CODE_INDENT",
    "FUNCTION_WORDS",
    "MARKS",
    "MONTHS",
    "WEEKDAYS",
    "Date",
    "Figure",
    "bullet",
    "bullet_depth",
    "cell_spans",
    "content_stems",
    "date_matches",
    "find_dates",
    "find_figures",
    "find_names",
    "find_numbers",
    "header_cells",
    "indented",
    "is_code",
    "is_wordless_code",
    "join_cells",
    "lines_of",
    "name_forms",
    "name_words",
    "split_cells",
    "split_sentences",
    "split_statements",
    "stem",
    "word_spans",
    "words_of",
]
