"""How fast a job goes and how long it still takes, from the times in its own log."""

from collections import deque

from core.record.events import Continued, Phase, Progress, Started
from core.record.log import Record

WINDOW_S = 20.0  # old speeds say little about the next minute


class Pace:
    """Speed of the present phase over the last moments; fed with every record of one job."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()
        self._total = 0.0

    def observe(self, record: Record) -> None:
        """Take one record into account."""
        event = record.event
        if isinstance(event, (Phase, Started, Continued)):  # a pause says nothing about the speed
            self._seen.clear()
            self._total = 0.0
        elif isinstance(event, Progress):
            if self._seen and event.done < self._seen[-1][1]:
                self._seen.clear()
            self._seen.append((record.t, event.done))
            self._total = event.total
            while len(self._seen) > 2 and self._seen[-1][0] - self._seen[0][0] > WINDOW_S:
                self._seen.popleft()

    @property
    def per_second(self) -> float | None:
        """Units done a second; None before two different moments were seen."""
        if len(self._seen) < 2 or self._seen[-1][0] <= self._seen[0][0]:
            return None
        (first_t, first), (last_t, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_t - first_t)

    @property
    def left_s(self) -> float | None:
        """Seconds to the end of the phase; None when unknown."""
        speed = self.per_second
        if not speed or not self._total:
            return None
        return max(0.0, (self._total - self._seen[-1][1]) / speed)
