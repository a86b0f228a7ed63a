"""What a model costs, by the packaged prices and the user's file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rag.config import load_settings
from rag.errors import UsageError
from rag.llm import FREE, ChatClient, Rates, find_rates, resolve

RATES = {"prompt": 1.0, "cached": 0.5, "completion": 2.0}


def test_the_users_file_takes_precedence_over_the_packaged_prices(tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"models": {"home-made": RATES, "gpt-4.1": RATES}}))
    assert find_rates("home-made") is None
    assert find_rates("home-made", prices) == find_rates("gpt-4.1", prices) == Rates(**RATES)
    assert find_rates("gpt-4o", prices) == find_rates("gpt-4o") is not None


def test_the_setting_prices_a_model_without_a_packaged_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prices.json").write_text(json.dumps({"models": {"home-made": RATES}}))
    monkeypatch.setenv("CITEBRIEF_PRICES", "prices.json")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    settings = load_settings()
    choice = resolve("openai:home-made", settings)
    assert "about $0.044 a brief" in choice.why  # 38,000 tokens at $1, 3,000 at $2
    with ChatClient(choice, settings) as model:
        model.tokens.update(prompt=1_000_000, cached=400_000, completion=100_000)
        assert model.cost == pytest.approx(0.6 + 0.2 + 0.2)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "not laid out"),
        ("[]", "not laid out"),
        ('{"models": []}', "not laid out"),
        ('{"models": {"m": 3}}', "m needs exactly prompt, cached, completion"),
        ('{"models": {"m": {"prompt": 1, "completion": 1}}}', "m needs exactly prompt, cached, completion"),
        ('{"models": {"m": {"prompt": "1", "cached": 1, "completion": 1}}}', "m: prompt is no price"),
        ('{"models": {"m": {"prompt": 1, "cached": -1, "completion": 1}}}', "m: cached is no price"),
        ('{"models": {"m": {"prompt": 1, "cached": 1, "completion": NaN}}}', "m: completion is no price"),
    ],
)
def test_a_malformed_file_is_a_usage_error_of_one_line_that_names_it(text: str, named: str, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(text)
    with pytest.raises(UsageError, match=named) as caught:
        find_rates("gpt-4.1", prices)
    assert "prices.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json cannot be read: no such file"):
        find_rates("gpt-4.1", tmp_path / "none.json")


def test_the_bound_prices_every_token_at_the_highest_rate() -> None:
    rates = Rates(prompt=1.0, cached=3.0, completion=2.0)
    assert rates.bound(10, 5) == pytest.approx(40e-6)
    assert rates.bound(10, 5) >= rates.cost({"prompt": 10, "cached": 10, "completion": 5})
    assert FREE.bound(10**6, 10**6) == 0


def test_the_bound_uses_the_highest_tier_and_the_cost_the_lowest() -> None:
    rates = Rates(prompt=1.0, cached=0.1, completion=2.0, highest_prompt=4.0, highest_completion=8.0)
    assert rates.bound(10, 5) == pytest.approx(80e-6)
    assert rates.cost({"prompt": 10, "completion": 5}) == pytest.approx(20e-6)


def test_packaged_prices_have_their_tiers() -> None:
    rates = find_rates("gpt-5.4")
    assert rates is not None
    assert 0 < rates.cached < rates.prompt < rates.highest_prompt
    assert 0 < rates.completion < rates.highest_completion


def test_a_provider_is_recognised_by_its_url() -> None:
    assert find_rates("deepseek-chat") is None
    assert find_rates("deepseek-chat", base_url="https://api.deepseek.com/v1") is not None
    assert find_rates("gpt-4o", base_url="http://127.0.0.1:8000/v1") == find_rates("gpt-4o")


def test_a_model_with_a_fee_per_request_has_no_price_by_tokens() -> None:
    assert find_rates("sonar", base_url="https://api.perplexity.ai") is None


def test_prices_are_read_without_network_or_update_thread() -> None:
    code = (
        "import socket, threading; socket.socket.connect = socket.getaddrinfo = None;"
        "from rag.llm import find_rates; assert find_rates('gpt-4.1-mini'); print(threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
