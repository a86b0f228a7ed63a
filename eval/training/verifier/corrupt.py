"""Corrupt a sentence in one fact, as negative examples for a verifier.

Each function takes a sentence and a seeded ``random.Random`` and returns the changed sentence, or None if there is
nothing to change. The method is that of FactCC (arXiv:1910.12840); the kinds of changes follow SummEdits and MiniCheck
(arXiv:2404.10774).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from rag.text import CARDINALS, MONTHS, WEEKDAYS

NAME_PATTERN = re.compile(r"\b[A-Z][\w'’-]+(?:\s+(?:of\s+|the\s+)?[A-Z][\w'’-]+)*")
NUMBER_PATTERN = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-])")
DATE_PATTERN = re.compile(rf"\b(?:{'|'.join(MONTHS)}) (?:\d{{1,2}}(?:, \d{{4}})?|\d{{4}})\b")
NUMBER_WORDS = CARDINALS[2:13]
ORDINALS = "first second third fourth fifth".split()
AUXILIARY = re.compile(
    r"\b(is|are|was|were|has|have|had|will|would|can|could|should|may|might|must|does|did|do)\b(?!\s+not\b)(?!n't)"
)
NOT = re.compile(r"\b(is|are|was|were|has|have|had|will|would|can|could|should|may|might|must|does|did|do)\s+not\b")
OPPOSITES = [
    "increase decrease", "increased decreased", "increases decreases", "increasing decreasing", "more less",
    "higher lower", "high low", "rise fall", "rose fell", "before after", "first last", "most least", "many few",
    "all some", "always sometimes", "large small", "larger smaller", "best worst", "better worse", "old new",
    "won lost", "accepted rejected", "approved denied", "agreed refused", "supported opposed", "support oppose",
    "began ended", "start end", "opened closed", "bought sold", "gained lost", "positive negative", "north south",
    "east west", "northern southern", "eastern western", "early late", "earlier later", "inside outside",
    "success failure", "failed succeeded", "major minor", "public private", "male female", "men women", "man woman",
    "boy girl", "father mother", "brother sister", "son daughter", "husband wife", "above below", "up down",
    "left right", "win lose", "allowed banned", "allow prevent", "reduced raised", "reduce raise", "improved worsened",
    "strong weak", "common rare", "direct indirect", "hired fired", "joined left", "sent received", "gave took",
    "confirmed denied", "true false", "guilty innocent", "increase reduction", "growth decline", "maximum minimum",
    "with without", "include exclude", "included excluded", "domestic foreign", "top bottom", "long short",
    "enhanced impaired", "promotes inhibits", "promote inhibit", "activation inhibition", "upregulated downregulated",
    "induces prevents", "beneficial harmful", "young old", "day night", "summer winter", "morning evening",
    "told asked", "teacher student", "sitting standing", "indoors outdoors", "happy sad", "black white", "red blue",
]  # fmt: skip
SWAP = {a: b for pair in OPPOSITES for a, b in (pair.split(), pair.split()[::-1])}
HEDGES = {
    "may": "will", "might": "will", "could": "will", "some": "all", "many": "all", "most": "all", "often": "always",
    "usually": "always", "suggests": "proves", "suggest": "prove", "associated with": "caused by", "alleged": "proven",
    "likely": "certain", "believed": "known", "considered": "decided", "planned": "carried out", "one of the": "the",
    "sometimes": "always", "several": "all", "partly": "entirely", "possible": "certain",
}  # fmt: skip
DETAILS = [
    "in secret", "for the first time", "in London", "with the help of his brother", "despite strong protests",
    "because of a lack of money", "at the request of the government", "for personal gain", "as the court had ordered",
    "to win the coming election", "without telling anyone", "against the advice of experts",
    "and was later praised for it",
    "which caused wide anger", "for the third time that year", "under pressure from investors", "on live television",
    "together with his wife", "for several million dollars", "which led to new rules", "and later regretted it",
    "after a long illness", "at a press conference", "in order to save time", "and no one was hurt",
]  # fmt: skip


def _replace(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


def number(text: str, rng: random.Random) -> str | None:
    """Replace a number, month, weekday or number word by another one."""
    found = [(match, _other_number(match.group(), rng)) for match in NUMBER_PATTERN.finditer(text)]
    for group in (MONTHS, WEEKDAYS, NUMBER_WORDS, ORDINALS):
        for match in re.finditer(rf"\b({'|'.join(group)})\b", text):
            if match.group() != "May" or re.match(r"\s*\d", text[match.end() :]):
                found.append((match, rng.choice([word for word in group if word != match.group()])))  # noqa: PERF401
    if not found:
        return None
    return _replace(text, *rng.choice(found))


def date(text: str, rng: random.Random) -> str | None:
    """Change day, month or year of one of the dates of ``text``."""
    found = list(DATE_PATTERN.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    changed = number(match.group(), rng)
    return None if changed is None else _replace(text, match, changed)


def _other_number(old: str, rng: random.Random) -> str:
    plain = old.replace(",", "").rstrip(".")
    if re.fullmatch(r"(1[5-9]|20)\d\d", old):
        return str(int(old) + rng.choice([-12, -7, -4, -3, -2, -1, 1, 2, 3, 5, 9]))
    if "." in plain:
        head, tail = plain.split(".", 1)
        return (
            f"{max(0, int(head or 0) + rng.choice([-1, 1, 2, 3]))}.{tail}"
            if rng.random() < 0.5
            else f"{head}.{(int(tail[0]) + rng.randint(1, 9)) % 10}{tail[1:]}"
        )
    value = int(plain)
    new = (
        value + rng.choice([-2, -1, 1, 2, 3]) if value < 20 else round(value * rng.choice([0.5, 0.7, 0.9, 1.1, 1.3, 2]))
    )
    new = new if new != value and new >= 0 else value + 1
    return f"{new:,}" if "," in old else str(new)


def name(text: str, rng: random.Random, names: list[str]) -> str | None:
    """Replace a name of the sentence by one of ``names``, which come from the passage or from elsewhere."""
    own = [
        m
        for m in NAME_PATTERN.finditer(text)
        if m.start() > 0 and m.group() not in MONTHS + WEEKDAYS and len(m.group()) > 2
    ]
    others = [n for n in names if n.lower() not in text.lower() and len(n) > 2]
    if not own or not others:
        return None
    return _replace(text, rng.choice(own), rng.choice(others))


def role(text: str, rng: random.Random) -> str | None:
    """Swap two names of the sentence."""
    own = [m for m in NAME_PATTERN.finditer(text) if len(m.group()) > 2]
    if len(own) < 2:
        return None
    first, second = sorted(rng.sample(own, 2), key=lambda m: m.start())
    if first.group() == second.group():
        return None
    between = text[first.end() : second.start()]
    return text[: first.start()] + second.group() + between + first.group() + text[second.end() :]


def negation(text: str, rng: random.Random) -> str | None:
    """Insert or remove a ``not``."""
    if found := list(NOT.finditer(text)):
        match = rng.choice(found)
        return _replace(text, match, match.group(1))
    found = list(AUXILIARY.finditer(text))
    if not found:
        return None
    match = found[0] if rng.random() < 0.7 else rng.choice(found)
    form = rng.choice([" not", " never", " not", " no longer"])
    return text[: match.end()] + form + text[match.end() :]


def opposite(text: str, rng: random.Random) -> str | None:
    """Replace a word by its opposite."""
    found = [m for m in re.finditer(r"\b[a-z]+\b", text) if m.group() in SWAP]
    if not found:
        return None
    match = rng.choice(found)
    return _replace(text, match, SWAP[match.group()])


def overclaim(text: str, rng: random.Random) -> str | None:
    """Replace a hedge by a certainty, or an association by a cause."""
    found = [m for hedge in HEDGES for m in re.finditer(rf"\b{hedge}\b", text)]
    if not found:
        return None
    match = rng.choice(found)
    return _replace(text, match, HEDGES[match.group()])


def detail(text: str, rng: random.Random) -> str | None:
    """Add a circumstance that is not in the evidence; the sentence is then partly supported."""
    end = re.search(r"[.!?]?[\"”]?\s*$", text)
    assert end is not None
    if len(text) < 25:
        return None
    return text[: end.start()] + " " + rng.choice(DETAILS) + "."


def shorten(text: str, rng: random.Random) -> str | None:
    """Shorten the sentence without changing its truth: drop a parenthesis, an opening phrase or a trailing clause."""
    forms = []
    if m := re.search(r"\s*\([^()]{3,80}\)", text):
        forms.append(_replace(text, m, ""))
    if m := re.match(
        r"(?:In|On|At|After|During|By|Since|As|For|With|From|Meanwhile|However|Moreover|Also|Then)\b[^,]{0,60},\s+(?=\w)",
        text,
    ):
        rest = text[m.end() :]
        forms.append(rest[0].upper() + rest[1:])
    if (
        m := re.search(
            r",\s+(?:which|where|while|although|though|who|including|according to|as well as)\b[^,]*[.!?]?$", text
        )
    ) and m.start() > 30:
        forms.append(text[: m.start()] + ".")
    return rng.choice(forms) if forms else None


CORRUPTIONS: dict[str, Callable[[str, random.Random], str | None]] = {
    "number": number, "role": role, "negation": negation, "opposite": opposite,
}  # fmt: skip
