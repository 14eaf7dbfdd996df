"""One API server, spoken to over HTTPS with nothing but the standard library.

A Server is made from a kubeconfig of one cluster and one user. Each thread has a connection of its own;
watches have one each. Answers are (status, headers, body bytes); nothing is retried but a connection that
the server had closed while it was idle.
"""
import base64
import http.client
import json
import os
import re
import ssl
import threading
import time
import urllib.parse

TIMEOUT_S = 60
USER_AGENT = "conformance/1.0"


def _field(text, name):
    found = re.search(r'(?m)(?:^|[\s{,])"?' + name + r'"?:\s*"?([^\s",}]+)', text)
    return found.group(1) if found else None


class Server:
    def __init__(self, kubeconfig):
        text = open(kubeconfig, encoding="utf-8").read()
        url = urllib.parse.urlparse(_field(text, "server"))
        self.host, self.port = url.hostname, url.port or 443
        self.token = _field(text, "token")
        data, path = _field(text, "certificate-authority-data"), _field(text, "certificate-authority")
        if data:
            self.tls = ssl.create_default_context(cadata=base64.b64decode(data).decode())
        else:
            self.tls = ssl.create_default_context(cafile=os.path.join(os.path.dirname(kubeconfig), path))
        self.local = threading.local()

    def _connect(self):
        return http.client.HTTPSConnection(self.host, self.port, timeout=TIMEOUT_S, context=self.tls)

    def _headers(self, headers):
        out = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if self.token:
            out["Authorization"] = "Bearer " + self.token
        out.update(headers)
        return {name: value for name, value in out.items() if value is not None}

    def request(self, method, path, body=None, headers=None):
        for last in (False, True):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = self.local.connection = self._connect()
            try:
                connection.request(method, path, body, self._headers(headers or {}))
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                connection.close()
                self.local.connection = None
                if last:
                    raise

    def watch(self, path, headers, during, count, seconds):
        """Opens a watch, calls during() once it is open, and reads events until there are `count` and
        a moment of quiet behind them, the server ends it, or `seconds` have passed."""
        connection = self._connect()
        try:
            connection.request("GET", path, None, self._headers(headers or {}))
            answer = connection.getresponse()
            if answer.status != 200:
                return answer.status, answer.headers, answer.read()
            during()
            return answer.status, answer.headers, self._events(connection, answer, count, seconds)
        finally:
            connection.close()

    @staticmethod
    def _events(connection, answer, count, seconds):
        events, end = [], time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if len(events) >= count:
                left = min(left, 0.15)
            if left <= 0:
                return events
            connection.sock.settimeout(left)
            try:
                line = answer.readline()
            except TimeoutError:
                return events
            if not line:
                return events
            events.append(json.loads(line))
