"""proxy.py PORT-FILE NOTES: answers every request with 503, and notes with which credentials it came."""
import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        with open(sys.argv[2], "a", encoding="ascii") as notes:
            notes.write(self.headers.get("Authorization", "-") + "\n")
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write(str(server.server_address[1]))
server.serve_forever()
