"""What a model costs, from the packaged table and from one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.config import load_settings
from rag.errors import UsageError
from rag.llm.model import Model, resolve
from rag.llm.pricing import FREE, Rates, price

RATES = {"prompt": 1.0, "cached": 0.5, "completion": 2.0}


def test_a_file_of_ones_own_is_laid_over_the_table(tmp_path: Path) -> None:
    own = tmp_path / "prices.json"
    own.write_text(json.dumps({"models": {"home-made": RATES, "gpt-4.1": RATES}}))
    assert price("home-made") is None
    assert price("home-made", own) == price("gpt-4.1", own) == Rates(**RATES)
    assert price("gpt-4o", own) == price("gpt-4o")


def test_the_setting_prices_a_model_that_the_table_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prices.json").write_text(json.dumps({"models": {"home-made": RATES}}))
    monkeypatch.setenv("CITEBRIEF_PRICES", "prices.json")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    settings = load_settings()
    choice = resolve("openai:home-made", settings)
    assert "about $0.016 a brief" in choice.why  # 9,000 tokens at $1, 3,500 at $2
    with Model(choice, settings) as model:
        model.tokens.update(prompt=1_000_000, cached=400_000, completion=100_000)
        assert model.cost == pytest.approx(0.6 + 0.2 + 0.2)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "not laid out"),
        ("[]", "not laid out"),
        ('{"models": []}', "not laid out"),
        ('{"models": {"m": 3}}', "m needs just prompt, cached, completion"),
        ('{"models": {"m": {"prompt": 1, "completion": 1}}}', "m needs just prompt, cached, completion"),
        ('{"models": {"m": {"prompt": "1", "cached": 1, "completion": 1}}}', "m: prompt is no price"),
        ('{"models": {"m": {"prompt": 1, "cached": -1, "completion": 1}}}', "m: cached is no price"),
        ('{"models": {"m": {"prompt": 1, "cached": 1, "completion": NaN}}}', "m: completion is no price"),
    ],
)
def test_a_file_that_is_no_price_table_is_told_in_a_line_that_names_it(text: str, named: str, tmp_path: Path) -> None:
    own = tmp_path / "prices.json"
    own.write_text(text)
    with pytest.raises(UsageError, match=named) as caught:
        price("gpt-4.1", own)
    assert "prices.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json cannot be read: no such file"):
        price("gpt-4.1", tmp_path / "none.json")


def test_a_bound_takes_every_token_for_the_dearer_kind() -> None:
    rates = Rates(prompt=1.0, cached=3.0, completion=2.0)
    assert rates.bound(10, 5) == pytest.approx(40e-6)
    assert rates.bound(10, 5) >= rates.cost({"prompt": 10, "cached": 10, "completion": 5})
    assert FREE.bound(10**6, 10**6) == 0
