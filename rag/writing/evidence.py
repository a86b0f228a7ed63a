"""Evidence sentences: sentences of the hits that can be understood on their own, each with its chunk and offsets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag.types import Chunk, Hit, Quote, Sentence
from rag.writing.standalone import is_standalone, refers_to_authors, skip_connective
from rag.writing.units import Unit, evidence_units, is_unfinished_line

_CONTRASTING_OPENING = re.compile(
    r"(?:However|But|Nevertheless|Nonetheless|Yet|Still|Even so|At the same time|That said)\b"
)
_FINDING = re.compile(
    r"\b(?:conclude[ds]?|found|established?|identif(?:y|ied)|determined|assess(?:ed|es)|revealed|showed|uncovered)\b"
)
"""Verbs that state a finding."""

_DENIED_FINDING = re.compile(
    r"\b(?:not|never) (?:\w+ )?(?:conclude|find|found|establish|identif|determine|assess|reveal|show|uncover|yield)"
    r"|\b(?:found|identified) no\b|\bno evidence\b|\b(?:not |in)sufficient\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSentence:
    """A sentence of a chunk: ``chunk.text[start:end] == text``, with these changes.

    Line breaks become spaces. The first letter becomes a capital where an opening that only connects the sentence was
    left out. A line without a full stop gets one. A list item or table row has the words in front that introduce it
    (``rag/writing/units.py``). A sentence in which authors refer to themselves or to their document ("we found …",
    "this PEP …") is put in quotation marks, since the brief would seem to refer to itself; its own marks become single
    ones, and between the marks stands nothing but the words of the chunk, "[…]" for an opening that was left out, and a
    first letter in square brackets where the capital is not the chunk's.

    ``relevance`` orders the sentences by what they contribute to the answer (``rag/writing/rating.py``). ``after`` is
    its antecedent, the sentence before it, where it cannot be understood without it ("It was withdrawn in 2021."): the
    two are one block of a brief (``rag/writing/sentence_blocks.py``).
    """

    text: str
    chunk: Chunk
    start: int
    end: int
    relevance: float = 0.0
    after: EvidenceSentence | None = None

    @property
    def place(self) -> tuple[str, int]:
        """The chunk and the offset of the end, which a connective that was left out does not move.

        Sentences with the same place are the same sentence.
        """
        return self.chunk.id, self.end

    @property
    def quote(self) -> Quote:
        """The span of the chunk."""
        return Quote(
            chunk_id=self.chunk.id, start=self.start, end=self.end, text=self.chunk.text[self.start : self.end]
        )

    def as_sentence(self) -> Sentence:
        """Return the sentence of a brief that quotes this one."""
        return Sentence(text=self.text, citations=(self.chunk.id,), support="full", score=1.0, quotes=(self.quote,))


AcceptUnit = Callable[[str, str], bool]
"""Whether a text can be an evidence sentence under the title and headings of its passage."""


def evidence_sentences(
    hits: Iterable[Hit], accept: AcceptUnit = is_standalone, *, lines: bool = False
) -> Iterator[EvidenceSentence]:
    """Yield the sentences of ``hits`` that ``accept`` takes, best hit first; of those with the same words the first.

    With ``lines`` also lines without a full stop, of which most state nothing: for a caller that has a model read them.
    """
    seen: set[str] = set()
    for hit in hits:
        for unit in evidence_units(hit.chunk.text, hit.chunk.columns):
            sentence = evidence_sentence(hit.chunk, unit)
            text = sentence.text
            key = re.sub(r"\W+", " ", text.lower())
            if not lines and is_unfinished_line(hit.chunk.text, unit):
                continue
            if key not in seen and accept(text, hit.chunk.context):
                seen.add(key)
                yield _as_quotation(sentence, unit)


def preceding_sentences(sentence: EvidenceSentence, most: int, accept: AcceptUnit) -> list[EvidenceSentence]:
    """Return up to ``most`` sentences of the chunk that stand directly before ``sentence``, in their order.

    They end before the first one that ``accept`` does not take, and where another text stands between, such as code.
    """
    chunk, start = sentence.chunk, sentence.start
    found: list[EvidenceSentence] = []
    for unit in reversed(list(evidence_units(chunk.text, chunk.columns))):
        if unit.end > start:
            start = min(start, unit.start)  # of the sentence itself, before an opening that was left out
            continue
        before = evidence_sentence(chunk, unit)
        if len(found) == most or chunk.text[unit.end : start].strip() or not accept(before.text, chunk.context):
            break
        found.append(_as_quotation(before, unit))
        start = unit.start
    return found[::-1]


def evidence_sentence(chunk: Chunk, unit: Unit) -> EvidenceSentence:
    """Return ``unit`` of ``chunk`` without an opening that only connects it, not yet in quotation marks."""
    start = skip_connective(chunk.text, unit.start, unit.end) if unit.whole else unit.start
    words = " ".join(chunk.text[start : unit.end].split()) if unit.whole else unit.text
    text = words if _is_code_word(words) else words[:1].upper() + words[1:]
    text += "." if is_unfinished_line(chunk.text, unit) else ""
    return EvidenceSentence(text=text, chunk=chunk, start=start, end=unit.end)


def _as_quotation(sentence: EvidenceSentence, unit: Unit) -> EvidenceSentence:
    """Return ``sentence`` in quotation marks if its authors refer to themselves, and otherwise as it is."""
    if not refers_to_authors(sentence.text, sentence.chunk.context):
        return sentence
    words = " ".join(sentence.chunk.text[sentence.start : unit.end].split()) if unit.whole else unit.text
    words += "." if is_unfinished_line(sentence.chunk.text, unit) else ""
    return replace(sentence, text=_in_quotation_marks(words, shortened=sentence.start > unit.start))


def _is_code_word(text: str) -> bool:
    """Whether ``text`` opens with code, whose first letter is not to be changed: "debug_assert! …"."""
    return re.match(r"\w*[_.(:]\S", text) is not None


def qualifies(following: EvidenceSentence, sentence: EvidenceSentence) -> bool:
    """Whether ``following`` directly follows ``sentence`` and partly takes it back.

    It opens with a contrast ("However, …") or denies a finding ("identified numerous links …" and then "did not
    establish that …"). Quoting ``sentence`` without it would mislead.
    """
    opening = _opening_behind(sentence, following)
    if opening is None:
        return False
    opening = f"{opening} {following.text.lstrip('“')}".lstrip()
    return bool(
        _CONTRASTING_OPENING.match(opening)
        or (_FINDING.search(sentence.text) and _DENIED_FINDING.search(following.text))
    )


def is_directly_behind(following: EvidenceSentence, sentence: EvidenceSentence) -> bool:
    """Whether ``following`` is the next sentence of the passage after ``sentence``."""
    return _opening_behind(sentence, following) is not None


def _opening_behind(sentence: EvidenceSentence, following: EvidenceSentence) -> str | None:
    """Return what stands between two sentences of a passage if it can only be an opening left out, such as "However,".

    None if ``following`` stands elsewhere.
    """
    if following.chunk.id != sentence.chunk.id or not sentence.end <= following.start:
        return None
    between = sentence.chunk.text[sentence.end : following.start].strip()
    return None if len(between) > len("On the other hand, ") or between.endswith((".", "!", "?")) else between


def with_qualifications(sentence: EvidenceSentence, others: Sequence[EvidenceSentence]) -> list[EvidenceSentence]:
    """Return ``sentence``, those of ``others`` that qualify it, and those that qualify these, in document order."""
    qualifying = [other for other in others if qualifies(other, sentence)]
    return [sentence, *(each for other in qualifying for each in with_qualifications(other, others))]


def opens_with_surname_of_chunk(sentence: EvidenceSentence) -> bool:
    """Whether ``sentence`` opens with a lone surname whose full name its chunk gives before: "Maalin recovered …".

    A reader of the sentence alone has not been told the full name.
    """
    opening = re.match(r"[A-Z][\w-]+(?=['’]s? |s? [a-z])", sentence.text.lstrip("“"))
    if opening is None:
        return False
    return re.search(rf"\b[A-Z]\w+ {re.escape(opening[0])}\b", sentence.chunk.text[: sentence.start]) is not None


def _in_quotation_marks(words: str, *, shortened: bool) -> str:
    """Return ``words`` as a quotation; ``shortened`` says that they lack the opening of their sentence."""
    inner = re.sub(r"\"([^\"]*)\"", r"‘\1’", words).replace("“", "‘").replace("”", "’")
    if shortened:
        inner = f"[…] {inner}"
    elif inner[:1].islower():
        inner = f"[{inner[:1].upper()}]{inner[1:]}"
    return f"“{inner}”"
