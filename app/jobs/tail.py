"""Follows what a worker says: new events, never more than is new."""

from pathlib import Path

from core.record.log import Record, read_events


class EventTail:
    """Reads ``events.jsonl`` on from where it stopped; a torn last line waits for its end."""

    def __init__(self, folder: Path, offset: int = 0) -> None:
        self.path = Path(folder) / "events.jsonl"
        self.offset = offset

    def grown(self) -> bool:
        """Whether there is something that was not read; costs one stat."""
        try:
            return self.path.stat().st_size != self.offset
        except OSError:
            return False

    def poll(self) -> list[Record]:
        """Records written since the last call."""
        if not self.grown():
            return []
        records, self.offset = read_events(self.path, self.offset)
        return records
