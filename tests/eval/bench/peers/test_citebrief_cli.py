"""A brief's JSON as an answer."""

from __future__ import annotations

from rag.eval.bench.peers.citebrief_cli import answer_of_brief
from rag.eval.bench.peers.interface import Passage


def test_every_printed_sentence_keeps_its_citations() -> None:
    brief = {
        "status": "answered",
        "summary": [{"text": "It opened in 1914.", "citations": ["b"]}],
        "sections": [{"heading": "Water", "sentences": [{"text": "It was flooded.", "citations": ["a", "b"]}]}],
        "conclusion": [],
        "sources": [
            {"chunk_id": "b", "document_id": "canal.txt", "text": "The canal opened in 1914."},
            {"chunk_id": "a", "document_id": "vault.txt", "text": "Water came in."},
        ],
    }
    sent = [Passage(document="vault.txt", text="Water came in."), Passage(document="reef.txt", text="Corals bleach.")]
    answer = answer_of_brief(brief, sent)
    assert answer.sentences == (("It opened in 1914.", (1,)), ("It was flooded.", (2, 1)))
    assert [passage.document for passage in answer.passages] == ["canal.txt", "vault.txt", "reef.txt"]
    assert not answer.declined


def test_a_brief_without_evidence_declines() -> None:
    brief = {"status": "insufficient_evidence", "summary": [], "sections": [], "conclusion": [], "sources": []}
    assert answer_of_brief(brief, []).declined
