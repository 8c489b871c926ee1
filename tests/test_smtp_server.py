"""The SMTP server for tests, seen by a client that is not ours."""

import smtplib
import socket
import ssl

import pytest

from tests.smtp_server import SILENCE, SmtpServer, Then

MESSAGE = "Subject: News\r\n\r\n.dots\r\n"


def test_it_keeps_what_it_takes_and_counts_by_recipient() -> None:
    with SmtpServer() as server:
        with smtplib.SMTP(server.host, server.port) as client:
            client.sendmail("office@a.example", ["kim@b.example", "lee@b.example"], MESSAGE)
            client.sendmail("office@a.example", ["kim@b.example"], MESSAGE)
        server.wait_for(2)

    assert server.taken == {"kim@b.example": 2, "lee@b.example": 1}
    assert server.messages[0].content == MESSAGE.encode()
    assert "FROM:<office@a.example>" in server.commands("MAIL")[0]


def test_it_answers_as_it_is_told_for_one_recipient_and_for_some_times() -> None:
    with SmtpServer() as server, smtplib.SMTP(server.host, server.port) as client:
        server.answer("rcpt", "550 5.1.1 gone", recipient="lee@b.example")
        server.answer("dot", "451 4.7.1 later", times=1)

        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail("office@a.example", ["kim@b.example"], MESSAGE)
        answers = client.sendmail("office@a.example", ["kim@b.example", "lee@b.example"], MESSAGE)

    assert answers == {"lee@b.example": (550, b"5.1.1 gone")}
    assert server.taken == {"kim@b.example": 1}


def test_it_takes_a_message_and_goes_silent() -> None:
    with SmtpServer() as server:
        server.answer("dot", SILENCE, then=Then.HANG)
        client = smtplib.SMTP(server.host, server.port, timeout=0.2)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("office@a.example", ["kim@b.example"], MESSAGE)
        client.close()

    assert server.taken == {"kim@b.example": 1}


def test_it_protects_and_signs_in() -> None:
    with (
        SmtpServer(security="starttls", users={"office": "secret"}) as server,
        smtplib.SMTP("localhost", server.port) as client,
    ):
        client.starttls(context=ssl.create_default_context(cafile=server.ca_file))
        client.login("office", "secret")
        client.sendmail("office@a.example", ["kim@b.example"], MESSAGE)

    assert (server.messages[0].user, server.messages[0].tls) == ("office", "TLSv1.3")


def test_it_understands_commands_sent_in_one_piece() -> None:
    with (
        SmtpServer(pipelining=True) as server,
        socket.create_connection((server.host, server.port)) as sock,
        sock.makefile("rb") as answers,
    ):
        sock.sendall(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
        sock.sendall(b"DATA\r\nHello\r\n.\r\nQUIT\r\n")
        said = answers.read()

    assert b"PIPELINING" in said
    assert said.endswith(b"221 2.0.0 bye\r\n")
    assert server.taken == {"c@d.example": 1}


def test_a_wait_in_vain_says_how_many_came() -> None:
    with SmtpServer() as server, pytest.raises(AssertionError, match="0 of 1 messages"):
        server.wait_for(1, seconds=0.05)
