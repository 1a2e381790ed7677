"""What a scenario found: checks for JUnit, a row for the report; and how to read the report of a load."""
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field


@dataclass
class Check:
    what: str
    ok: bool
    seen: str


@dataclass
class Scenario:
    """Each check is said in full, whether it held or not: a verdict without what was seen convinces nobody."""
    name: str
    text: str
    volume: str = ""
    seen: list = field(default_factory=list)
    checks: list = field(default_factory=list)
    reports: list = field(default_factory=list)
    skipped: str = ""
    took: float = 0

    def check(self, what: str, ok: bool, seen: str = "") -> bool:
        self.checks.append(Check(what, bool(ok), seen))
        print(f"  {'ok    ' if ok else 'FAILED'} {what}{': ' + seen if seen else ''}", flush=True)
        return bool(ok)

    def note(self, text: str) -> None:
        """A figure for the report."""
        self.seen.append(text)
        print(f"         {text}", flush=True)

    def failed(self) -> bool:
        return any(not c.ok for c in self.checks)

    def settled(self, load, report: dict, name: str = "") -> None:
        """What holds of every load, whatever was broken meanwhile."""
        self.reports.append(load.path)
        of = f" ({name})" if name else ""
        ends, accounts, repeats, client = (report[k] for k in ("ends", "accounts", "repeats", "client"))
        told = "; ".join(report["told"][:5])
        self.check(f"every request ended once{of}", report["sent"] == report["ended"] > 0, f"{report['sent']} sent, {report['ended']} ended")
        self.check(f"charged is what was acknowledged{of}", report["breaches"] == 0,
                   f"{accounts['acknowledged']} <= {accounts['charged']} <= +{accounts['unknown']} over {accounts['users']} users"
                   + (f"; {report['breaches']} breaches: {told}" if told else ""))
        self.check(f"nothing but allowed, denied, unavailable and timeout{of}", ends["refused"] == 0, told)
        self.check(f"replies repeat{of}", repeats["same"] + repeats["unanswered"] + repeats["storeless"] == repeats["asked"],
                   f"{repeats['same']} of {repeats['asked']} the same, {repeats['unanswered']} unanswered, {repeats['storeless']} without the store")
        foreign = sum(client[k] for k in ("malformed", "mismatched", "unknown_key", "not_authentic"))
        self.check(f"every answer was one{of}", foreign == 0, f"{foreign} values on our partition that were no answers")


class Timeline:
    """What became of the requests by the time they were sent, in slots of 100 ms (unix seconds)."""

    def __init__(self, report: dict):
        slots = report["slots"]
        self.slot = slots["ms"] / 1000
        begun = report["begun_unix_ms"] / 1000
        self.rows = [(begun + i * self.slot, dict(zip(slots["columns"], row))) for i, row in enumerate(slots["rows"])]

    def of(self, *ends: str) -> list:
        """The times of the slots with any of these ends."""
        return [t for t, row in self.rows if any(row[e] for e in ends)]

    def last_after(self, since: float, *ends: str, until: float = float("inf")) -> float:
        """Seconds from then to the end of the last slot with any of these; 0 when there is none between the two."""
        late = [t for t in self.of(*ends) if since < t + self.slot < until]
        return max(late) + self.slot - since if late else 0.0

    def first_after(self, since: float, *ends: str) -> float | None:
        later = [t for t in self.of(*ends) if t >= since]
        return min(later) - since if later else None

    def slowest(self, begin: float, end: float) -> int:
        return max((row["slowest_ms"] for t, row in self.rows if begin <= t < end), default=0)

    def outside(self, windows: list, *ends: str) -> list:
        """Times of such slots that no window (begin, end) covers."""
        return [t for t in self.of(*ends) if not any(begin <= t + self.slot and t <= end for begin, end in windows)]


def ends_text(report: dict) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in report["ends"].items() if n)


def latency_text(report: dict) -> str:
    ms = report["latency_ms"]
    return f"p50 {ms['p50']:.1f} ms, p99 {ms['p99']:.1f} ms"


def write_junit(path, scenarios: list) -> None:
    suite = xml.Element("testsuite", name="faults", tests=str(sum(max(1, len(s.checks)) for s in scenarios)))
    for s in scenarios:
        if s.skipped:
            case = xml.SubElement(suite, "testcase", classname=s.name, name=s.name)
            xml.SubElement(case, "skipped", message=s.skipped)
        for check in s.checks:
            case = xml.SubElement(suite, "testcase", classname=s.name, name=check.what)
            if not check.ok:
                xml.SubElement(case, "failure", message=check.seen or "does not hold").text = check.seen
    xml.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def write_markdown(path, scenarios: list, machine: str, took: float, how: str) -> None:
    def cell(text: str) -> str:
        return " ".join(text.split()).replace("|", "\\|")
    lines = [
        "# Soak: the promises under faults", "",
        "Written by `make soak` (`tests/faults/run --full`); `make test` runs a hundredth of it. How each is done stands in",
        "`tests/faults/faults.d/`; what is compared with what, in `tests/faults/load/ledger.h`.", "",
        f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())} · {machine} · {how} · {took / 60:.0f} min", "",
        "| scenario | volume | seen | verdict |", "|---|---|---|---|",
    ]
    for s in scenarios:
        held = sum(c.ok for c in s.checks)
        verdict = f"skipped: {s.skipped}" if s.skipped else f"{held} of {len(s.checks)} hold" if s.failed() else f"holds ({held} checks)"
        lines.append(f"| **{s.name}**: {cell(s.text)} | {cell(s.volume)} | {cell('; '.join(s.seen))} | {verdict} |")
    failures = [f"- {s.name}: {c.what}: {cell(c.seen)}" for s in scenarios for c in s.checks if not c.ok]
    if failures:
        lines += ["", "What does not hold:", "", *failures]
    path.write_text("\n".join(lines) + "\n")
