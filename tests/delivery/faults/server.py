"""
A server that keeps what it is sent, and fails as it is told: `python server.py PORT FOLDER STAGES`.

It knows as much of clew's wire as delivery needs. STAGES is a JSON list of what befalls it, one
after the other, each for so many `requests` or for `seconds` from its first request on; afterwards
it is well. `status` is what it answers meanwhile, with two words of our own: `lost` takes the batch
and drops the connection, `hang` never answers. It notes in FOLDER, a line each, the ids it has
taken (`taken`, duplicates included) and what it answered and when (`answers`).
"""

import gzip
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson


class Server(ThreadingHTTPServer):
    """One run of the script."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, folder, stages):
        super().__init__(("127.0.0.1", port), Handler)
        self.taken = os.open(folder / "taken", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.answers = os.open(folder / "answers", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.stages = [dict(stage) for stage in stages]
        self.known = set((folder / "taken").read_text().split())
        self.lock = threading.Lock()

    def stage(self):
        """What befalls the request that comes now."""
        with self.lock:
            now = time.monotonic()
            while self.stages:
                stage = self.stages[0]
                end = stage.setdefault("end", now + stage.get("seconds", 86_400.0))
                if now < end and stage.setdefault("requests", 1 << 30) > 0:
                    stage["requests"] -= 1
                    return stage
                self.stages.pop(0)
        return {}

    def take(self, facts):
        """Keep facts; gives what became of each."""
        with self.lock:
            os.write(self.taken, "".join(f"{fact['id']}\n" for fact in facts).encode())
            results = [
                {"id": f["id"], "status": "duplicate" if f["id"] in self.known else "applied"}
                for f in facts
            ]
            self.known.update(fact["id"] for fact in facts)
        return results


class Handler(BaseHTTPRequestHandler):
    """Answers `append`, and knows nothing else."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        """There is no policy."""
        self.answer(404, {"title": "nothing here", "status": 404})

    def do_POST(self):
        """Take a batch, as the stage allows."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self.path.endswith("/append"):
            self.answer(404, {"title": "nothing here", "status": 404})
            return
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        facts = [next(iter(item.values())) for item in orjson.loads(body)["items"]]
        stage = self.server.stage()
        time.sleep(stage.get("latency", 0.0))
        status = stage.get("status", 200)
        os.write(self.server.answers, f"{time.monotonic()} {status} {len(facts)}\n".encode())
        if status == "hang":
            threading.Event().wait()
        results = self.server.take(facts) if status in {200, "lost"} else []
        if status == "lost":
            self.close_connection = True
        elif status == 200:
            self.answer(200, {"results": results})
        else:
            after = {"Retry-After": stage["retry_after"]} if "retry_after" in stage else {}
            kind = "urn:clew:problem:fault"
            self.answer(status, {"type": kind, "title": "a fault", "status": status}, after)

    def answer(self, status, document, headers=()):
        """Send one answer by one write."""
        body = orjson.dumps(document)
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, str(value))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


if __name__ == "__main__":
    with Server(int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()
