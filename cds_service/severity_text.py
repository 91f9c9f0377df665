"""What stands beside the grade and never changes it: severity scores, risk factors, the next ICE."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

from cds_service.card_text import escape_markdown, write_age, write_hour, write_number
from management.review import IceSchedule, RiskFactor, Score

_LONG = 400
_MOST_POINTS = 3


def score_lines(scores: Iterable[Score], zone: tzinfo | None) -> list[str]:
    """A score a line: its points with their times, the newest with its arithmetic, and what is missing."""
    return [_score(score, zone) for score in scores]


def _score(score: Score, zone: tzinfo | None) -> str:
    if not score.points:
        return (
            f"{escape_markdown(score.name)} not computed: {escape_markdown('; '.join(score.missing), _LONG)}"
        )
    parts = [f"{escape_markdown(score.name)}:"]
    course = " → ".join(
        f"{write_number(point.value, 2)} ({write_hour(point.at, zone)})"
        for point in score.points[-_MOST_POINTS:]
    )
    parts += [course, f"= {escape_markdown(score.points[-1].arithmetic, _LONG)}"]
    if score.reading:
        parts.append(f"({escape_markdown(score.reading, _LONG)})")
    if score.missing:
        parts.append(f"not known: {escape_markdown('; '.join(score.missing), _LONG)}")
    mark = "" if score.verified else ", **not verified**"
    parts.append(f"({escape_markdown(score.cite)}; tier {score.tier}{mark})")
    return " ".join(parts)


def risk_lines(factors: Iterable[RiskFactor]) -> list[str]:
    """Known risk factors, those of one source in one line."""
    told: dict[str, list[str]] = {}
    for factor in factors:
        mark = "" if factor.verified else ", **not verified**"
        source = f"({escape_markdown(factor.cite)}; tier {factor.tier}{mark})"
        told.setdefault(source, []).append(escape_markdown(factor.text, _LONG))
    return [f"{'. '.join(texts)} {source}" for source, texts in told.items()]


def ice_line(schedule: IceSchedule | None, now: datetime, zone: tzinfo | None) -> str | None:
    """When the next ICE is due, or since when it is overdue; ``None`` where none is to be taken."""
    if schedule is None:
        return None
    name = escape_markdown(schedule.instrument)
    why = escape_markdown(schedule.why[:1].lower() + schedule.why[1:])
    rhythm = f"every {schedule.every_hours} h: {why}"
    if schedule.last_at is None:
        return f"**No {name} taken since the infusion: due now** ({rhythm})."
    last = f"last {write_hour(schedule.last_at, zone)}, {write_age(schedule.last_at, now)} ago"
    if schedule.overdue:
        return f"**{name} overdue** since {write_hour(schedule.due_at, zone)} ({last}; {rhythm})."
    return f"Next {name} due {write_hour(schedule.due_at, zone)} ({last}; {rhythm})."
