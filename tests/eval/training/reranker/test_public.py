"""Collections from public sets, each in its own format."""

from __future__ import annotations

import json
from pathlib import Path

from rag.eval.training.reranker.public import read_medquad, read_pubmedqa, read_squad


def test_a_question_in_squads_format_names_the_place_of_its_answer(tmp_path: Path) -> None:
    context = "The bridge was opened in 1932."
    questions = [
        {"id": "q1", "question": "When was it opened?", "answers": [{"text": "1932", "answer_start": 25}]},
        {"id": "q2", "question": "Who built it?", "answers": []},
    ]
    article = {"title": "Harbour_Bridge", "paragraphs": [{"context": context, "qas": questions}]}
    path = tmp_path / "small.json"
    path.write_text(json.dumps({"data": [article]}))
    found = read_squad([path])
    assert [document.title for document in found.documents] == ["Harbour Bridge"]
    (query,) = found.queries
    ((start, end),) = query.judgements[0].spans
    assert context[start:end] == "1932"
    assert query.judgements[0].document == found.documents[0].id


def test_an_abstract_answers_the_title_of_its_paper(tmp_path: Path) -> None:
    row = {"QUESTION": "Does it help?", "CONTEXTS": ["We tried.", "It helped."], "LONG_ANSWER": "It helps."}
    path = tmp_path / "pqal.json"
    path.write_text(json.dumps({"12": row}))
    found = read_pubmedqa(path)
    assert (found.documents[0].text, found.documents[0].title) == ("We tried. It helped. It helps.", "")
    assert (found.queries[0].text, found.queries[0].judgements[0].document) == ("Does it help?", "12")


def test_answers_on_one_disease_are_a_document_and_long_ones_are_not_asked_for(tmp_path: Path) -> None:
    long = " ".join(["word"] * 300)
    pairs = "".join(
        f"<QAPair><Question>{question}</Question><Answer>{answer}</Answer></QAPair>"
        for question, answer in (("What is X ?", "X is  a\nfever."), ("How is X treated ?", long), ("Why ?", ""))
    )
    (tmp_path / "1_Gov").mkdir()
    (tmp_path / "1_Gov" / "1.xml").write_text(
        f"<Document><Focus>X</Focus><QAPairs>{pairs}</QAPairs></Document>", encoding="utf-8"
    )
    (tmp_path / "1_Gov" / "2.xml").write_text("<Document><Focus>Y</Focus></Document>", encoding="utf-8")
    found = read_medquad(tmp_path)
    (document,) = found.documents
    assert (document.title, document.text) == ("X", f"X is a fever.\n\n{long}\n\n")
    (query,) = found.queries
    ((start, end),) = query.judgements[0].spans
    assert (query.text, document.text[start:end]) == ("What is X ?", "X is a fever.")
