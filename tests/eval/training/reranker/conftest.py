"""Mined collections in small, and a base model of two layers with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.eval.training.reranker.collection import FULL, HELD_OUT, NONE, TRAIN
from rag.eval.training.reranker.mined import MinedCollection, MinedPassage, MinedQuery, write_mined

COLOURS = dict(
    zip(
        "apple sky grass coal snow sun plum fox".split(),
        "red blue green black white yellow purple brown".split(),
        strict=True,
    )
)


def colours() -> MinedCollection:
    """Questions on the colours of things, each with the passages on all other things as candidates."""
    passages = {
        thing: MinedPassage(id=thing, document=thing, text=f"Colours\nthe {thing} is {colour} as everybody can see")
        for thing, colour in COLOURS.items()
    }
    queries = [
        MinedQuery(
            id=f"colour of {thing}",
            collection="colours",
            text=f"what colour is the {thing}",
            split=split,
            candidates=tuple(sorted(COLOURS, key=lambda other: hash_of(thing + other))),
            scores=tuple(1 - place / 10 for place in range(len(COLOURS))),
            labels={thing: FULL},
            unknown=(),
            relevant={thing: 2},
            by_document=False,
        )
        for thing in COLOURS
        for split in (TRAIN, HELD_OUT)
    ]
    queries.append(
        MinedQuery(
            id="price",
            collection="colours",
            text="what does the apple cost",
            split=TRAIN,
            candidates=("sky", "apple", "fox"),
            scores=(0.9, 0.8, 0.7),
            labels={"apple": NONE},
            unknown=(),
            relevant={},
            by_document=False,
        )
    )
    return MinedCollection(name="colours", queries=queries, passages=passages)


def hash_of(text: str) -> int:
    """A number that is the same in every run."""
    return sum(place * ord(letter) for place, letter in enumerate(text, 7)) % 97


@pytest.fixture(scope="session")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as ``prepare`` writes it, with the collection ``colours``."""
    directory = tmp_path_factory.mktemp("mined")
    write_mined(directory, colours())
    return directory


@pytest.fixture(scope="session")
def base(mined: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a BERT of two layers with random weights, and a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel

    directory = tmp_path_factory.mktemp("base")
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["[PAD]", "[CLS]", "[SEP]", "[UNK]"])
    tokenizer.train([str(path) for path in mined.glob("*.jsonl")], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_truncation(4)  # as in the published file, and to be undone
    tokenizer.save(str(directory / "tokenizer.json"))
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=128, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(directory)
    return directory
