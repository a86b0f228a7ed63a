"""What a model costs: the prices packaged with ``genai-prices`` (MIT), and a file of the user's own laid over them.

The packaged prices are read from the installed package; nothing is downloaded. The file, which ``CITEBRIEF_PRICES``
names, is ``{"models": {"gpt-4.1-mini": {"prompt": 0.4, "cached": 0.1, "completion": 1.6}}}``, in US dollars per million
tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import UsageError

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

PROSE_RATIO = 1.08
"""Tokens of a GPT model for each token of MiniLM, whose tokenizer needs no download, in prose.

Measured with o200k_base on 26 texts of the corpus and the prompts (0.92 to 1.14).
"""

_KINDS = ("prompt", "cached", "completion")
_UNLISTED_FEES = ("requests_kcount",)
"""Prices by which a call costs more than its tokens. A model that has one counts as a model without a price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per million tokens of the prompt, of the part of it that the provider has cached, and of the reply.

    Some providers charge more for long prompts, from 200,000 tokens or so. ``highest_prompt`` and
    ``highest_completion`` are the prices of the highest such tier; with 0 there are no tiers.
    """

    prompt: float
    cached: float
    completion: float
    highest_prompt: float = 0.0
    highest_completion: float = 0.0

    def cost(self, tokens: Mapping[str, int]) -> float:
        """Return the cost in US dollars of ``tokens`` at the lowest tier, which is that of the prompts sent here.

        Args:
            tokens: counts of ``prompt`` tokens (the cached ones included), ``cached`` and ``completion`` tokens.
        """
        cached = tokens.get("cached", 0)
        uncached = tokens.get("prompt", 0) - cached
        return (uncached * self.prompt + cached * self.cached + tokens.get("completion", 0) * self.completion) / 1e6

    def bound(self, prompt: int, completion: int) -> float:
        """Return the most that so many tokens can cost in US dollars, at the highest tier and whatever is cached."""
        highest_prompt = max(self.prompt, self.cached, self.highest_prompt)
        return (prompt * highest_prompt + completion * max(self.completion, self.highest_completion)) / 1e6


FREE = Rates(prompt=0.0, cached=0.0, completion=0.0)


def find_rates(model: str, prices_file: Path | None = None, base_url: str | None = None) -> Rates | None:
    """Return the rates of ``model``, or None if its price is unknown.

    Args:
        model: the name that requests give.
        prices_file: a file whose entries take precedence over the packaged prices.
        base_url: the server's base URL. A provider known by it is looked up first, then OpenAI.

    Raises:
        UsageError: the file cannot be read, or is not laid out as described above.
    """
    if prices_file and (rates := _read_prices(prices_file).get(model)):
        return rates
    info = _packaged_model(model, base_url)
    if info is None:
        return None
    return _packaged_rates(info)


def _packaged_model(model: str, base_url: str | None) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    for url, provider in ((base_url, None), (None, "openai")):
        if url or provider:
            try:
                return get_snapshot().find_provider_model(model, None, provider, url)[1]
            except LookupError:
                continue
    return None


def _packaged_rates(info: ModelInfo) -> Rates | None:
    """Return the rates of a packaged entry, or None if it has no price by tokens alone.

    A model without a price for its output (an embedding model) has none to charge.
    """
    price = _dearest(info)
    prompt, cached = _lowest(price.input_mtok), _lowest(price.cache_read_mtok)
    if prompt is None or any(getattr(price, name) is not None for name in _UNLISTED_FEES):
        return None
    return Rates(
        prompt=prompt,
        cached=prompt if cached is None else cached,
        completion=_lowest(price.output_mtok) or 0.0,
        highest_prompt=max(_highest(price.input_mtok), _highest(price.cache_write_mtok)),
        highest_completion=_highest(price.output_mtok),
    )


def _dearest(info: ModelInfo) -> ModelPrice:
    """Return the prices in force, or those of another time of day if they are higher: a batch may run until then."""
    from genai_prices.types import TimeOfDateConstraint

    prices = info.prices if isinstance(info.prices, list) else []
    other_times = [each.prices for each in prices if isinstance(each.constraint, TimeOfDateConstraint)]
    return max([info.get_prices(datetime.now(UTC)), *other_times], key=lambda price: _highest(price.input_mtok))


def _lowest(price: Any) -> float | None:
    """Return the price of the lowest tier, or None if there is no price."""
    return None if price is None else float(getattr(price, "base", price))


def _highest(price: Any) -> float:
    """Return the price of the highest tier, or 0 if there is no price."""
    tiers = [tier.price for tier in getattr(price, "tiers", ())]
    return float(max([getattr(price, "base", price) or 0, *tiers]))


def _read_prices(path: Path) -> dict[str, Rates]:
    try:
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
        return {name: _parse_rates(name, rates) for name, rates in models.items()}
    except OSError as error:
        raise UsageError(f"the price table {path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except UsageError as error:
        raise UsageError(f"the price table {path}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        layout = '{"models": {"NAME": {"prompt": 0.4, "cached": 0.1, "completion": 1.6}}}'
        raise UsageError(f"the price table {path} is not laid out as {layout}") from None


def _parse_rates(model: str, rates: Any) -> Rates:
    if not isinstance(rates, dict) or set(rates) != set(_KINDS):
        raise UsageError(f"{model} needs exactly {', '.join(_KINDS)}, in US dollars per million tokens")
    for kind in _KINDS:
        if isinstance(rates[kind], bool) or not isinstance(rates[kind], int | float) or not 0 <= rates[kind] < 1e6:
            raise UsageError(f"{model}: {kind} is no price in US dollars per million tokens: {rates[kind]!r}")
    return Rates(**{kind: float(rates[kind]) for kind in _KINDS})
