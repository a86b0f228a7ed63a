"""PaperQA's citation keys as numbers."""

from __future__ import annotations

import pytest

from rag.eval.bench.peers.paperqa_docs import number_keys

KEYS = ["pqac-0000000a", "pqac-0000000b"]


@pytest.mark.parametrize(
    ("written", "numbered"),
    [
        ("It opened in 1914 (pqac-0000000b).", "It opened in 1914 [2]."),
        ("It opened (pqac-0000000a, pqac-0000000b).", "It opened [1][2]."),
        ("It opened (pqac-0000000a pqac-0000000a).", "It opened [1]."),
        ("It opened (in 1914).", "It opened (in 1914)."),
    ],
)
def test_keys_in_parentheses_become_numbers(written: str, numbered: str) -> None:
    assert number_keys(written, KEYS) == numbered


def test_a_key_that_was_not_sent_cites_nothing() -> None:
    assert number_keys("It opened (pqac-ffffffff).", KEYS) == "It opened [3]."
