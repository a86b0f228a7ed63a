"""One budget for all workers of a Ray cluster, held by an actor on the caller's node.

The budget holds across workers as it does in one process: the most that a call can cost is reserved before the call
is sent, whichever worker sends it. Reservations of a worker that died count as spent, since its calls may be billed.

===================  ===========  ===================================================================================
class                runs in      does
===================  ===========  ===================================================================================
`BudgetActor`        an actor     holds the budget and the workers' reservations
`BudgetClient`       each worker  reserves and settles through the actor
`SharedBudget`       the caller   starts the actor, and passes the payments on to the caller's own budget
===================  ===========  ===================================================================================
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any

from rag.errors import BudgetSpent, ModelLost
from rag.llm import Budget

if TYPE_CHECKING:
    from rag.llm import Rates

MESSAGE_LIMIT = 1_000
"""Maximum number of messages queued for the caller; older ones are dropped."""

RESERVING = "reserving"
"""Concurrency group of :meth:`BudgetActor.reserve`, which blocks until other methods have run in other threads."""

OTHER_THREADS = 8
"""Threads of the actor for all other methods, which do not block."""


class BudgetActor:
    """Holds the budget and the workers' reservations. Methods run in threads; :meth:`reserve` blocks if it has to."""

    def __init__(self, budget_usd: float | None, rates: Rates | None, spent: float) -> None:
        self._payments: list[float] = []
        self._messages: deque[tuple[str, str]] = deque(maxlen=MESSAGE_LIMIT)
        self._budget = Budget(budget_usd, rates, spent=spent, on_paid=self._payments.append)
        self._reserved: defaultdict[str, Counter[float]] = defaultdict(Counter)
        self._dead: set[str] = set()
        self._lock = threading.Lock()

    def reserve(self, worker: str, most: float) -> str:
        """Reserve ``most`` dollars for ``worker``. Returns why that failed, or an empty string."""
        try:
            self._budget.reserve(most)
        except BudgetSpent as error:
            return str(error)
        with self._lock:
            if worker not in self._dead:
                self._reserved[worker][most] += 1
                return ""
        self._budget.settle(most, 0.0)  # the worker died while it waited
        return "the worker is dead"

    def settle(self, worker: str, most: float, actual: float) -> None:
        """Release a reservation of ``worker``, see :meth:`rag.llm.budget.Budget.settle`."""
        with self._lock:
            if not self._reserved[worker][most]:
                return  # the worker was believed dead, and the reservation was written off
            self._reserved[worker][most] -= 1
        self._budget.settle(most, actual)

    def write_off(self, worker: str) -> None:
        """Count all reservations of the dead ``worker`` as spent."""
        with self._lock:
            self._dead.add(worker)
            reserved = list(self._reserved.pop(worker, Counter[float]()).elements())
        for most in reserved:
            self._budget.settle(most, most)

    def report(self, question_id: str, message: str) -> None:
        """Queue a message for the caller: why a question waits or, with an empty id, a line for the log."""
        self._messages.append((question_id, message))

    def drain(self) -> tuple[list[float], list[tuple[str, str]]]:
        """Return the payments and the messages since the last call, and forget them."""
        payments, messages = len(self._payments), len(self._messages)
        drained = self._payments[:payments], [self._messages.popleft() for _ in range(messages)]
        del self._payments[:payments]
        return drained


class BudgetClient(Budget):
    """A worker's budget, which reserves and settles through ``actor``, a Ray handle, under the worker's name."""

    def __init__(self, actor: Any, worker: str, rates: Rates | None) -> None:
        super().__init__(None, rates)
        self._actor = actor
        self._worker = worker

    def reserve(self, most: float) -> None:
        """Reserve ``most`` dollars, see :meth:`rag.llm.budget.Budget.reserve`.

        Raises:
            BudgetSpent: the sum exceeds the budget.
            ModelLost: the actor cannot be reached.
        """
        if not most:
            return
        if why := _result(self._actor.reserve.options(concurrency_group=RESERVING).remote(self._worker, most)):
            raise BudgetSpent(why)

    def settle(self, most: float, actual: float) -> None:
        """Release a reservation, see :meth:`rag.llm.budget.Budget.settle`.

        Raises:
            ModelLost: the actor cannot be reached.
        """
        if most:
            _result(self._actor.settle.remote(self._worker, most, actual))


class SharedBudget:
    """Shares the caller's ``budget`` with workers, through an actor that is started on the caller's node.

    Up to ``calls`` calls of the workers, including those of dead workers, can wait for a reservation at the same time;
    further ones are queued.
    """

    def __init__(self, budget: Budget, *, calls: int) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        threads: dict[str, Any] = {"concurrency_groups": {RESERVING: calls}, "max_concurrency": OTHER_THREADS}
        actor: Any = ray.remote(num_cpus=0, **threads)(BudgetActor)
        self._budget = budget
        self.actor: Any = actor.options(scheduling_strategy=here).remote(budget.budget_usd, budget.rates, budget.spent)

    def write_off(self, worker: str) -> None:
        """Count all reservations of the dead ``worker`` as spent.

        Raises:
            ModelLost: the actor cannot be reached.
        """
        _result(self.actor.write_off.remote(worker))

    def collect(self) -> list[tuple[str, str]]:
        """Record the workers' new payments in the caller's budget. Returns new messages as (question id, message).

        Raises:
            CitebriefError: the payments cannot be recorded or the actor is lost (``ModelLost``), so that no budget
                could be kept.
        """
        payments, messages = _result(self.actor.drain.remote())
        for dollars in payments:
            self._budget.reserve(0.0)
            self._budget.settle(0.0, dollars)
        return list(messages)

    def close(self) -> None:
        """Stop the actor."""
        import ray

        ray.kill(self.actor)


def _result(reference: Any) -> Any:
    import ray
    from ray.exceptions import RayError

    try:
        return ray.get(reference)
    except RayError as error:
        raise ModelLost(f"the budget of this run cannot be reached: {type(error).__name__}") from error
