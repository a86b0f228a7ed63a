"""The report of a check as text for people and as JSON for programs."""

from __future__ import annotations

import json

from briefs import COMMITTEE, REPORT, quote

from rag.check.report import CheckedClaim, CheckReport, report_json, report_text
from rag.types import Claim, Support, Verdict


def verdict(support: Support | None, reason: str = "") -> Verdict:
    return Verdict(support=support, score=0.5, judge="rule", reason=reason)


REPORTED = CheckReport(
    judge="rule",
    checked=(
        CheckedClaim(claim=Claim(text="The tower was not built.", citations=("1",)), verdict=verdict("full")),
        CheckedClaim(
            claim=Claim(text="It was built in 2017.", citations=("1", "2"), where="Conclusion"),
            verdict=verdict("none", "no cited passage has 2017"),
            quotes=(quote(REPORT, "The project was not built"),),
            better=COMMITTEE,
        ),
        CheckedClaim(claim=Claim(text="It rained.", citations=()), verdict=verdict(None, "gone.pdf: no such file")),
        CheckedClaim(claim=Claim(text="Talks ended.", citations=("1",)), verdict=verdict("full")),
    ),
)


def test_the_text_lists_what_is_not_supported_with_the_reason_and_counts_the_rest() -> None:
    assert report_text(REPORTED).splitlines() == [
        "none  It was built in 2017. [1][2]",
        "    Conclusion: no cited passage has 2017",
        "    nearest: “The project was not built”",
        f"    better: {COMMITTEE.id} (Senate committee, volume 5 › Findings)",
        "",
        "unscored  It rained. no citation",
        "    gone.pdf: no such file",
        "",
        "2 of 4 sentences are fully supported by what they cite (50.0 %).",
    ]


def test_the_json_has_every_sentence_and_the_counts() -> None:
    content = json.loads(report_json(REPORTED, "brief.md", 0.9))
    assert list(content) == [
        "brief", "judge", "n", "full", "partial", "none", "unscored", "share", "min_support", "unresolved",
        "sentences",
    ]  # fmt: skip
    counts = ("n", "full", "partial", "none", "unscored", "share", "min_support")
    assert [content[name] for name in counts] == [4, 2, 0, 1, 1, 0.5, 0.9]
    assert [row["support"] for row in content["sentences"]] == ["full", "none", None, "full"]
    assert content["sentences"][1]["better"] == COMMITTEE.id
    assert content["sentences"][1]["quotes"][0]["chunk_id"] == REPORT.id


def test_an_unscored_claim_counts_as_not_supported() -> None:
    assert (REPORTED.full, REPORTED.share) == (2, 0.5)


def test_citations_that_lead_nowhere_are_counted_and_named() -> None:
    report = CheckReport(
        judge="rule",
        listed=frozenset({"1"}),
        checked=tuple(
            CheckedClaim(claim=Claim(text="It rained.", citations=keys), verdict=verdict("none", "no source"))
            for keys in (("1",), ("Hale, 1931",), ("1", "Hale, 1931"), ("7",))
        ),
    )
    assert report.unresolved == {"Hale, 1931": 2, "7": 1}
    assert json.loads(report_json(report, "b.md", 1.0))["unresolved"] == report.unresolved
    assert "lead to no source of the brief: 2: [Hale, 1931] (in 2 sentences), [7]" in report_text(report)
