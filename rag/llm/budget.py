"""A spending limit in US dollars, shared by all briefs of a batch and safe for threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rag.errors import BudgetSpent, UsageError

if TYPE_CHECKING:
    from rag.llm.pricing import Rates


def missing_price(model: str) -> UsageError:
    """Return the error for a budget that cannot be held because the price of ``model`` is unknown."""
    return UsageError(
        f"a budget needs a price, and that of {model} is not in the price table: put it into a JSON file, "
        '{"models": {"NAME": {"prompt": 0.4, "cached": 0.1, "completion": 1.6}}} in US dollars per million '
        "tokens, and name the file with CITEBRIEF_PRICES"
    )


class Budget:
    """A limit in US dollars that calls cannot exceed.

    The most that a call can cost is reserved before it is sent, and settled afterwards at what it did cost, so that
    ``spent + reserved <= budget_usd`` at any moment. A call that would fit but for the reservations of others waits
    until they settle; a call that does not fit even then is not made. What remains in the end is less than the bound of
    one call.

    Args:
        budget_usd: the limit; None is no limit.
        rates: the chat model's prices, which :meth:`cost` uses; None if they are unknown.
        spent: what was spent before, as in a run that is resumed.
        model: the model's name, for messages.
        on_paid: called with each sum as it is spent, by one thread at a time.

    Raises:
        UsageError: there is a limit and no price to hold it by.
    """

    def __init__(
        self,
        budget_usd: float | None,
        rates: Rates | None,
        *,
        spent: float = 0.0,
        model: str = "the model",
        on_paid: Callable[[float], None] = lambda _: None,
    ) -> None:
        if budget_usd is not None and rates is None:
            raise missing_price(model)
        self.budget_usd = budget_usd
        self.rates = rates
        self.spent = spent
        self.reserved = 0.0
        self._on_paid = on_paid
        self._in_flight = 0
        self._changed = threading.Condition()

    def cost(self, tokens: Mapping[str, int]) -> float | None:
        """Return the cost of ``tokens`` in US dollars, or None if the price is unknown."""
        return self.rates.cost(tokens) if self.rates else None

    def reserve(self, most: float) -> None:
        """Reserve ``most`` dollars, waiting for other calls to settle if need be. Follow it by :meth:`settle`.

        Raises:
            BudgetSpent: the sum does not fit; nothing is reserved.
        """
        with self._changed:
            while self.budget_usd is not None and most and self.spent + self.reserved + most > self.budget_usd:
                if self.spent + most > self.budget_usd:
                    raise BudgetSpent(
                        f"the budget of ${self.budget_usd:g} has ${self.budget_usd - self.spent:.4f} left, "
                        f"and the next call may cost ${most:.4f}: it was not made"
                    )
                self._changed.wait()
            self.reserved += most
            self._in_flight += 1

    def settle(self, most: float, actual: float) -> None:
        """Release the ``most`` dollars that were reserved, and spend ``actual`` of them."""
        with self._changed:
            self._in_flight -= 1
            # Without calls in flight nothing is reserved, whatever the rounding left.
            self.reserved = self.reserved - most if self._in_flight else 0.0
            self.spent += actual
            self._changed.notify_all()
            if actual:
                self._on_paid(actual)
