"""Says whether the database answers. Only the standard library: the image has no more."""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            socket.create_connection(("db", 5432), timeout=2).close()
            status, text = 200, "the database answers\n"
        except OSError as error:
            status, text = 503, f"the database does not answer: {error}\n"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


HTTPServer(("0.0.0.0", 5000), Page).serve_forever()
