"""What a model costs: the packaged table ``rag/prices.json``, and a file of one's own laid over it.

A file has the table's shape: ``{"models": {"gpt-4.1-mini": {"prompt": 0.4, "cached": 0.1, "completion": 1.6}}}``, in US
dollars per million tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from rag.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per million tokens of the prompt, of the part of it that the provider has cached, and of the reply."""

    prompt: float
    cached: float
    completion: float

    def cost(self, tokens: Mapping[str, int]) -> float:
        """US dollars for ``tokens``: ``prompt`` (which counts the cached ones too), ``cached`` and ``completion``."""
        cached = tokens.get("cached", 0)
        fresh = tokens.get("prompt", 0) - cached
        return (fresh * self.prompt + cached * self.cached + tokens.get("completion", 0) * self.completion) / 1e6

    def bound(self, prompt: int, completion: int) -> float:
        """US dollars that at most ``prompt`` and ``completion`` tokens cost, whatever the provider has cached."""
        return (prompt * max(self.prompt, self.cached) + completion * self.completion) / 1e6


FREE = Rates(prompt=0.0, cached=0.0, completion=0.0)


def price(model: str, own: Path | None = None) -> Rates | None:
    """The rates of ``model``, from the file ``own`` if that has it, else from the table; None if neither has it.

    Raises:
        UsageError: ``own`` cannot be read, or is not laid out as the table is.
    """
    found = _models(own).get(model) if own else None
    return found or _models(files("rag.llm") / "prices.json").get(model)


def _models(path: Any) -> dict[str, Rates]:
    try:
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
        return {name: _rates(name, rates) for name, rates in models.items()}
    except OSError as error:
        raise UsageError(f"the price table {path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except UsageError as error:
        raise UsageError(f"the price table {path}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        shape = '{"models": {"NAME": {"prompt": 0.4, "cached": 0.1, "completion": 1.6}}}'
        raise UsageError(f"the price table {path} is not laid out as {shape}") from None


def _rates(model: str, rates: Any) -> Rates:
    kinds = ("prompt", "cached", "completion")
    if not isinstance(rates, dict) or set(rates) != set(kinds):
        raise UsageError(f"{model} needs just {', '.join(kinds)}, in US dollars per million tokens")
    for kind in kinds:
        if isinstance(rates[kind], bool) or not isinstance(rates[kind], int | float) or not 0 <= rates[kind] < 1e6:
            raise UsageError(f"{model}: {kind} is no price in US dollars per million tokens: {rates[kind]!r}")
    return Rates(**{kind: float(rates[kind]) for kind in kinds})
