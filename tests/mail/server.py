"""An SMTP server for the tests: aiosmtpd on a free port of loopback.

Takes its options as JSON: `tls` ("wrapped" or "starttls") with `certificate` and `key`, a
`login` to ask for, `answers` to give instead of taking a mail, in turn. Says its port in a
line of JSON, then every mail that it took. Ends when its standard input does.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

OPTIONS = json.loads(sys.argv[1])


def say(value):
    print(json.dumps(value), flush=True)


class Handler:
    def __init__(self):
        self.answers = list(OPTIONS.get("answers", []))

    async def handle_DATA(self, server, session, envelope):
        if self.answers:
            return self.answers.pop(0)
        say(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "raw": envelope.content.decode(),
                "is_encrypted": server.transport.get_extra_info("sslcontext") is not None,
                "is_signed_in": session.authenticated,
            }
        )
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    given = [data.login.decode(), data.password.decode()]
    return AuthResult(success=given == OPTIONS["login"])


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(OPTIONS["certificate"], OPTIONS["key"])
    return made


async def main():
    loop, handler, tls = asyncio.get_running_loop(), Handler(), OPTIONS.get("tls")
    options = {"hostname": "localhost"}
    if tls == "starttls":
        options |= {"tls_context": context(), "require_starttls": True}
    if "login" in OPTIONS:
        # aiosmtpd does not see that a connection was wrapped before it came.
        needs_starttls = tls == "starttls"
        options |= {
            "authenticator": authenticate,
            "auth_required": True,
            "auth_require_tls": needs_starttls,
        }
    wrapped = context() if tls == "wrapped" else None
    listening = await loop.create_server(
        lambda: SMTP(handler, **options), "127.0.0.1", 0, ssl=wrapped
    )
    say({"port": listening.sockets[0].getsockname()[1]})
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
