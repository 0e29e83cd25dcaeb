"""The threaded HTTP/1.1 server, with socket-level faults that WSGI cannot express."""

from __future__ import annotations

import re
from typing import Any, cast

from django.core.servers.basehttp import ServerHandler, ThreadedWSGIServer, WSGIRequestHandler
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

MAX_REQUEST_LINE = 65536
DROP_CONNECTION = "sandbox_drop_connection"  # set on a response: close the connection and send nothing
CLOSE_CONNECTION = "sandbox_close_connection"  # close it after sending


class SandboxServerHandler(ServerHandler):
    """Run one request; drop the connection where the response says so."""

    result: Any  # the response, set by wsgiref
    request_handler: WSGIRequestHandler

    def finish_response(self) -> None:
        """Send the response, or close the connection without a byte."""
        if getattr(self.result, DROP_CONNECTION, False):
            self.request_handler.close_connection = True
            self.close()
            return
        # Before sending: wsgiref drops the response afterwards.
        if getattr(self.result, CLOSE_CONNECTION, False):
            self.request_handler.close_connection = True
        super().finish_response()


class SandboxRequestHandler(WSGIRequestHandler):
    """Serve one client connection, kept alive between requests. Logs nothing: the sandbox has its own call log."""

    server: ThreadedWSGIServer  # always ours; the base class declares less
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024  # headers and body in one packet

    def handle_one_request(self) -> None:
        """Handle requests as Django does, with our server handler."""
        self.raw_requestline = self.rfile.readline(MAX_REQUEST_LINE + 1)
        if len(self.raw_requestline) > MAX_REQUEST_LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
            return
        if not self.parse_request():
            return
        handler = SandboxServerHandler(self.rfile, self.wfile, self.get_stderr(), self.get_environ())
        handler.request_handler = self
        handler.run(cast(Any, self.server.get_app()))  # never None: the runner sets it before serving

    def get_environ(self) -> dict[str, str]:
        """Collapse repeated slashes, as i'mport's server does: some clients send //users/getToken."""
        environ: dict[str, str] = super().get_environ()
        environ["PATH_INFO"] = re.sub("/+", "/", environ["PATH_INFO"])
        return environ

    def log_message(self, *args: Any) -> None:
        """Log nothing."""


class SandboxHTTPServer(ThreadedWSGIServer):
    """Serve each connection in a thread, with a database connection that an earlier one left: opening one is slow."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False  # a hanging fault must not delay shutdown

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: list[BaseDatabaseWrapper] = []

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one client connection."""
        try:
            connections["default"] = self._idle.pop()
        except IndexError:
            connections["default"].inc_thread_sharing()
        super().process_request_thread(request, client_address)

    def _close_connections(self) -> None:
        """Leave the thread's database connection to the next thread, where Django would close it."""
        self._idle.append(connections["default"])
