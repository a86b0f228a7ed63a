"""A directory of training data in small, and a base model of two layers with random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Row = Mapping[str, Any]

LANDING = ["The ferry sank in May 1921.", "Nine sailors drowned.", "The captain blamed the fog."]
MINUTES = ["The board met on Monday.", "It elected a chair.", "Two members abstained."]
PASSAGES: list[Row] = [
    {"id": "P1", "source": "history: a", "title": "The ferry", "sentences": LANDING},
    {
        "id": "P2",
        "source": "history: b",
        "title": "",
        "sentences": ["The port was rebuilt.", "Trade grew.", "It fell."],
    },
    {"id": "P3", "source": "minutes: c", "title": "Board, May", "sentences": MINUTES},
    {
        "id": "P4",
        "source": "minutes: d",
        "title": "Board, June",
        "sentences": ["The board met again.", "It adjourned."],
    },
]


def pair(passage: str, claim: str, twin: str, needs: Sequence[int], kind: str) -> list[Row]:
    """Return the two rows of a claim and its twin."""
    return [
        {"passage": passage, "claim": claim, "label": "full", "kind": "fuse", "needs": needs},
        {"passage": passage, "claim": twin, "label": "none", "kind": kind, "needs": needs},
    ]


PAIRS: list[Row] = [
    *pair("P1", "The ferry sank with nine sailors.", "The ferry sank with ten sailors.", [1, 2], "number"),
    *pair("P1", "The captain blamed the fog.", "The captain denied the fog.", [3], "opposite"),
    {"passage": "P1", "claim": "A storm sank the ferry.", "label": "partial", "kind": "cause", "needs": []},
    *pair("P2", "Trade grew.", "Trade fell.", [2], "opposite"),
    *pair("P3", "The board elected a chair.", "The board dismissed a chair.", [2], "opposite"),
    *pair("P4", "The board met and adjourned.", "The board met and voted.", [1, 2], "outcome"),
]


def joined(first: str, second: str, claim: str, twin: str) -> list[Row]:
    """Return the two rows of a claim that needs two passages, and its twin."""
    rows = (("full", claim, "J"), ("none", twin, "K"))
    return [
        {"id": f"{key}{first}", "passages": [first, second], "claim": text, "label": label, "kind": "fuse"}
        for label, text, key in rows
    ]


JOINED: list[Row] = [
    *joined("P1", "P2", "The ferry sank and trade grew.", "The ferry sank and trade fell."),
    *joined("P3", "P4", "The board met twice.", "The board met once."),
    *joined("P1", "P3", "The ferry sank and a board met.", "The ferry sank and a board left."),
]
SECTIONS: list[Row] = [
    {
        "id": "S1",
        "collection": "history",
        "evidence": [
            {"title": "The ferry", "heading": "Loss", "text": "The ferry sank."},
            {"title": "The ferry", "heading": "Loss", "text": "Nine drowned."},
            {"title": "The port", "heading": "", "text": "Trade grew."},
        ],
        "sentences": [{"text": "The ferry sank.", "notes": [1]}, {"text": "Trade grew.", "notes": [3]}],
    },
    {
        "id": "S2",
        "collection": "minutes and incidents",
        "evidence": [{"title": "Board", "heading": "May", "text": "The board met."}],
        "sentences": [{"text": "The board met.", "notes": [1]}],
    },
]
SUMMARIES: list[Row] = [
    {"id": "U1", "sections": ["S1", "S2"], "summary": [{"text": "…", "from": [3, 2, 2]}], "conclusion": []}
]
WRITTEN: list[Row] = [
    {"id": "S1.0", "style": "section", "claim": "It sank.", "twin": "It swam.", "label": "none", "kind": "opposite"},
    {"id": "S1.1", "style": "section", "claim": "Trade grew.", "twin": "Trade fell.", "label": "none", "kind": "time"},
    {"id": "S2.0", "style": "section", "claim": "They met.", "twin": "They left.", "label": "none", "kind": "outcome"},
    {
        "id": "U1.summary.0",
        "style": "summary",
        "claim": "Trade grew while the board met.",
        "twin": "Trade fell while the board met.",
        "label": "none",
        "kind": "opposite",
    },
]
PUBLIC: list[Row] = [
    {"claim": f"Claim {number}.", "evidence": f"Evidence {number // 10}.", "label": ("full", "none")[number % 2]}
    for number in range(30)
]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write ``rows`` as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory like DATA, with the written pairs in ``written.jsonl``."""
    directory = tmp_path_factory.mktemp("data")
    write_rows(directory / "prose" / "passages.jsonl", PASSAGES)
    write_rows(directory / "prose" / "pairs.jsonl", PAIRS)
    write_rows(directory / "prose" / "joined.jsonl", JOINED)
    write_rows(directory / "sections" / "sections.jsonl", SECTIONS)
    write_rows(directory / "sections" / "summaries.jsonl", SUMMARIES)
    write_rows(directory / "written.jsonl", WRITTEN)
    for name in ("nli_small", "tune_wice", "tune_scifact"):
        write_rows(directory / "support" / f"{name}.jsonl", PUBLIC)
    return directory


@pytest.fixture(scope="session")
def base(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an MPNet of two layers with random weights, and a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import MPNetConfig, MPNetModel

    directory = tmp_path_factory.mktemp("base")
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.train([str(path) for path in data.rglob("*.jsonl")], trainer)
    tokenizer.enable_truncation(4)  # as in the published file, and to be undone
    tokenizer.save(str(directory / "tokenizer.json"))
    torch.manual_seed(3)
    config = MPNetConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=128, max_position_embeddings=514,
    )  # fmt: skip
    MPNetModel(config).save_pretrained(directory)
    return directory
