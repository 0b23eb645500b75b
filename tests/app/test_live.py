"""Settings that change while the server runs: by command, by signal, by an editor; with connections open, and with mistakes."""

from __future__ import annotations

import imaplib
import json
import os
import signal
import smtplib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.machine import Machine, running, until

from postil.net import control

FIRST = '# who we are\n[[domain]]\nname = "first.example"\n'
RELOADED = 'postil_config_reloads_total{result="ok"}'


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with running(tmp_path, FIRST) as server:
        yield server


def rcpt(post: smtplib.SMTP, address: str) -> int:
    """What the server says to a recipient, in a transaction of its own on this connection."""
    post.mail("me@elsewhere.example")
    code, _ = post.rcpt(address)
    post.rset()
    return code


def right(done: object) -> dict[str, object]:
    """The JSON of a command that succeeded."""
    assert done.returncode == 0, done.stderr + done.stdout  # type: ignore[attr-defined]
    return json.loads(done.stdout)  # type: ignore[attr-defined, no-any-return]


def test_commands_beside_open_connections(machine: Machine) -> None:
    """Mail for a domain is taken once `domain add` has returned, and refused once `rm` has, on connections from before."""
    added = machine.command("account", "add", "ann@new.example", "--no-password")
    assert added.returncode == 0, added.stderr
    with smtplib.SMTP("127.0.0.1", machine.ports["smtp"], timeout=60) as post:
        mail = imaplib.IMAP4("127.0.0.1", machine.ports["imap"], timeout=60)
        post.ehlo()
        assert rcpt(post, "ann@new.example") == 550
        assert rcpt(post, "postmaster@new.example") == 550
        said = right(machine.command("domain", "add", "new.example", "--json"))
        assert said["changed"] and said["server"]["state"] == "reloaded"  # type: ignore[index]
        assert rcpt(post, "ann@new.example") == 250
        assert rcpt(post, "postmaster@new.example") == 250
        post.sendmail("me@elsewhere.example", "ann@new.example", "Subject: x\r\n\r\nx\r\n")
        again = right(machine.command("domain", "add", "NEW.example", "--json"))
        assert not again["changed"]
        refused = machine.command("domain", "rm", "new.example")
        assert refused.returncode == 1 and "ann@new.example" in refused.stderr
        assert rcpt(post, "ann@new.example") == 250
        assert right(machine.command("domain", "rm", "new.example", "--force", "--json"))["changed"]
        assert rcpt(post, "ann@new.example") == 550
        assert rcpt(post, "postmaster@new.example") == 550
        assert rcpt(post, "postmaster@first.example") == 250
        assert mail.noop()[0] == "OK"
        mail.logout()
    assert machine.domains.read_text() == FIRST
    assert machine.metric(RELOADED) == 3


def test_a_mistake_and_sighup(machine: Machine) -> None:
    """With a mistake the old settings stay, and log, metric and commands name file, line and field; once it is right it counts."""
    with smtplib.SMTP("127.0.0.1", machine.ports["smtp"], timeout=60) as post:
        post.ehlo()
        machine.domains.write_text(
            FIRST + '[[domain]]\nname = "new.example"\n[domain.dmarc]\np = "never"\n'
        )
        machine.process.send_signal(signal.SIGHUP)
        until(lambda: machine.metric('postil_config_reloads_total{result="refused"}') >= 1)
        label = f'file="{machine.domains}",field="domain[1].dmarc.p",line="7"'
        assert _error(machine) == sorted(label.split(","))
        wanted = f"file={machine.domains} line=7 field=domain[1].dmarc.p"
        log = machine.log.read_text()
        assert all(part in log for part in wanted.split()) and "'never' is none of" in log
        assert rcpt(post, "postmaster@first.example") == 451  # ours; nobody reads it yet
        assert rcpt(post, "postmaster@new.example") == 550
        refused = machine.command("domain", "add", "other.example")
        assert refused.returncode == 1
        assert "domains.toml:7: domain[1].dmarc.p: 'never' is none of" in refused.stderr
        answer = control.ask(machine.folder / "data", {"do": "reload"})
        assert not answer["ok"] and answer["problems"][0]["line"] == 7
        machine.domains.write_text(machine.domains.read_text().replace("never", "none"))
        machine.process.send_signal(signal.SIGHUP)
        until(lambda: machine.metric(RELOADED) >= 1)
        assert rcpt(post, "postmaster@new.example") == 451
        assert _error(machine) == []
        assert machine.metric("postil_config_loaded_seconds") > 0


def _error(machine: Machine) -> list[str]:
    lines = [
        one for one in machine.metrics().splitlines() if one.startswith("postil_config_error{")
    ]
    return sorted(lines[0].partition("{")[2].partition("}")[0].split(",")) if lines else []


def test_an_editor(machine: Machine) -> None:
    """A file that somebody saves counts soon, without a signal; one that has gone changes nothing."""
    with smtplib.SMTP("127.0.0.1", machine.ports["smtp"], timeout=60) as post:
        post.ehlo()
        machine.domains.write_text(FIRST + '[[domain]]\nname = "new.example"\n')
        until(lambda: machine.metric(RELOADED) == 1)
        assert rcpt(post, "postmaster@new.example") == 451
        kept = machine.domains.read_text()
        machine.domains.unlink()
        until(lambda: "is not there any more" in machine.log.read_text())
        assert rcpt(post, "postmaster@new.example") == 451
        machine.domains.write_text(kept.replace("new.", "newer."))
        until(lambda: machine.metric(RELOADED) == 2)
        assert rcpt(post, "postmaster@newer.example") == 451
        assert rcpt(post, "postmaster@new.example") == 550


def test_what_is_no_file(machine: Machine) -> None:
    """A pipe, a folder or a circle of links in the file's place is a mistake like any other: named, and over once the file is back."""
    machine.domains.unlink()
    for make, words in (
        (lambda: os.mkfifo(machine.domains), "it is no file"),
        (machine.domains.mkdir, "Is a directory"),
        (lambda: machine.domains.symlink_to(machine.domains.name), "symbolic links"),
    ):
        make()
        refused = machine.command("domain", "add", "other.example", "--json")
        assert refused.returncode == 1 and words in json.loads(refused.stdout)["error"]
        answer = control.ask(machine.folder / "data", {"do": "reload"})
        assert not answer["ok"] and words in answer["problems"][0]["text"]
        (os.rmdir if machine.domains.is_dir() else os.unlink)(machine.domains)
    machine.domains.write_text(FIRST + '[[domain]]\nname = "new.example"\n')
    assert control.ask(machine.folder / "data", {"do": "reload"})["ok"]
    assert machine.metric('postil_faults_total{protocol="config"}') == 0


def test_what_waits_for_a_restart(machine: Machine) -> None:
    """A machine setting that is another one is named by every answer, and the domains of the same file count at once."""
    text = machine.config.read_text()
    machine.config.write_text(
        text.replace('data = "data"\n', 'data = "data"\nlimits.message_size = 5000\n')
        + '[[domain]]\nname = "machine.example"\n'
    )
    said = right(machine.command("domain", "add", "new.example", "--json"))
    assert said["server"]["waiting"] == ["limits.message_size"]  # type: ignore[index]
    assert machine.metric("postil_config_waiting") == 1
    with smtplib.SMTP("127.0.0.1", machine.ports["smtp"], timeout=60) as post:
        post.ehlo()
        assert rcpt(post, "postmaster@machine.example") == 451
        assert int(post.esmtp_features["size"]) > 5000
    plain = machine.command("config", "diff", "--running")
    assert plain.stdout == "limits.message_size: 104857600 -> 5000  (waits for a restart)\n"
    machine.domains.rename(machine.folder / "moved")  # and a domain is left in the other file
    lost = control.ask(machine.folder / "data", {"do": "reload"})
    assert not lost["ok"] and "is not there any more" in lost["problems"][0]["text"]
    with smtplib.SMTP("127.0.0.1", machine.ports["smtp"], timeout=60) as post:
        post.ehlo()
        assert rcpt(post, "postmaster@new.example") == 451
    (machine.folder / "moved").rename(machine.domains)
    elsewhere = machine.command("domain", "rm", "machine.example")
    assert elsewhere.returncode == 1 and "postil.toml:" in elsewhere.stderr


def test_sighup_looks_at_certificates(machine: Machine) -> None:
    """One that has changed counts at once, not only at the next look a minute later; here it is the self-signed one, made anew."""
    certificate = machine.folder / "data" / "tls-certificate.pem"
    before = certificate.read_text()
    certificate.write_text("no certificate")
    machine.process.send_signal(signal.SIGHUP)
    until(lambda: 'event="certificates changed"' in machine.log.read_text(), seconds=30)
    assert certificate.read_text() not in (before, "no certificate")


def test_another_file_for_the_same_folder(machine: Machine) -> None:
    """A command with another configuration for this data folder is told that the server reads a different one."""
    other = machine.folder / "other"
    other.mkdir()
    text = machine.config.read_text().replace('"data"', f'"{machine.folder / "data"}"')
    (other / "postil.toml").write_text(text)
    done = machine.command("domain", "add", "new.example", "--config", str(other / "postil.toml"))
    assert done.returncode == 1 and f"reads {machine.config}" in done.stderr
    with smtplib.SMTP("127.0.0.1", machine.ports["smtp"], timeout=60) as post:
        post.ehlo()
        assert rcpt(post, "postmaster@new.example") == 550


def test_doubts_are_in_the_log(tmp_path: Path) -> None:
    """What `config check` warns of, the server says when it starts, and what is new of it at a reload; each once."""
    with running(tmp_path, FIRST + 'dmarc = { p = "reject", rua = ["mailto:x@a.example"] }\n') as machine:  # fmt: skip
        lines = [line for line in machine.log.read_text().splitlines() if "doubtful" in line]
        assert len(lines) == 1 and "field=domain[0].dmarc.p" in lines[0]
        assert "line=4" in lines[0] and "no DKIM key signs" in lines[0]
        said = right(machine.command("domain", "add", "new.example", "dmarc.p=none", "--json"))
        assert said["changed"]
        lines = [line for line in machine.log.read_text().splitlines() if "doubtful" in line]
        assert len(lines) == 2 and "field=domain[1].dmarc" in lines[1]


def test_the_socket_is_for_the_owner(machine: Machine) -> None:
    """Nobody else can speak to it; what it does not know it refuses; a server that ends takes it away."""
    path = machine.folder / "data" / control.SOCKET
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(control.ControlError, match="knows no 'x'"):
        control.ask(path.parent, {"do": "x"})
    for nonsense in (b"\n", b"[]\n", b"\xff\n", b"x" * (control.LINE + 10) + b"\n"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(str(path))
            sock.sendall(nonsense)
            assert b'"error"' in sock.recv(65536)
    assert control.ask(path.parent, {"do": "reload"})["ok"]
