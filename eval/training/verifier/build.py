"""Build the examples on which the support model is trained and selected.

Reads ``train_*.jsonl`` and ``tune_*.jsonl`` (rows ``claim, evidence, label, relation, source``) from one directory, and
optionally Markdown or JSONL corpora from which more examples are made. Writes one JSONL file of examples:
``claim``, ``passages`` (the evidence, as texts to be joined), ``label`` (full, partial, refuted, unrelated, or
``unsupported`` if the data set does not distinguish the three), ``source``, ``kind`` (``given``, or how the example
was made).

    python -m eval.training.verifier.build --pairs shared/data/support --corpus some.md --out examples.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.text import split_sentences

from . import corrupt

MAX_GIVEN = {"snli": 8000}
RELATIONS = {
    "support": "full",
    "partial": "partial",
    "refute": "refuted",
    "nei": "unrelated",
    "unsupported": "unsupported",
}
Example = dict[str, Any]


def clean(text: str) -> str:
    """Undo the brackets, quotes and spacing of the Penn Treebank, which do not occur in briefs."""
    for old, new in (("-LRB-", "("), ("-RRB-", ")"), ("-LSB-", "["), ("-RSB-", "]"), ("``", '"'), ("''", '"')):
        text = text.replace(old, new)
    text = re.sub(r" ([,.;:!?%)\]])", r"\1", text)
    text = re.sub(r"([(\[$]) ", r"\1", text)
    return re.sub(r" ('s|'re|'ve|'ll|'d|'m|n't)\b", r"\1", text).replace(" -- ", " – ")


def given(directory: Path, rng: random.Random) -> Iterator[Example]:
    """Yield the labelled pairs unchanged."""
    for path in sorted(directory.glob("t*_*.jsonl")):
        split, source = path.stem.split("_", 1)
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        if split == "train" and len(rows) > MAX_GIVEN.get(source, len(rows)):
            rows = rng.sample(rows, MAX_GIVEN[source])
        for row in rows:
            yield {
                "claim": clean(row["claim"]), "passages": [clean(row["evidence"])], "label": RELATIONS[row["relation"]],
                "source": source, "kind": "given", "split": split,
            }  # fmt: skip


def lengthened(examples: list[Example], rng: random.Random, share: dict[str, float]) -> Iterator[Example]:
    """Yield examples whose short evidence stands among other evidence of the same source; labels stay the same."""
    pools: dict[str, list[str]] = defaultdict(list)
    words: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for example in examples:
        pools[example["source"]].append(example["passages"][0])
    for source, found in pools.items():
        pools[source] = sorted({p for p in found if len(p.split()) < 150})
        for i, passage in enumerate(pools[source]):
            for word in set(re.findall(r"[A-Za-z]{4,}", passage)):
                words[source][word.lower()].append(i)
    for example in examples:
        source, passage = example["source"], example["passages"][0]
        if rng.random() >= share.get(source, 0) or len(passage.split()) > 70:
            continue
        room = rng.choice([60, 100, 150, 220]) - len(passage.split())
        around = [passage]
        tokens = re.findall(r"[A-Za-z]{4,}", example["claim"] + " " + passage)
        while room > 0:
            near = words[source].get(rng.choice(tokens).lower(), []) if tokens and rng.random() < 0.7 else []
            other = pools[source][rng.choice(near if 0 < len(near) < 400 else range(len(pools[source])))]
            # Evidence that may itself support the claim would make the label wrong.
            if other not in around and shared_word_share(example["claim"], other) < 0.5:
                around.insert(rng.randint(0, len(around)), other)
            room -= max(10, len(other.split()))
        if len(around) > 1:
            yield example | {"passages": around, "kind": "lengthened"}


def shared_word_share(claim: str, passage: str) -> float:
    """Return the share of the claim's words of four letters or more that occur in the passage."""
    own = {w.lower() for w in re.findall(r"\w{4,}", claim)}
    return len(own & {w.lower() for w in re.findall(r"\w{4,}", passage)}) / max(1, len(own))


def passages_of(text: str, rng: random.Random) -> list[list[str]]:
    """Split a document into passages of 60 to 220 words, each a list of its sentences."""
    passages: list[list[str]] = [[]]
    size, goal = 0, rng.randint(70, 220)
    for start, end in split_sentences(text):
        passages[-1].append(text[start:end])
        size += len(text[start:end].split())
        if size > goal:
            passages.append([])
            size, goal = 0, rng.randint(70, 220)
    return [p for p in passages if len(p) >= 3]


def usable(sentence: str) -> bool:
    """Tell whether a sentence can serve as a claim out of context."""
    n = len(sentence.split())
    return (
        7 <= n <= 45
        and sentence[0].isupper()
        and sentence.rstrip()[-1] in '.!?"”'
        and not re.match(
            r"(?:He|She|It|They|This|These|Those|That|His|Her|Their|Its|But|And|So|I|We|You|Table|Figure)\b", sentence
        )
    )


def made(documents: dict[str, list[list[list[str]]]], rng: random.Random, a_passage: int) -> Iterator[Example]:
    """Yield claims made from passages: kept, shortened, corrupted, joined, and paired with other evidence."""
    for source, docs in documents.items():
        everything = [s for doc in docs for p in doc for s in p if usable(s)]
        for doc in docs:
            for passage in doc:
                own = [s for s in passage if usable(s)]
                elsewhere = [s for p in doc if p is not passage for s in p if usable(s)] or everything
                text = " ".join(passage)
                names = [m.group() for m in corrupt.NAME_PATTERN.finditer(text) if m.start() > 0]
                for sentence in rng.sample(own, min(a_passage, len(own))):
                    for kind, label, claim, evidence in _variants(
                        sentence, passage, own, elsewhere, everything, names, rng
                    ):
                        yield {
                            "claim": claim,
                            "passages": [evidence],
                            "label": label,
                            "source": source,
                            "kind": kind,
                            "split": "passage",
                        }


def _variants(
    sentence: str,
    passage: list[str],
    own: list[str],
    elsewhere: list[str],
    everything: list[str],
    names: list[str],
    rng: random.Random,
) -> Iterator[tuple[str, str, str, str]]:
    text = " ".join(passage)
    true = (corrupt.shorten(sentence, rng) if rng.random() < 0.7 else None) or sentence
    yield ("kept" if true == sentence else "shortened"), "full", true, text
    kinds = rng.sample(sorted(corrupt.CORRUPTIONS), 2)
    for kind in kinds:
        if false := corrupt.CORRUPTIONS[kind](true, rng):
            yield kind, "refuted", false, text
    strangers = [
        m.group()
        for s in rng.sample(everything, min(5, len(everything)))
        for m in corrupt.NAME_PATTERN.finditer(s)
        if m.start() > 0
    ]
    if rng.random() < 0.4 and (false := corrupt.name(true, rng, names if rng.random() < 0.5 else strangers)):
        yield "name", "refuted", false, text
    if rng.random() < 0.2 and (false := corrupt.detail(true, rng)):
        yield "detail", "partial", false, text
    if rng.random() < 0.4 and (false := corrupt.overclaim(true, rng)):
        yield "overclaim", "partial", false, text
    if rng.random() < 0.35:
        yield "removed", "unrelated", true, " ".join(s for s in passage if s != sentence)
    if rng.random() < 0.5 and elsewhere:
        other = rng.choice(elsewhere)
        if other not in text and shared_word_share(other, text) < 0.7:
            yield "elsewhere", "unrelated", other, text
            if rng.random() < 0.6:
                yield "half", "partial", two(true, other, rng), text
    if rng.random() < 0.3 and len(own) > 1:
        yield "joined", "full", two(true, rng.choice([s for s in own if s != sentence] or own), rng), text


def two(first: str, second: str, rng: random.Random) -> str:
    """Join two sentences into one claim, in random order."""
    first, second = (first, second) if rng.random() < 0.5 else (second, first)
    if rng.random() < 0.5:
        return f"{first} {second}"
    head = second[0] if second[:2].isupper() or rng.random() < 0.5 else second[0].lower()
    return f"{first.rstrip('. ')}, {rng.choice(['and', 'while', 'and'])} {head}{second[1:]}"


def from_given(examples: list[Example], rng: random.Random, share: dict[str, float]) -> Iterator[Example]:
    """Yield corruptions of claims that paraphrase their evidence, and pairs of claims joined into one."""
    by_passage: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        if example["label"] == "full":
            by_passage[example["passages"][0]].append(example["claim"])
    by_source: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_source[example["source"]].append(example)
    for example in examples:
        source, text, claim = example["source"], example["passages"][0], example["claim"]
        if example["label"] != "full" or rng.random() >= share.get(source, 0):
            continue
        base = {"passages": example["passages"], "source": source, "split": "made"}
        names = [m.group() for m in corrupt.NAME_PATTERN.finditer(text)]
        strangers = [
            m.group() for e in rng.sample(by_source[source], 4) for m in corrupt.NAME_PATTERN.finditer(e["passages"][0])
        ]
        kind = rng.choice(["number", "role", "negation", "opposite", "name"])
        false = (
            corrupt.name(claim, rng, names if rng.random() < 0.5 else strangers)
            if kind == "name"
            else corrupt.CORRUPTIONS[kind](claim, rng)
        )
        if false:
            yield base | {"claim": false, "label": "refuted", "kind": kind}
        other = rng.choice(by_source[source])["claim"]
        if other not in by_passage[text] and shared_word_share(other, text) < 0.5:
            if rng.random() < 0.3:
                yield base | {"claim": two(claim, other, rng), "label": "partial", "kind": "half"}
            if rng.random() < 0.15:
                yield base | {"claim": other, "label": "unrelated", "kind": "elsewhere"}
        siblings = [c for c in by_passage[text] if c != claim]
        if siblings and rng.random() < 0.4:
            yield base | {"claim": two(claim, rng.choice(siblings), rng), "label": "full", "kind": "joined"}


def documents_of(examples: list[Example], corpora: list[Path], rng: random.Random) -> dict[str, list[list[list[str]]]]:
    """Return long evidence and whole corpora by source, as documents of passages of sentences."""
    texts: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        text = example["passages"][0]
        if example["split"] == "train" and len(text.split()) >= 70:
            texts[example["source"]].add(text)
    for path in corpora:
        if path.suffix == ".jsonl":
            rows = [json.loads(line)["text"] for line in path.read_text().splitlines()]
            texts[path.stem if path.stem != "corpus" else path.parent.name] |= set(
                rng.sample(rows, min(1500, len(rows)))
            )
        else:
            plain = re.sub(r"\[\^?\d+\](?::.*)?|[*_#>]+", "", path.read_text())
            texts[path.stem].add(plain)
    return {source: [passages_of(text, rng) for text in sorted(found)] for source, found in sorted(texts.items())}


def main() -> None:
    """Write the examples and print the number of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="directory of train_*.jsonl and tune_*.jsonl")
    parser.add_argument(
        "--corpus", type=Path, action="append", default=[], help="Markdown or JSONL to make examples from"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    examples = list(given(args.pairs, rng))
    train = [e for e in examples if e["split"] == "train"]
    rest = list(lengthened(train, rng, {"fever": 0.5, "snli": 0.25, "begin": 0.5, "scifact": 0.6}))
    rest += from_given(
        train, rng, {"fever": 0.35, "snli": 0.15, "begin": 0.7, "factcg": 1, "scifact": 1, "summedits": 0.5}
    )
    documents = documents_of(examples, args.corpus, rng)
    for source, docs in documents.items():
        size = sum(len(doc) for doc in docs)
        rest += rng.sample(found := list(made({source: docs}, rng, 2)), min(len(found), 4500))
        print(f"{source}: {size} passages")
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    with args.out.open("w") as out:
        for example in examples + rest:
            counts[example["kind"], example["source"], example["label"]] += 1
            out.write(json.dumps(example, ensure_ascii=False) + "\n")
    for key, n in sorted(counts.items()):
        print(*key, n)
    print("examples", len(examples) + len(rest))


if __name__ == "__main__":
    main()
