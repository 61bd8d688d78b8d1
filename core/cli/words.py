"""What a job's events say in a terminal: one plain line each, or nothing."""

from core.errors import say
from core.record import events as ev


def lasting(event: ev.Event) -> str:
    """The line that stays on the screen for this event; empty for what is not worth one."""
    tell = _LINES.get(type(event))
    return tell(event) if tell else ""


def passing(event: ev.Event) -> str:
    """The line that is overwritten by the next: how far the work is; empty for other events."""
    if not isinstance(event, ev.Progress) or not event.total or event.unit == "stages":
        return ""  # a stage has lines of its own
    share = min(1.0, event.done / event.total)
    filled = round(20 * share)
    bar = "█" * filled + "░" * (20 - filled)
    return f"{bar} {share:4.0%}  {amount(event.done)} of {amount(event.total)} {event.unit}".rstrip()


def amount(number: float) -> str:
    """A number as people read it: 12,345 or 0.123."""
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.3g}"


def size(bytes_: float) -> str:
    """A size in the unit that suits it: 980 B, 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if bytes_ < 1000 or unit == "GB":
            return f"{bytes_:.0f} B" if unit == "B" else f"{bytes_:.1f} {unit}"
        bytes_ /= 1000
    raise AssertionError("the last unit always fits")


def _template(text: str, values: dict) -> str:
    return say(text, "", "", values)


def _verified(event: ev.Verified) -> str:
    facts = [size(event.bytes)]
    if event.max_logit_difference is not None:
        facts.append(f"largest logit difference {event.max_logit_difference:.1e}")
    if event.top1_agreement is not None:
        facts.append(f"same first choice {event.top1_agreement:.2%}")
    return f"{event.format}: {', '.join(facts)}. {_template(event.verdict, event.values)}".rstrip()


def _sampled(event: ev.Sampled) -> str:
    text = " ".join(event.text.split())
    return f"step {event.step}: “{text[:100]}{'…' if len(text) > 100 else ''}”" if text else ""


def _twin(event: ev.Twin) -> str:
    if event.state != "completed":
        return ""
    told = "done" if event.bits_per_byte is None else _bits(event.bits_per_byte)
    return f"{event.arm}, seed {event.seed}: {told}"


def _trial(event: ev.TrialChanged) -> str:
    if event.state in ("queued", "running", "paused"):
        return ""
    loss = "nothing measured" if event.best_loss is None else f"best loss {event.best_loss:.4f} on held-out text"
    return f"{event.run}: {event.state} after {amount(event.done)} steps, {loss}"


def _rung(event: ev.RungEnded) -> str:
    return f"after {event.step} steps {len(event.kept)} of {len(event.kept) + len(event.fell)} go on"


def _bits(value: float | None) -> str:
    return f"{value:.3f} bits per byte on held-out text" if value is not None else "bits per byte not measured"


def _validated(event: ev.Validated) -> str:
    if event.bits_per_byte is None:
        return f"step {event.step}: a loss of {event.loss:.4f} on held-out text; bits per byte do not apply"
    return f"step {event.step}: {_bits(event.bits_per_byte)}"


def _skipped(event: ev.FileSkipped) -> str:
    return "left out: " + say(event.problem, event.path, event.remedy, event.values)


_LINES = {
    ev.Phase: lambda e: e.name,
    ev.FileSkipped: _skipped,
    ev.Chosen: lambda e: f"{e.what}: {e.value}" + (f" ({e.why})" if e.why else ""),
    ev.Validated: _validated,
    ev.Sampled: _sampled,
    ev.Twin: _twin,
    ev.TrialChanged: _trial,
    ev.RungEnded: _rung,
    ev.Resumed: lambda e: f"going on from step {e.from_step}",
    ev.Paused: lambda e: "paused",
    ev.Continued: lambda e: "going on",
    ev.Exported: lambda e: f"{e.format}: written, {size(e.bytes)}. {_template(e.note, e.values)}".rstrip(),
    ev.Verified: _verified,
    ev.Noted: lambda e: _template(e.text, e.values),
}
