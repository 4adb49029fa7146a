"""Alerts: somebody is told once when a problem begins and once when it is over, however many runs lie between.

An alert never changes what came of a run: one that cannot be delivered becomes a warning, and is tried again at the end
of the next run.
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Any, Protocol
from urllib.parse import urlsplit

from feedbridge.errors import FeedbridgeError
from feedbridge.platforms.delivery import is_loopback, usable_endpoint
from feedbridge.platforms.http import Http, NoReply
from feedbridge.report.log import MASK, masked
from feedbridge.report.plain import showable
from feedbridge.sync import jobspec

__all__ = [
    "AlertState", "Alerts", "Problem", "delivery_failed", "products_held", "run_held", "source_unusable", "still_running",
]

PASSWORD = "FEEDBRIDGE_SMTP_PASSWORD"
WEBHOOK = "FEEDBRIDGE_ALERT_WEBHOOK"
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 20.0
TOTAL_SECONDS = 60.0
"""Longest time one alert may take, whatever the other side does; so a run ends."""
SUBJECT_CHARS = 150
TEXT_CHARS = 20_000
LEAST_SECRET_CHARS = 4
KINDS = ("source", "products", "held", "failed")
"""In the order in which a run can come upon them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong after a run.

    ``kind``     one of KINDS
    ``target``   which target it is about; empty for the whole job
    ``codes``    which guards, findings or ways to fail: one that was not told yet is told, though others go on
    ``title``    one line, as a mail's subject
    ``text``     what happened, where to look, what to type
    ``details``  numbers and names for a machine
    """

    kind: str
    title: str
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""
    codes: tuple[str, ...] = ("",)

    @property
    def whose(self) -> str:
        """Kind and target: what begins and is over as one."""
        return f"{self.kind}:{self.target}" if self.target else self.kind


class AlertState(Protocol):
    """What was told and is not over; the ledger keeps it. Keys are of this module's making."""

    def alert_state(self) -> Mapping[str, Any]: ...

    def open_alert(self, problem: str, text: str) -> None: ...

    def close_alert(self, problem: str) -> None: ...


class NotTold(Exception):
    """An alert was not delivered; says why, without addresses that are secrets."""


@dataclass(frozen=True, slots=True)
class Message:
    """One alert on its way. ``over``: the problem is no more. ``keys``: what it begins or ends in the ledger."""

    kind: str
    over: bool
    title: str
    text: str
    details: Mapping[str, Any]
    keys: tuple[str, ...]


class Alerts:
    """Tells of a job's problems by mail and webhook.

    ``spec``         the job's ``alerts:``; None: nobody is told, unless FEEDBRIDGE_ALERT_WEBHOOK is set
    ``environment``  where FEEDBRIDGE_SMTP_PASSWORD and FEEDBRIDGE_ALERT_WEBHOOK come from
    ``context``      makes what TLS connections are checked by (default: the machine's trusted certificates)
    """

    def __init__(
        self,
        spec: jobspec.Alerts | None,
        job: str,
        environment: Mapping[str, str],
        state: AlertState,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._spec = spec
        self._job = job
        self._environment = environment
        self._state = state
        self._clock = clock
        self._context = context
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._total_seconds = total_seconds
        self._secrets = sorted(
            {
                value
                for name, value in environment.items()
                if name.startswith("FEEDBRIDGE_")
                and len(value) >= LEAST_SECRET_CHARS
                and (name == WEBHOOK or masked({name: value})[name] == MASK)
            },
            key=len,
            reverse=True,
        )

    def __repr__(self) -> str:
        return f"Alerts(job={self._job!r}, ways={list(self._ways())})"

    def tell(self, problems: Collection[Problem], *, judged: Collection[str] = KINDS) -> list[str]:
        """Tell of what begins and of what is over; called once at the end of a run.

        ``judged``  kinds, or kinds and targets, this run could find out about: a run that could not read its source says
                    nothing of delivery, so a delivery that failed before is not over

        Returns: what could not be told, and why, for the log. Nothing is raised.
        """
        warnings: list[str] = []
        ways = self._ways()
        wanted: set[str] = set(self._spec.on) if self._spec is not None else set(jobspec.Alerts().on)
        try:
            opened = dict(self._state.alert_state())
            for key in opened:
                kind, _, _, way = _parts(key)
                if way not in ways or kind not in wanted:
                    self._state.close_alert(key)  # nobody wants to know any more
        except Exception as exc:  # whatever it is, the run's result stands
            return [self._line(f"alerts: what was told before is not known, so nothing is told now: {_why(exc)}")]
        for way, send in ways.items():
            for message in self._due(way, [one for one in problems if one.kind in wanted], opened, wanted, judged):
                warnings += self._told(way, send, message)
        return warnings

    def _ways(self) -> dict[str, Callable[[Message], None]]:
        ways: dict[str, Callable[[Message], None]] = {}
        if self._spec is not None and self._spec.email is not None:
            ways["email"] = self._mail
        if self._environment.get(WEBHOOK) or (self._spec is not None and self._spec.webhook):
            ways["webhook"] = self._post
        return ways

    def _due(
        self, way: str, problems: Collection[Problem], opened: Mapping[str, Any], wanted: set[str], judged: Collection[str]
    ) -> Iterator[Message]:
        for one in problems:
            keys = [f"{one.whose}{code and f'/{code}'}@{way}" for code in one.codes]
            new = [key for key in keys if key not in opened]
            if new:
                yield Message(one.kind, False, one.title, one.text, one.details, tuple(new))
        now = {one.whose for one in problems} | {one.kind for one in problems}
        ended: dict[str, list[str]] = {}
        for key in opened:
            kind, target, _, by = _parts(key)
            whose = f"{kind}:{target}" if target else kind
            if by == way and kind in wanted and whose not in now and (kind in judged or whose in judged):
                ended.setdefault(whose, []).append(key)
        for keys in ended.values():
            kind = _parts(keys[0])[0]
            title = "; ".join(dict.fromkeys(_title_of(opened[key]) or OVER.get(kind, kind) for key in keys))
            text = f"The last run of job {self._job} had no such problem."
            yield Message(kind, True, f"over: {title}", text, {}, tuple(keys))

    def _told(self, way: str, send: Callable[[Message], None], message: Message) -> list[str]:
        clean = Message(
            message.kind,
            message.over,
            self._line(f"feedbridge job {self._job}: {message.title}")[:SUBJECT_CHARS],
            self._block(message.text),
            self._cleaned(masked(dict(message.details))),
            message.keys,
        )
        try:
            self._in_time(lambda: send(clean))
        except NotTold as exc:
            again = "it is tried again at the end of the next run"
            return [self._line(f'alert "{message.title}" could not be delivered by {way}: {exc}; {again}')]
        try:
            for key in message.keys:
                if message.over:
                    self._state.close_alert(key)
                else:
                    self._state.open_alert(key, self._line(message.title)[:SUBJECT_CHARS])
        except Exception as exc:  # the alert is out: said, and not the end of the run
            return [self._line(f'alert "{message.title}" was delivered by {way}, but that could not be noted: {_why(exc)}')]
        return []

    def _in_time(self, send: Callable[[], None]) -> None:
        """Deliver in a thread that is left behind when it takes too long: looking up a name has no time limit of its
        own, and a server may drip. Raises NotTold."""
        outcome: list[Exception | None] = []

        def work() -> None:
            try:
                send()
            except NotTold as exc:
                outcome.append(exc)
            except Exception as exc:  # whatever it is, the run's result stands
                outcome.append(NotTold(f"{type(exc).__name__}: {exc}"))
            else:
                outcome.append(None)

        thread = threading.Thread(target=work, name="feedbridge-alert", daemon=True)
        thread.start()
        thread.join(self._total_seconds)
        if not outcome:
            raise NotTold(f"no end of it within {self._total_seconds:g} seconds")
        if outcome[0] is not None:
            raise outcome[0]

    # -- mail

    def _mail(self, message: Message) -> None:
        spec = self._spec.email if self._spec is not None else None
        assert spec is not None
        try:
            self._deliver_mail(spec, self._composed(spec, message))
        except smtplib.SMTPRecipientsRefused as exc:
            words = "; ".join(f"{code} {_words(text)}" for code, text in exc.recipients.values())
            raise NotTold(f"{spec.host} takes mail for none of the recipients: {words}") from exc
        except smtplib.SMTPAuthenticationError as exc:
            raise NotTold(f"{spec.host} refuses the login ({exc.smtp_code}); check user: and {PASSWORD}") from exc
        except smtplib.SMTPResponseException as exc:
            raise NotTold(f"{spec.host} answers {exc.smtp_code} {_words(exc.smtp_error)}") from exc
        except ssl.SSLError as exc:
            why = getattr(exc, "verify_message", "") or exc.reason or "no TLS"
            raise NotTold(f"no trusted connection to {spec.host}:{spec.port}: {why}") from exc
        except TimeoutError as exc:
            raise NotTold(f"{spec.host}:{spec.port} does not answer") from exc
        except (OSError, smtplib.SMTPException, UnicodeError, ValueError) as exc:
            raise NotTold(f"{spec.host}:{spec.port}: {exc}") from exc

    def _composed(self, spec: jobspec.EmailAlert, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = message.title
        mail["From"] = spec.sender
        mail["To"] = ", ".join(spec.to)
        mail["Date"] = format_datetime(self._clock())
        mail["Message-ID"] = make_msgid(domain=_ascii_host(spec.sender.rpartition("@")[2]))
        mail["Auto-Submitted"] = "auto-generated"  # so that nobody's absence notice answers
        mail.set_content(message.text + "\n")
        return mail

    def _deliver_mail(self, spec: jobspec.EmailAlert, mail: EmailMessage) -> None:
        if spec.user and spec.security == "none" and not is_loopback(spec.host):
            raise NotTold("a login is never sent unencrypted to another machine; say security: starttls or tls")
        password = self._environment.get(PASSWORD, "")
        if spec.user and not password:
            raise NotTold(f"{PASSWORD} is not set")
        name = _ascii_host(socket.gethostname())
        server: smtplib.SMTP
        if spec.security == "tls":
            server = smtplib.SMTP_SSL(
                spec.host, spec.port, local_hostname=name, timeout=self._connect_seconds, context=self._context()
            )
        else:
            server = smtplib.SMTP(spec.host, spec.port, local_hostname=name, timeout=self._connect_seconds)
        try:
            if server.sock is not None:
                server.sock.settimeout(self._answer_seconds)
            if spec.security == "starttls":
                server.starttls(context=self._context())
            if spec.user:
                server.login(spec.user, password)
            server.send_message(mail)
            with suppress(OSError, smtplib.SMTPException):  # it was taken; a broken goodbye does not undo that
                server.quit()
        finally:
            server.close()

    # -- webhook

    def _post(self, message: Message) -> None:
        own = self._environment.get(WEBHOOK)
        url = own or (self._spec.webhook if self._spec is not None else None) or ""
        where = WEBHOOK if own else "webhook:"
        try:
            usable_endpoint(url)
        except ValueError as exc:
            raise NotTold(f"the address in {where} must begin with https:// (http:// only for this machine itself)") from exc
        body = {
            "text": f"{message.title}\n{message.text}",
            "job": self._job,
            "problem": message.kind,
            "state": "over" if message.over else "begun",
            "title": message.title,
            "details": message.details,
            "host": socket.gethostname(),
            "time": self._clock().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        http = Http(self._connect_seconds, self._answer_seconds)
        try:
            reply = http.post(url, json_text=json.dumps(body, ensure_ascii=True, allow_nan=False))
        except NoReply as exc:
            raise NotTold(_without_address(f"the webhook does not answer: {exc.reason}", url)) from exc
        finally:
            http.close()
        if not 200 <= reply.status < 300:
            raise NotTold(f"the webhook answers {reply.status}; check the address in {where}")

    # -- what may be shown

    def _clean(self, text: str) -> str:
        text = str(masked(text))
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def _line(self, text: str) -> str:
        return showable(self._clean(text))

    def _block(self, text: str) -> str:
        shown = "\n".join(self._line(line) for line in text.splitlines())
        return shown if len(shown) <= TEXT_CHARS else f"{shown[:TEXT_CHARS]}\n…"

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._clean(value)
        if isinstance(value, dict):
            return {self._clean(key): self._cleaned(member) for key, member in value.items()}
        return [self._cleaned(member) for member in value] if isinstance(value, list) else value


OVER = {
    "held": "a guard held the run",
    "failed": "delivery failed",
    "products": "products are held back",
    "source": "the source, mapping or job file cannot be used",
}


def _parts(key: str) -> tuple[str, str, str, str]:
    """(kind, target, code, way) of a key.

    >>> _parts("failed:magento/stop@email"), _parts("held@webhook")
    (('failed', 'magento', 'stop', 'email'), ('held', '', '', 'webhook'))
    """
    front, _, way = key.rpartition("@")
    whose, _, code = front.partition("/")
    kind, _, target = whose.partition(":")
    return kind, target, code, way


def _title_of(before: Any) -> str:
    """What the problem was called when it was told: the ledger gives the text back, or something that has it."""
    if isinstance(before, str):
        return before
    for name in ("message", "text"):
        found = before.get(name) if isinstance(before, Mapping) else getattr(before, name, None)
        if isinstance(found, str):
            return found
    return ""


def _why(exc: Exception) -> str:
    return exc.message if isinstance(exc, FeedbridgeError) else f"{type(exc).__name__}: {exc}"


def _words(text: bytes | str) -> str:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return " ".join(plain.split())[:200]


def _ascii_host(name: str) -> str:
    """A host's name as mail may say it; asking for the full one could wait for a name server."""
    return name if name and name.isascii() and name.isprintable() and " " not in name else "localhost"


def _without_address(text: str, url: str) -> str:
    parts = urlsplit(url)
    for piece in (url, parts.path, parts.query):
        if len(piece) > 1:
            text = text.replace(piece, MASK)
    return text


# -- the problems


def run_held(
    job: str, holds: Sequence[tuple[str, str, str]], *, plan: str = "", releasable: bool = True,
    details: Mapping[str, Any] | None = None,
) -> Problem:
    """A guard held the run. ``holds``: (guard, what it found, how to go on); ``plan``: where the plan lies;
    ``releasable``: False where there is no plan that could be released."""
    count = len(holds)
    title = f"held by the guard {holds[0][0]}" if count == 1 else f"held by {count} guards"
    lines = ["Nothing was sent; what the platforms have stays as it is.", ""]
    for guard, found, mend in holds:
        lines += [f"{guard}: {found}", *([f"  {mend}"] if mend else [])]
    lines += ["", *([f"The plan: {plan}"] if plan else []), f"Look at it:    feedbridge plan {job}"]
    if releasable:
        lines.append(f"If it is right: feedbridge apply {job} --release")
    guards = [guard for guard, *_ in holds]
    return Problem("held", title, "\n".join(lines), {"guards": guards, **(details or {})}, codes=tuple(dict.fromkeys(guards)))


def delivery_failed(
    job: str, target: str, words: str, *, code: str = "", counts: Mapping[str, int] | None = None, release: bool = False,
    details: Mapping[str, Any] | None = None,
) -> Problem:
    """Delivery to a target failed. ``words``: the platform's; ``code``: in which way; ``counts``: what was done;
    ``release``: what is left is behind a guard that a person had released."""
    lines = [f"{target}: {words}", "", "What was delivered stays delivered; the next run goes on from there."]
    if counts is not None:
        done = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        lines += ["", f"  {target}: {done or 'nothing was done'}"]
    lines += ["", f"Look at it:    feedbridge status {job}"]
    lines.append(f"Try again now: feedbridge sync {job}{' --release' if release else ''}")
    told = {"targets": [target], "counts": {target: dict(counts or {})}, **(details or {})}
    return Problem("failed", f"delivery failed ({target})", "\n".join(lines), told, target, (code,))


def still_running(job: str, error: FeedbridgeError) -> Problem:
    """A run was turned away by one that has been under way for too long: it may hang."""
    lines = [error.message, "", "No other run of the job is let in, so nothing is delivered until it ends.", f"  {error.mend}"]
    lines += ["", f"Look at it: feedbridge status {job}"]
    return Problem("failed", "a run does not come to its end", "\n".join(lines), {"code": error.code}, "(run)", ("running",))


def products_held(
    job: str, held: int, read: int, codes: Mapping[str, int], *, quarantine: str = "", named: Sequence[str] = (),
    details: Mapping[str, Any] | None = None,
) -> Problem:
    """Products were held back or refused. ``codes``: finding code -> how many products; ``named``: the first that a
    platform did not take, in its words."""
    things = "1 product is" if held == 1 else f"{held:,} products are"
    lines = [f"{things} held back, of {read:,}; what the platforms have of them stays as it was.", ""]
    first = sorted(codes.items(), key=lambda one: (-one[1], one[0]))[:10]
    lines += [f"  {count:>7,}  {code}" for code, count in first]
    if len(codes) > len(first):
        lines.append(f"  … and {len(codes) - len(first)} more kinds")
    lines += ["", *named] if named else []
    if quarantine or not named:
        lines += ["", *([f"Mend them in: {quarantine}"] if quarantine else [])]
        lines.append(f"Look at them: feedbridge quarantine list {job}")
    lines.append(f"The last run:  feedbridge status {job}")
    told = {"held": held, "read": read, "codes": dict(codes), **(details or {})}
    return Problem("products", f"{things} held back", "\n".join(lines), told)


def source_unusable(job: str, error: FeedbridgeError, *, details: Mapping[str, Any] | None = None) -> Problem:
    """A source, mapping or the job itself cannot be used."""
    lines = [str(error), "", "Nothing was sent; what the platforms have stays as it is."]
    lines.append(f"When it is mended: feedbridge sync {job}")
    told = {"code": error.code, "where": error.where, **(details or {})}
    return Problem("source", "the source, mapping or job file cannot be used", "\n".join(lines), told,
                   codes=(error.code,))
