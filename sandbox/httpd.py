"""The threaded HTTP/1.1 server, with the socket-level faults ordinary WSGI cannot express."""

from __future__ import annotations

from typing import Any, cast

from django.core.servers.basehttp import ServerHandler, ThreadedWSGIServer, WSGIRequestHandler

MAX_REQUEST_LINE = 65536
DROP_CONNECTION = "sandbox_drop_connection"  # set on a response: close the connection and send nothing
CLOSE_CONNECTION = "sandbox_close_connection"  # close it after sending


class SandboxServerHandler(ServerHandler):
    """Runs one request; drops the connection instead of answering when the response says so."""

    result: Any  # the response, set by wsgiref
    request_handler: WSGIRequestHandler

    def finish_response(self) -> None:
        """Send the response, or close the connection without a byte."""
        if getattr(self.result, DROP_CONNECTION, False):
            self.request_handler.close_connection = True
            self.close()
            return
        # Before sending: afterwards wsgiref has let go of the response.
        if getattr(self.result, CLOSE_CONNECTION, False):
            self.request_handler.close_connection = True
        super().finish_response()


class SandboxRequestHandler(WSGIRequestHandler):
    """One client connection, kept alive between requests; quiet, because the sandbox has its own call log."""

    server: ThreadedWSGIServer  # always ours; the base class promises less
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024  # headers and body leave in one packet

    def handle_one_request(self) -> None:
        """Like Django's, but with our server handler."""
        self.raw_requestline = self.rfile.readline(MAX_REQUEST_LINE + 1)
        if len(self.raw_requestline) > MAX_REQUEST_LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
            return
        if not self.parse_request():
            return
        handler = SandboxServerHandler(self.rfile, self.wfile, self.get_stderr(), self.get_environ())
        handler.request_handler = self
        handler.run(cast(Any, self.server.get_app()))  # never None: the runner sets it before it serves

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class SandboxHTTPServer(ThreadedWSGIServer):
    """One thread per connection, whose database connection Django closes with it."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False  # a hanging fault must not delay the shutdown
