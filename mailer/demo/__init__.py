"""`mailer demo`: a throw-away office with an inbox page, to try everything without a relay.

run(port=8080)        until SIGTERM or SIGINT; then nothing of it is left
"""

from mailer.demo.running import run

__all__ = ["run"]
