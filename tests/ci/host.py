"""The part of GitHub's and GitLab's API that comments go through, on this machine's loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlsplit


@dataclass
class CodeHost:
    """One request's comments, oldest first, and who asks."""

    kind: Literal["github", "gitlab"]
    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def add(self, body: str, *, ours: bool) -> None:
        """A comment of ours, or of somebody else."""
        number = len(self.comments) + 1
        who = {"user": {"type": "Bot" if ours else "User"}, "author": {"id": 7 if ours else 8}}
        self.comments.append({"id": number, "body": body, **who})

    def variables(self, file: str) -> dict[str, str]:
        """What a job finds in its environment."""
        if self.kind == "github":
            given = {
                "GITHUB_API_URL": self.url,
                "GITHUB_REPOSITORY": "acme-ml/platform",
                "GITHUB_TOKEN": "t",
                "NUMBER": "12",
            }
        else:
            given = {"CI_API_V4_URL": self.url, "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "12", "GITLAB_TOKEN": "t"}
        return {**given, "FILE": file}


LISTS = {"github": "/repos/acme-ml/platform/issues/12/comments", "gitlab": "/projects/5/merge_requests/12/notes"}
ONE = {"github": "/repos/acme-ml/platform/issues/comments/", "gitlab": "/projects/5/merge_requests/12/notes/"}
EDITS = {"github": "PATCH", "gitlab": "PUT"}
AS = {"github": ("Authorization", "Bearer t"), "gitlab": ("PRIVATE-TOKEN", "t")}


@contextmanager
def code_host(kind: Literal["github", "gitlab"]) -> Generator[CodeHost]:
    """A host that answers what its documentation says, and 404 to everything else."""
    host = CodeHost(kind)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            where = urlsplit(self.path)
            header, token = AS[kind]
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            host.asked.append(f"{self.command} {self.path}")
            known = self.headers.get(header) == token
            found = self.known(where.path, parse_qs(where.query), body) if known else None
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def known(self, path: str, query: dict[str, list[str]], body: bytes) -> Any:
            if (self.command, path) == ("GET", "/user") and kind == "gitlab":
                return {"id": 7}
            if (self.command, path) == ("GET", LISTS[kind]):
                size, page = int(query["per_page"][0]), int(query["page"][0])
                return host.comments[(page - 1) * size : page * size]
            if (self.command, path) == ("POST", LISTS[kind]):
                host.add(json.loads(body)["body"], ours=True)
                return host.comments[-1]
            if self.command == EDITS[kind] and path.startswith(ONE[kind]):
                host.comments[int(path.rpartition("/")[2]) - 1]["body"] = json.loads(body)["body"]
                return {}
            return None

        do_GET = do_POST = do_PATCH = do_PUT = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{cast(int, server.server_port)}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
