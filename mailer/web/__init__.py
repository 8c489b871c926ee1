"""The readers' pages: plain HTML from templates, without cookies and without scripts to need.

pages = create(app)                          an ASGI application
sock = listen("127.0.0.1", 0)                a socket; `port_of(sock)` tells which port
Server(pages, sock, on_started=…).run()      until `stop()`, SIGTERM or SIGINT
"""

from mailer.web.server import Server, listen, port_of
from mailer.web.site import create

__all__ = ["Server", "create", "listen", "port_of"]
