from __future__ import annotations

from rag.progress import Throughput


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_speed_and_time_left_are_measured_from_the_first_units_on() -> None:
    clock = Clock()
    throughput = Throughput(clock)
    assert throughput.describe(0, 5000) == ""
    clock.seconds = 30  # the model was loaded meanwhile
    assert throughput.describe(512, 5000) == ""
    clock.seconds = 38
    assert throughput.describe(1024, 5000) == "64 a second, 1 min left"
    clock.seconds = 94
    assert throughput.describe(4608, 5000) == "64 a second, 6 s left"
    assert throughput.describe(5000, 5000) == "70 a second"


def test_a_low_speed_has_a_decimal_and_a_long_time_is_in_hours() -> None:
    clock = Clock()
    throughput = Throughput(clock)
    throughput.describe(1)
    clock.seconds = 4
    assert throughput.describe(7) == "1.5 a second"
    assert throughput.describe(7, 16_207) == "1.5 a second, 3.0 h left"
