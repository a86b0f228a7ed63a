"""One purse for every worker of a Ray cluster: an actor beside the caller keeps it, and the caller notes what is paid.

So a budget holds across the workers as it does in one process: what a call can cost at most is set aside before the
call goes out, wherever that is. What a worker had set aside when it died counts as spent, for its calls may be billed.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any

from rag.errors import BudgetSpent, ModelLost
from rag.llm import Budget

if TYPE_CHECKING:
    from rag.llm import Rates

HEARD = 1_000
"""Messages that wait for the caller at the most; older ones are dropped."""

WAITING = "waiting"
"""The threads of the actor in which :meth:`Keeper.reserve` runs: others have to be free, for what it waits for."""

AT_HAND = 8
"""The threads for all else, which never waits."""


class BudgetActor:
    """What runs in the actor. Its methods overlap in threads: :meth:`reserve` waits as :meth:`Purse.reserve` does."""

    def __init__(self, budget_usd: float | None, rates: Rates | None, spent: float) -> None:
        self._paid: list[float] = []
        self._said: deque[tuple[str, str]] = deque(maxlen=HEARD)
        self._budget = Budget(budget_usd, rates, spent=spent, on_paid=self._paid.append)
        self._held: defaultdict[str, Counter[float]] = defaultdict(Counter)
        self._gone: set[str] = set()
        self._lock = threading.Lock()

    def reserve(self, worker: str, most: float) -> str:
        """Why ``most`` dollars cannot be set aside for ``worker``, or nothing."""
        try:
            self._budget.reserve(most)
        except BudgetSpent as error:
            return str(error)
        with self._lock:
            if worker not in self._gone:
                self._held[worker][most] += 1
                return ""
        self._budget.settle(most, 0.0)  # it died while it waited
        return "the worker is gone"

    def settle(self, worker: str, most: float, actual: float) -> None:
        """See :meth:`Purse.settle`."""
        with self._lock:
            if not self._held[worker][most]:
                return  # it was taken for dead, and this written off
            self._held[worker][most] -= 1
        self._budget.settle(most, actual)

    def write_off(self, worker: str) -> None:
        """Spend all that is set aside for ``worker``, which is gone."""
        with self._lock:
            self._gone.add(worker)
            lost = list(self._held.pop(worker, Counter[float]()).elements())
        for most in lost:
            self._budget.settle(most, most)

    def say(self, question: str, message: str) -> None:
        """Tell the caller why the question of this id has to wait; without an id, what is to be logged."""
        self._said.append((question, message))

    def news(self) -> tuple[list[float], list[tuple[str, str]]]:
        """The sums that were paid and the messages that came since the last time."""
        paid, said = len(self._paid), len(self._said)
        found = self._paid[:paid], [self._said.popleft() for _ in range(said)]
        del self._paid[:paid]
        return found


class SharedBudget(Budget):
    """A worker's hand in the purse that ``keeper``, the actor's handle, keeps. ``worker`` is its name there."""

    def __init__(self, actor: Any, worker: str, rates: Rates | None) -> None:
        super().__init__(None, rates)
        self._keeper = actor
        self._worker = worker

    def reserve(self, most: float) -> None:
        """See :meth:`Purse.reserve`.

        Raises:
            BudgetSpent: it does not fit.
            ModelLost: nobody keeps the purse any more.
        """
        if not most:
            return
        if why := _told(self._keeper.reserve.options(concurrency_group=WAITING).remote(self._worker, most)):
            raise BudgetSpent(why)

    def settle(self, most: float, actual: float) -> None:
        """See :meth:`Purse.settle`.

        Raises:
            ModelLost: nobody keeps the purse any more.
        """
        if most:
            _told(self._keeper.settle.remote(self._worker, most, actual))


class BudgetClient:
    """The caller's side: starts the actor on this node, and passes on to ``purse`` what the workers pay.

    ``calls`` of the workers can wait for room at a time, those of dead workers among them; more stand in line.
    """

    def __init__(self, budget: Budget, *, calls: int) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        threads: dict[str, Any] = {"concurrency_groups": {WAITING: calls}, "max_concurrency": AT_HAND}
        actor: Any = ray.remote(num_cpus=0, **threads)(BudgetActor)
        self._budget = budget
        self.actor: Any = actor.options(scheduling_strategy=here).remote(budget.budget_usd, budget.rates, budget.spent)

    def write_off(self, worker: str) -> None:
        """Count what ``worker`` had set aside as spent: it is gone.

        Raises:
            ModelLost: so is the actor.
        """
        _told(self.actor.write_off.remote(worker))

    def heard(self) -> list[tuple[str, str]]:
        """Note what was paid by now; what was said of which question, by id.

        Raises:
            CitebriefError: the sums cannot be noted, or the actor is gone (a ModelLost): no budget could be kept.
        """
        paid, said = _told(self.actor.news.remote())
        for dollars in paid:
            self._budget.reserve(0.0)
            self._budget.settle(0.0, dollars)
        return list(said)

    def close(self) -> None:
        """End the actor."""
        import ray

        ray.kill(self.actor)


def _told(reference: Any) -> Any:
    import ray
    from ray.exceptions import RayError

    try:
        return ray.get(reference)
    except RayError as error:
        raise ModelLost(f"the purse of this run cannot be reached: {type(error).__name__}") from error
