"""Alerts: told once when a problem begins and once when it is over, to a real mail server and a real receiver."""

from __future__ import annotations

import base64
import email
import email.policy
import http.server
import json
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from datetime import UTC, datetime

import pytest

from feedbridge.errors import SourceError
from feedbridge.sync import jobspec
from feedbridge.sync.alerts import Alerts, Problem, delivery_failed, products_held, run_held, source_unusable
from feedbridge.sync.ledger_errors import LedgerError

HELD = Problem("held", "held by the guard max_shrink", "Nothing was sent.\nfeedbridge apply shop --release", {"guards": ["max_shrink"]})
FAILED = Problem("failed", "delivery failed (flipsnack)", "flipsnack: 503")
SOURCE = Problem("source", "the source cannot be used", "shop.csv: is empty")
PRODUCTS = Problem("products", "3 products are held back", "3 of 12")
SECRET = "hunter2-geheim"


class Ledger:
    """What was told and is not over, in memory; ``broken`` names methods that fail as a ledger does."""

    def __init__(self):
        self.open = {}
        self.broken = set()
        self.error = LedgerError("the disk is full", code="ledger.full")

    def _may(self, name):
        if name in self.broken:
            raise self.error

    def alert_state(self):
        self._may("alert_state")
        return self.open

    def open_alert(self, problem, text):
        self._may("open_alert")
        self.open[problem] = text

    def close_alert(self, problem):
        self._may("close_alert")
        del self.open[problem]


# -- a mail server


class MailServer(socketserver.ThreadingTCPServer):
    """As much of SMTP as a client needs. ``faults``: command -> answer in place of the usual one, ``hang``, ``drop``."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, context=None, implicit=False):
        super().__init__(("127.0.0.1", 0), MailSession)
        self.context = context
        self.implicit = implicit
        self.faults = {}
        self.mails = []
        self.logins = []
        self.done = threading.Event()
        self.unknown_recipients = set()

    @property
    def port(self):
        return self.server_address[1]

    def handle_error(self, request, client_address):
        pass  # a client that goes away

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.done.set()
        self.shutdown()
        self.server_close()


class MailSession(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()

    def secure(self):
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.setup()

    def answered_by_fault(self, word):
        fault = self.server.faults.get(word)
        if fault == "hang":
            self.server.done.wait(20)
        if fault in ("hang", "drop"):
            raise ConnectionAbortedError
        if fault == "drip":
            for byte in b"250-" + b"x" * 10_000:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.server.done.wait(0.05):
                    raise ConnectionAbortedError
        if fault:
            self.say(fault)
        return bool(fault)

    def handle(self):
        if self.server.implicit:
            self.secure()
        over_tls = self.server.implicit
        if self.answered_by_fault("CONNECT"):
            return
        self.say("220 mail.test ready")
        sender, recipients = "", []
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if self.answered_by_fault(word):
                continue
            if word == "EHLO":
                self.say("250-mail.test")
                if self.server.context is not None and not over_tls:
                    self.say("250-STARTTLS")
                self.say("250 AUTH PLAIN LOGIN")
            elif word == "STARTTLS":
                self.say("220 go ahead")
                self.secure()
                over_tls = True
            elif word == "AUTH":
                _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                self.server.logins.append((user, password, over_tls))
                self.say("235 welcome")
            elif word == "MAIL":
                sender, recipients = line, []
                self.say("250 ok")
            elif word == "RCPT":
                if any(name in line for name in self.server.unknown_recipients):
                    self.say("550 no such mailbox")
                else:
                    recipients.append(line[line.index("<") + 1 : line.index(">")])
                    self.say("250 ok")
            elif word == "DATA":
                self.say("354 go on")
                lines = []
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(text.removeprefix(b"."))
                if not self.answered_by_fault("END"):
                    self.server.mails.append((sender, recipients, b"".join(lines)))
                    self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost only, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost"],
        check=True, capture_output=True, timeout=60,
    )
    return folder / "cert.pem", folder / "key.pem"


def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def mail():
    with MailServer() as server:
        yield server


def alerts(server, ledger, *, environment=None, on=("held", "failed", "source"), trusted=None, spec=None, **given):
    about = {"to": ["ops@example.com"], "sender": "feedbridge@example.com", "host": "127.0.0.1", "port": server.port, **(spec or {})}
    return Alerts(
        jobspec.Alerts(email=jobspec.EmailAlert(**about), on=list(on)),
        "shop",
        environment or {},
        ledger,
        clock=lambda: datetime(2026, 11, 22, 3, 15, tzinfo=UTC),
        context=(lambda: ssl.create_default_context(cafile=trusted)) if trusted else ssl.create_default_context,
        **{"connect_seconds": 5, "answer_seconds": 5, "total_seconds": 10, **given},
    )


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def subjects(server):
    return [parsed(raw)["Subject"] for *_, raw in server.mails]


def problems(*found):
    return list(found)


# -- once when it begins, once when it is over


def test_a_problem_is_told_once_and_so_is_its_end(mail):
    ledger = Ledger()
    for run in ([], [HELD], [HELD], [HELD], [], []):
        assert alerts(mail, ledger).tell(problems(*run)) == []
    assert subjects(mail) == [
        "feedbridge job shop: held by the guard max_shrink", "feedbridge job shop: over: held by the guard max_shrink"
    ]
    assert ledger.open == {}


def test_it_is_told_again_when_it_comes_back(mail):
    ledger = Ledger()
    for run in ([HELD], [], [HELD]):
        alerts(mail, ledger).tell(problems(*run))
    assert len(mail.mails) == 3


def test_several_problems_are_told_each(mail):
    alerts(mail, Ledger(), on=("held", "failed", "products")).tell(problems(FAILED, PRODUCTS))
    assert subjects(mail) == ["feedbridge job shop: delivery failed (flipsnack)", "feedbridge job shop: 3 products are held back"]


@pytest.mark.parametrize(
    ("then", "judged", "over"),
    [
        pytest.param([SOURCE], ["source"], [], id="a source that cannot be read says nothing of delivery"),
        pytest.param([HELD], ["source", "products", "held"], ["products"], id="a run that was held says nothing of delivery"),
        pytest.param([], ["source", "products", "held", "failed"], ["failed", "products"], id="a whole run says it all"),
    ],
)
def test_only_what_a_run_came_to_can_be_over(then, judged, over, mail):
    ledger = Ledger()
    alerts(mail, ledger, on=("failed", "products")).tell(problems(FAILED, PRODUCTS))
    alerts(mail, ledger, on=("failed", "products")).tell(problems(*then), judged=judged)
    assert {"failed@email", "products@email"} - set(ledger.open) == {f"{kind}@email" for kind in over}
    assert sum("over:" in subject for subject in subjects(mail)) == len(over)


FLIPSNACK = Problem("failed", "delivery failed (flipsnack)", "wrong key", target="flipsnack", codes=("stop",))
MAGENTO = Problem("failed", "delivery failed (magento)", "wrong key", target="magento", codes=("stop",))
AWAY = Problem("failed", "delivery failed (flipsnack)", "no network", target="flipsnack", codes=("unsent",))
DELETES = Problem("held", "held by the guard mass-delete", "12 of 20", codes=("mass-delete",))
COLUMN = Problem("held", "held by the guard lost-column", "Price", codes=("lost-column",))
BOTH = Problem("held", "held by 2 guards", "both", codes=("mass-delete", "lost-column"))


@pytest.mark.parametrize(
    ("nights", "told"),
    [
        pytest.param(
            [[FLIPSNACK], [MAGENTO], [MAGENTO], []],
            ["delivery failed (flipsnack)", "delivery failed (magento)", "over: delivery failed (flipsnack)",
             "over: delivery failed (magento)"], id="another target",
        ),
        pytest.param(
            [[FLIPSNACK], [FLIPSNACK, MAGENTO], [FLIPSNACK]],
            ["delivery failed (flipsnack)", "delivery failed (magento)", "over: delivery failed (magento)"],
            id="a second target beside the first",
        ),
        pytest.param(
            [[FLIPSNACK], [AWAY], [FLIPSNACK], []],
            ["delivery failed (flipsnack)"] * 2 + ["over: delivery failed (flipsnack)"], id="in another way",
        ),
        pytest.param(
            [[DELETES], [COLUMN], [DELETES], []],
            ["held by the guard mass-delete", "held by the guard lost-column",
             "over: held by the guard mass-delete; held by the guard lost-column"], id="another guard",
        ),
        pytest.param([[BOTH], [DELETES], [BOTH], []], ["held by 2 guards", "over: held by 2 guards"], id="one guard of two"),
    ],
)
def test_each_problem_is_told_once_whatever_else_goes_on(nights, told, mail):
    ledger = Ledger()
    for night in nights:
        assert alerts(mail, ledger).tell(night) == []
    assert [subject.removeprefix("feedbridge job shop: ") for subject in subjects(mail)] == told
    assert ledger.open == {} or nights[-1]


def test_a_problem_told_before_they_were_told_apart_goes_on_until_no_target_has_it(mail):
    ledger = Ledger()
    ledger.open = {"failed@email": "delivery failed (flipsnack)"}
    alerts(mail, ledger).tell([MAGENTO])
    assert set(ledger.open) == {"failed@email", "failed:magento/stop@email"}
    alerts(mail, ledger).tell([])
    assert ledger.open == {}


def test_judged_says_what_can_be_over(mail):
    ledger = Ledger()
    alerts(mail, ledger).tell([FLIPSNACK, MAGENTO])
    alerts(mail, ledger).tell([], judged={"source", "held"})
    assert len(ledger.open) == 2
    alerts(mail, ledger).tell([], judged={"failed:magento"})
    assert list(ledger.open) == ["failed:flipsnack/stop@email"]


def test_what_nobody_wants_to_know_is_not_told(mail):
    ledger = Ledger()
    alerts(mail, ledger, on=("failed",)).tell(problems(HELD, PRODUCTS))
    assert (mail.mails, ledger.open) == ([], {})


def test_what_nobody_wants_to_know_any_more_is_closed_silently(mail):
    ledger = Ledger()
    ledger.open = {"held@email": "held", "failed@pigeon": "failed"}
    assert alerts(mail, ledger, on=("failed",)).tell([]) == []
    assert (mail.mails, ledger.open) == ([], {})


def test_nobody_to_tell():
    assert Alerts(None, "shop", {}, Ledger()).tell(problems(HELD)) == []


# -- what a mail says


def test_the_mail(mail):
    alerts(mail, Ledger(), spec={"to": ["ops@example.com", "shop@example.com"]}).tell(problems(HELD))
    (sender, recipients, raw), message = mail.mails[0], parsed(mail.mails[0][2])
    assert "<feedbridge@example.com>" in sender
    assert recipients == ["ops@example.com", "shop@example.com"]
    assert message["To"] == "ops@example.com, shop@example.com"
    assert message["Date"].datetime == datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
    assert message["Message-ID"].endswith("@example.com>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines()[:2] == ["Nothing was sent.", "feedbridge apply shop --release"]
    assert b"\r\n" in raw


@pytest.mark.parametrize(
    "title",
    [
        pytest.param("SKU A\r\nBcc: victim@example.com\r\n\r\nhello", id="line ends"),
        pytest.param("SKU A\nBcc: victim@example.com", id="bare line feed"),
        pytest.param("SKU A\u2028Bcc: victim@example.com", id="line separator"),
        pytest.param("SKU A\x85Bcc: victim@example.com\x00\x1b[31m", id="control characters"),
        pytest.param("\ud800 half a character", id="half a character"),
        pytest.param("x" * 5000, id="long"),
        pytest.param("Größe 日本 🙂", id="not ascii"),
    ],
)
def test_no_title_can_add_a_header(title, mail):
    assert alerts(mail, Ledger()).tell(problems(Problem("held", title, f"{title}\n.\nQUIT\n.hidden"))) == []
    message = parsed(mail.mails[0][2])
    assert message["Bcc"] is None
    assert sorted(message.keys()) == sorted(
        ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
    )
    assert len(message["Subject"]) <= 150
    assert message.get_content().splitlines()[-3:] == [".", "QUIT", ".hidden"]


def test_secrets_are_in_no_mail(mail):
    environment = {"FEEDBRIDGE_FLIPSNACK_API_SECRET": SECRET, "FEEDBRIDGE_ALERT_WEBHOOK": ""}
    text = f"the platform says {SECRET}; https://me:pw-of-mine@host/x?token=tok-of-mine"
    alerts(mail, Ledger(), environment=environment).tell(problems(Problem("held", f"held {SECRET}", text)))
    raw = mail.mails[0][2].decode()
    assert not [secret for secret in (SECRET, "pw-of-mine", "tok-of-mine") if secret in raw]


def test_the_login_is_made_and_stays_secret(certificate):
    with MailServer(server_context(certificate)) as server:
        spec = {"host": "localhost", "security": "starttls", "user": "me"}
        told = alerts(server, Ledger(), spec=spec, environment={"FEEDBRIDGE_SMTP_PASSWORD": SECRET}, trusted=certificate[0])
        assert told.tell(problems(HELD)) == []
        assert server.logins == [("me", SECRET, True)]
        assert len(server.mails) == 1
    assert SECRET not in repr(told)


def test_tls_from_the_first_byte(certificate):
    with MailServer(server_context(certificate), implicit=True) as server:
        spec = {"host": "localhost", "security": "tls"}
        assert alerts(server, Ledger(), spec=spec, trusted=certificate[0]).tell(problems(HELD)) == []
        assert len(server.mails) == 1


# -- an alert that cannot be delivered


@pytest.mark.parametrize(
    ("security", "host", "is_trusted"),
    [
        pytest.param("starttls", "localhost", False, id="starttls, unknown issuer"),
        pytest.param("tls", "localhost", False, id="tls, unknown issuer"),
        pytest.param("starttls", "127.0.0.1", True, id="starttls, another name"),
        pytest.param("tls", "127.0.0.1", True, id="tls, another name"),
    ],
)
def test_a_certificate_that_is_not_right(security, host, is_trusted, certificate):
    with MailServer(server_context(certificate), implicit=security == "tls") as server:
        spec = {"host": host, "security": security, "user": "me"}
        told = alerts(
            server, Ledger(), spec=spec, environment={"FEEDBRIDGE_SMTP_PASSWORD": SECRET},
            trusted=certificate[0] if is_trusted else None,
        )
        (warning,) = told.tell(problems(HELD))
        assert "no trusted connection" in warning
        assert (server.logins, server.mails) == ([], [])


def test_a_server_without_starttls_gets_neither_login_nor_mail(mail):
    spec = {"security": "starttls", "user": "me"}
    (warning,) = alerts(mail, Ledger(), spec=spec, environment={"FEEDBRIDGE_SMTP_PASSWORD": SECRET}).tell(problems(HELD))
    assert "STARTTLS" in warning
    assert (mail.logins, mail.mails) == ([], [])


FAULTS = [
    pytest.param({"CONNECT": "554 go away"}, "554", id="refuses the connection"),
    pytest.param({"MAIL": "451 later"}, "451 later", id="refuses the sender"),
    pytest.param({"RCPT": "550 unknown"}, "none of the recipients: 550 unknown", id="refuses the recipients"),
    pytest.param({"END": "552 too large"}, "552 too large", id="refuses the mail"),
    pytest.param({"DATA": "drop"}, "", id="hangs up"),
    pytest.param({"CONNECT": "hang"}, "timed out", id="says nothing"),
    pytest.param({"EHLO": "drip"}, "no end of it", id="never comes to an end"),
]


@pytest.mark.parametrize(("faults", "words"), FAULTS)
def test_it_is_a_warning_and_is_tried_again(faults, words, mail):
    ledger = Ledger()
    mail.faults = dict(faults)
    told = alerts(mail, ledger, connect_seconds=0.5, answer_seconds=0.5, total_seconds=1.2)
    (warning,) = told.tell(problems(HELD))
    assert words in warning
    assert "tried again at the end of the next run" in warning
    assert (mail.mails, ledger.open) == ([], {})
    mail.faults = {}
    assert told.tell(problems(HELD)) == []
    assert (len(mail.mails), list(ledger.open)) == (1, ["held@email"])


def test_the_end_is_tried_again_too(mail):
    ledger = Ledger()
    told = alerts(mail, ledger)
    told.tell(problems(HELD))
    mail.faults = {"MAIL": "451 later"}
    assert len(told.tell([])) == 1
    mail.faults = {}
    assert told.tell([]) == []
    assert subjects(mail)[1:] == ["feedbridge job shop: over: held by the guard max_shrink"]


def test_a_broken_goodbye_does_not_undo_a_mail(mail):
    mail.faults = {"QUIT": "drop"}
    assert alerts(mail, Ledger()).tell(problems(HELD)) == []
    assert len(mail.mails) == 1


def test_one_recipient_of_two_is_told(mail):
    mail.unknown_recipients = {"gone@"}
    assert alerts(mail, Ledger(), spec={"to": ["gone@example.com", "ops@example.com"]}).tell(problems(HELD)) == []
    assert mail.mails[0][1] == ["ops@example.com"]


def test_nobody_listens():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        spec = jobspec.EmailAlert(to=["a@b.example"], sender="a@b.example", host="127.0.0.1", port=closed.getsockname()[1])
        (warning,) = Alerts(jobspec.Alerts(email=spec), "shop", {}, Ledger()).tell(problems(HELD))
    assert "refused" in warning


def test_a_wrong_password_is_said_without_it(certificate):
    with MailServer(server_context(certificate)) as server:
        server.faults = {"AUTH": f"535 wrong: {SECRET}"}
        spec = {"host": "localhost", "security": "starttls", "user": "me"}
        told = alerts(server, Ledger(), spec=spec, environment={"FEEDBRIDGE_SMTP_PASSWORD": SECRET}, trusted=certificate[0])
        (warning,) = told.tell(problems(HELD))
    assert "refuses the login (535)" in warning
    assert SECRET not in warning


@pytest.mark.parametrize(
    ("spec", "environment", "words"),
    [
        pytest.param({"security": "starttls", "user": "me"}, {}, "FEEDBRIDGE_SMTP_PASSWORD is not set", id="no password"),
        pytest.param(
            {"host": "mail.invalid", "user": "me"}, {"FEEDBRIDGE_SMTP_PASSWORD": SECRET}, "never sent unencrypted", id="in the clear"
        ),
    ],
)
def test_no_login_without_what_it_needs(spec, environment, words, mail):
    (warning,) = alerts(mail, Ledger(), spec=spec, environment=environment).tell(problems(HELD))
    assert words in warning
    assert mail.mails == []


@pytest.mark.parametrize(
    ("broken", "mails", "words"),
    [
        pytest.param("alert_state", 0, "nothing is told now", id="what was told is not known"),
        pytest.param("open_alert", 1, "could not be noted", id="cannot be noted"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(LedgerError("the disk is full", code="ledger.full"), id="as ledgers do"),
        pytest.param(ValueError("the disk is full"), id="in any other way"),
    ],
)
def test_a_ledger_that_fails_is_a_warning(error, broken, mails, words, mail):
    ledger = Ledger()
    ledger.broken, ledger.error = {broken}, error
    (warning,) = alerts(mail, ledger).tell(problems(HELD))
    assert words in warning
    assert "the disk is full" in warning
    assert len(mail.mails) == mails


# -- webhook


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        if 300 <= self.server.status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


@pytest.fixture
def hook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.seen, server.status = [], 200
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}/services/T0-geheim?token=tok"
    yield server
    server.shutdown()
    server.server_close()


def hooked(url, ledger, environment=None):
    return Alerts(jobspec.Alerts(webhook=url), "shop", environment or {}, ledger, connect_seconds=5, answer_seconds=5)


def test_the_webhook_gets_one_json_object_a_change(hook):
    ledger = Ledger()
    for run in ([HELD], [HELD], []):
        assert hooked(hook.url, ledger).tell(problems(*run)) == []
    assert [(path, kind) for path, kind, _ in hook.seen] == [("/services/T0-geheim?token=tok", "application/json")] * 2
    begun, over = (body for *_, body in hook.seen)
    assert (begun["state"], over["state"]) == ("begun", "over")
    assert begun["job"] == "shop"
    assert begun["problem"] == "held"
    assert begun["title"] == "feedbridge job shop: held by the guard max_shrink"
    assert begun["text"].endswith("feedbridge apply shop --release")
    assert begun["details"] == {"guards": ["max_shrink"]}


def test_details_hold_no_secrets(hook):
    details = {"api_key": "geheim", "words": [f"it says {SECRET}"], "count": 3, "share": float("nan")}
    told = hooked(hook.url, Ledger(), {"FEEDBRIDGE_MAGENTO_ACCESS_TOKEN": SECRET})
    assert told.tell(problems(Problem("held", "held", "held", details))) == []
    assert hook.seen[0][2]["details"] == {"api_key": "***", "words": ["it says ***"], "count": 3, "share": "nan"}


def test_the_variable_is_over_the_file(hook):
    told = hooked("https://hooks.invalid/", Ledger(), {"FEEDBRIDGE_ALERT_WEBHOOK": hook.url})
    assert told.tell(problems(HELD)) == []
    assert len(hook.seen) == 1


def test_the_variable_alone_is_enough(hook):
    assert Alerts(None, "shop", {"FEEDBRIDGE_ALERT_WEBHOOK": hook.url}, Ledger()).tell(problems(HELD)) == []
    assert len(hook.seen) == 1


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_an_answer_that_is_no_yes(status, hook):
    ledger = Ledger()
    hook.status = status
    (warning,) = hooked(hook.url, ledger).tell(problems(HELD))
    assert f"answers {status}" in warning
    assert (len(hook.seen), ledger.open) == (1, {})


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://example.com/T0-geheim", id="http to another machine"),
        pytest.param("ftp://127.0.0.1/T0-geheim", id="ftp"),
        pytest.param("https://me:T0-geheim@example.com/", id="login"),
        pytest.param("http://127.0.0.1:1/T0-geheim?token=T0-geheim", id="nobody listens"),
        pytest.param("http://[127.0.0.1/T0-geheim", id="no address"),
    ],
)
@pytest.mark.parametrize("by", ["file", "variable"])
def test_the_address_is_in_no_warning(url, by):
    environment = {"FEEDBRIDGE_ALERT_WEBHOOK": url} if by == "variable" else {}
    told = hooked(url if by == "file" else None, Ledger(), environment)
    (warning,) = told.tell(problems(HELD))
    assert "T0-geheim" not in warning + repr(told)


def test_mail_and_webhook_are_told_each_until_they_know(mail, hook):
    ledger = Ledger()
    spec = jobspec.Alerts(
        email=jobspec.EmailAlert(to=["a@b.example"], sender="a@b.example", host="127.0.0.1", port=mail.port), webhook=hook.url
    )
    hook.status = 500
    assert len(Alerts(spec, "shop", {}, ledger).tell(problems(HELD))) == 1
    hook.status = 204
    assert Alerts(spec, "shop", {}, ledger).tell(problems(HELD)) == []
    assert (len(mail.mails), len(hook.seen)) == (1, 2)
    assert sorted(ledger.open) == ["held@email", "held@webhook"]


# -- the problems


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        pytest.param(
            run_held("shop", [("max_shrink", "12 of 20 products are gone", "look at the feed")], plan="/r/plan.jsonl"),
            "held", ["12 of 20", "look at the feed", "/r/plan.jsonl", "feedbridge apply shop --release"], id="held",
        ),
        pytest.param(
            run_held("shop", [("max_shrink", "a", ""), ("max_deletes", "b", "")]), "held", ["by 2 guards", "max_deletes: b"],
            id="held twice",
        ),
        pytest.param(
            delivery_failed("shop", "flipsnack", "503", counts={"created": 3, "failed": 0}),
            "failed", ["(flipsnack)", "flipsnack: 503", "created 3", "feedbridge sync shop"], id="failed",
        ),
        pytest.param(
            delivery_failed("shop", "flipsnack", "503", release=True), "failed", ["feedbridge sync shop --release"],
            id="failed after a release",
        ),
        pytest.param(
            products_held("shop", 1, 1200, {"cell.price-format": 1}, quarantine="/r/1/quarantine"),
            "products", ["1 product is held back", "of 1,200", "cell.price-format", "/r/1/quarantine", "quarantine list shop"],
            id="products",
        ),
        pytest.param(
            source_unusable("shop", SourceError("is empty", where="shop.csv", mend="export it again", code="source.empty")),
            "source", ["shop.csv: is empty [source.empty]", "export it again", "feedbridge sync shop"], id="source",
        ),
    ],
)
def test_what_is_said(problem, kind, words):
    assert problem.kind == kind
    whole = f"{problem.title}\n{problem.text}"
    assert [word for word in words if word not in whole] == []
    assert "failed 0" not in whole
    json.dumps(dict(problem.details))
