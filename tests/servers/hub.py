"""A Hub on loopback that speaks the Hugging Face Hub's protocol, and fails as it is told to.

    with HubServer() as hub:
        hub.add("acme/Tiny-GGUF", {"tiny-Q4_K_M.gguf": b"GGUF…", "README.md": b"# Tiny"})
        ... HF_ENDPOINT=hub.endpoint ...
        assert hub.requests[-1].range == (0, 65535)

Files above `cdn_above` bytes are given out by a second server on another port, as the Hub does: a
redirect to a signed address that expires. What is asked is in `requests`; what goes wrong is set in
`faults`. The protocol: https://huggingface.co/docs/hub/api and `huggingface_hub`'s own client.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from tests.servers.hub_content import Content, RateLimit, blob_id_of, pieces, sha256_of, size_of

PAGE_LENGTH = 20
LFS_ABOVE = 10_000
"""Files above it have a sha256 and may lie on the CDN, as on the Hub."""


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    server: str
    """`hub` or `cdn`."""
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, list[str]]

    @property
    def range(self) -> tuple[int, int | None] | None:
        """First and last byte asked for."""
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        return (int(match[1]), int(match[2]) if match[2] else None) if match else None

    @property
    def token(self) -> str | None:
        """The token that came with it."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return value if kind == "Bearer" else None


@dataclass
class Served:
    """Bytes of a file that were sent: where from, and how many."""

    path: str
    start: int
    count: int = 0


@dataclass
class HubRepo:
    """A repository with its files at one commit."""

    name: str
    files: dict[str, Content]
    commit: str
    gated: str | bool = False
    """False, "auto" or "manual"."""
    is_private: bool = False
    info: dict[str, Any] = field(default_factory=dict)
    """More of what the API says: downloads, likes, lastModified, trendingScore, tags, gguf …"""


@dataclass
class Faults:
    """What goes wrong; each number counts down as it is used."""

    status: int = 0
    """Answer with this status instead, `status_count` times (429, 500, 503 …)."""
    status_count: int = 0
    status_headers: dict[str, str] = field(default_factory=dict)
    status_where: str = "/resolve/"
    """Only for addresses that contain it; "/signed/" is the CDN's."""
    cut_after: int | None = None
    """Break the connection after so many bytes of a file, `cut_count` times."""
    cut_count: int = 0
    stall_after: int | None = None
    """Send so many bytes of a file and then nothing, `stall_count` times."""
    stall_count: int = 0
    no_ranges: bool = False
    """Answer 200 with the whole file whatever range is asked for."""
    wrong_range: bool = False
    """Answer 206 with bytes from the beginning, and say so."""
    damage: bool = False
    """Change a byte of each answer."""
    expired_count: int = 0
    """Refuse so many signed addresses, though they are fresh, with 403."""
    hang_api: threading.Event | None = None
    """Hold every answer of the API until this is set."""
    next_page_at: str | None = None
    """Name another address for the next page of a search, as a mirror may."""
    portal: bool = False
    """Answer everything with a web page, as a hotel's network does."""
    slow_first_byte_s: float = 0.0

    def take(self, name: str) -> bool:
        """Use up one of a counted fault; False where none is left."""
        with _LOCK:
            left = getattr(self, name)
            if left <= 0:
                return False
            setattr(self, name, left - 1)
            return True


_LOCK = threading.Lock()


class HubServer:
    """The Hub and its CDN; a context manager. `rate` is bytes per second for all together."""

    def __init__(
        self, *, rate: float | None = None, token: str | None = "hf_right", port: int = 0
    ) -> None:
        self.token = token
        self.rate = RateLimit(rate)
        self.faults = Faults()
        self.repos: dict[str, HubRepo] = {}
        self.requests: list[Asked] = []
        self.served: list[Served] = []
        self.cdn_above: int | None = LFS_ABOVE
        """Files above it are redirected to the CDN; `None`: all come from the Hub itself."""
        self.signature_s = 3600.0
        self.ended = threading.Event()
        self._servers = [_listen(self, "hub", port), _listen(self, "cdn", 0)]
        self._threads: list[threading.Thread] = []

    @property
    def endpoint(self) -> str:
        """The Hub's address, for `HF_ENDPOINT`."""
        return f"http://127.0.0.1:{self._servers[0].server_port}"

    @property
    def cdn_address(self) -> str:
        """The CDN's address: another host as far as a client can tell."""
        return f"http://localhost:{self._servers[1].server_port}"

    def add(
        self,
        repo: str,
        files: Mapping[str, Content],
        *,
        gated: str | bool = False,
        private: bool = False,
        **info: Any,
    ) -> HubRepo:
        """Publish a repository, or a new commit of one."""
        commit = hashlib.sha1(f"{repo} {time.time_ns()}".encode(), usedforsecurity=False)
        self.repos[repo] = HubRepo(
            repo, dict(files), commit.hexdigest(), gated, private, dict(info)
        )
        return self.repos[repo]

    def asked_for(self, path: str, server: str | None = None) -> list[Asked]:
        """Return the requests whose address contains `path`."""
        return [a for a in self.requests if path in a.path and server in {None, a.server}]

    def bytes_served(self, path: str = "", *, since: int = 0) -> int:
        """Return the bytes of files sent so far, without the first `since` answers."""
        return sum(served.count for served in self.served[since:] if path in served.path)

    def sign(self, path: str) -> str:
        """Return the CDN's address for a file, good for `signature_s`."""
        expires = time.time() + self.signature_s
        return f"{self.cdn_address}/signed{quote(path)}?{urlencode({'Expires': f'{expires:.3f}'})}"

    def __enter__(self) -> Self:
        for server in self._servers:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        if self.faults.hang_api is not None:
            self.faults.hang_api.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    hub: HubServer
    label: str

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has left is no error."""


def _listen(hub: HubServer, label: str, port: int) -> _Server:
    server = _Server(("127.0.0.1", port), _Handler)
    server.hub = hub
    server.label = label
    return server


class _Refused(Exception):
    def __init__(self, status: int, code: str | None = None, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *args: Any) -> None:
        """Quiet."""

    def _answer(self) -> None:
        hub = self.server.hub
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.server.label, self.command, path, headers, parse_qs(parts.query))
        hub.requests.append(asked)
        with suppress(ConnectionError):
            try:
                self._route(hub, asked)
            except _Refused as refused:
                body = json.dumps({"error": refused.message}).encode()
                extra = {"X-Error-Message": refused.message}
                if refused.code:
                    extra["X-Error-Code"] = refused.code
                self._send(refused.status, body, extra)

    def _route(self, hub: HubServer, asked: Asked) -> None:
        faults = hub.faults
        if faults.portal:
            page = b"<html><body>Welcome to the hotel</body></html>"
            self._send(200, page, kind="text/html")
        elif faults.status_where in asked.path and faults.take("status_count"):
            self._send(faults.status, b"{}", faults.status_headers)
        elif self.server.label == "cdn":
            self._give_from_cdn(hub, asked)
        elif asked.path.startswith("/api/"):
            if faults.hang_api is not None:
                faults.hang_api.wait(60)
            self._api(hub, asked)
        else:
            self._resolve(hub, asked)

    # the API

    def _api(self, hub: HubServer, asked: Asked) -> None:
        if asked.path == "/api/whoami-v2":
            if hub.token is None or asked.token != hub.token:
                raise _Refused(401, None, "Invalid user token.")
            self._json({"type": "user", "name": "reader", "auth": {"type": "access_token"}})
        elif asked.path == "/api/models":
            self._search(hub, asked)
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", asked.path):
            repo = self._readable(hub, asked, match[1], match[2])
            self._json([_tree_entry(path, content) for path, content in repo.files.items()])
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+?)(?:/revision/([^/]+))?", asked.path):
            repo = self._readable(hub, asked, match[1], match[2] or "main")
            self._json(_model(repo, with_files=True, blobs="blobs" in asked.query))
        else:
            self._json({})

    def _search(self, hub: HubServer, asked: Asked) -> None:
        query = {name: values[-1] for name, values in asked.query.items()}
        wanted = query.get("search", "").lower().split()
        found = [
            repo
            for repo in hub.repos.values()
            if (not repo.is_private or asked.token == hub.token)
            and all(word in repo.name.lower() for word in wanted)
            and (not query.get("author") or repo.name.startswith(query["author"] + "/"))
            and _matches(repo, asked.query)
        ]
        key = query.get("sort", "trendingScore")
        found.sort(key=lambda repo: _sort_value(repo, key), reverse=True)
        start = int(query.get("cursor", "0"))
        length = min(int(query.get("limit", PAGE_LENGTH)), PAGE_LENGTH)
        headers = {}
        if start + length < len(found):
            following = urlencode({**asked.query, "cursor": [str(start + length)]}, doseq=True)
            address = hub.faults.next_page_at or hub.endpoint
            headers["Link"] = f'<{address}/api/models?{following}>; rel="next"'
        shown = found[start : start + length]
        self._json([_model(repo, with_files=True, blobs=False) for repo in shown], headers)

    def _readable(self, hub: HubServer, asked: Asked, name: str, revision: str) -> HubRepo:
        repo = hub.repos.get(name)
        is_known = hub.token is not None and asked.token == hub.token
        if asked.token is not None and not is_known:
            raise _Refused(401, None, "Invalid credentials in Authorization header")
        if repo is None or (repo.is_private and not is_known):
            # the Hub does not tell strangers which repositories there are
            raise _Refused(404 if is_known else 401, "RepoNotFound", "Repository not found")
        if revision not in {"main", repo.commit}:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repo

    # files

    def _resolve(self, hub: HubServer, asked: Asked) -> None:
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", asked.path)
        if match is None:
            raise _Refused(404, None, "Not found")
        repo = self._readable(hub, asked, match[1], match[2])
        if repo.gated and (asked.token is None or asked.token != hub.token):
            status = 401 if asked.token is None else 403
            raise _Refused(status, "GatedRepo", f"Access to model {repo.name} is restricted.")
        path = match[3]
        content = repo.files.get(path)
        if content is None:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        headers = {"X-Repo-Commit": repo.commit, "Accept-Ranges": "bytes"}
        if size_of(content) > LFS_ABOVE:
            digest = f'"{sha256_of(content)}"'
            headers |= {"X-Linked-Size": str(size_of(content)), "X-Linked-ETag": digest}
            headers["ETag"] = digest
        else:
            headers["ETag"] = f'"{blob_id_of(content)}"'
        if hub.cdn_above is not None and size_of(content) > hub.cdn_above:
            headers["Location"] = hub.sign(f"/{repo.name}/{path}")
            self._send(302, b"Found. Redirecting", headers)
            return
        self._give(hub, asked, content, headers)

    def _give_from_cdn(self, hub: HubServer, asked: Asked) -> None:
        expires = float(asked.query.get("Expires", ["0"])[0])
        if expires < time.time() or hub.faults.take("expired_count"):
            self._send(403, b"<Error><Code>AccessDenied</Code></Error>", kind="application/xml")
            return
        match = re.fullmatch(r"/signed/([^/]+/[^/]+)/(.+)", asked.path)
        repo = hub.repos.get(match[1]) if match else None
        content = repo.files.get(match[2]) if repo and match else None
        if content is None:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", kind="application/xml")
            return
        headers = {"ETag": f'"{sha256_of(content)}"', "Accept-Ranges": "bytes"}
        self._give(hub, asked, content, headers)

    def _give(
        self, hub: HubServer, asked: Asked, content: Content, headers: dict[str, str]
    ) -> None:
        faults, size = hub.faults, size_of(content)
        start, stop, status = 0, size, 200
        if asked.range is not None and not faults.no_ranges:
            start = asked.range[0]
            last = asked.range[1]
            stop = size if last is None else min(size, last + 1)
            if start >= size:
                self._send(416, b"", {"Content-Range": f"bytes */{size}"})
                return
            if faults.wrong_range:
                start, stop = 0, stop - start
            status = 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        if faults.slow_first_byte_s:
            hub.ended.wait(faults.slow_first_byte_s)
        self._head(status, stop - start, "application/octet-stream", headers)
        if self.command == "HEAD":
            return
        served = Served(asked.path, start)
        hub.served.append(served)
        self._pour(hub, content, served, stop)

    def _pour(self, hub: HubServer, content: Content, served: Served, stop: int) -> None:
        faults = hub.faults
        cut = faults.cut_after if faults.take("cut_count") else None
        stall = faults.stall_after if faults.take("stall_count") else None
        is_first = True
        for whole in pieces(content, served.start, stop):
            piece = whole
            if faults.damage and is_first:
                piece = bytes([piece[0] ^ 0xFF]) + piece[1:]
            is_first = False
            hub.rate.wait_for(len(piece), hub.ended)
            limit = cut if cut is not None else stall
            if limit is not None and served.count + len(piece) > limit:
                piece = piece[: max(0, limit - served.count)]
            # before it is sent: who has received it finds it counted
            served.count += len(piece)
            self.wfile.write(piece)
            if len(piece) < len(whole):
                if stall is not None:
                    hub.ended.wait(60)
                self.close_connection = True
                return
            if hub.ended.is_set():
                self.close_connection = True
                return

    # answers

    def _json(self, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send(200, json.dumps(value).encode(), headers)

    def _send(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> None:
        self._head(status, len(body), kind, headers or {})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, length: int, kind: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _tree_entry(path: str, content: Content) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": size_of(content)}
    entry["oid"] = blob_id_of(content) if size_of(content) <= LFS_ABOVE else "0" * 40
    if size_of(content) > LFS_ABOVE:
        entry["lfs"] = {"oid": sha256_of(content), "size": size_of(content), "pointerSize": 135}
    return entry


def _sibling(path: str, content: Content, *, blobs: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"rfilename": path}
    if blobs:
        size = size_of(content)
        entry |= {"size": size, "blobId": "0" * 40 if size > LFS_ABOVE else blob_id_of(content)}
        if size > LFS_ABOVE:
            entry["lfs"] = {"sha256": sha256_of(content), "size": size, "pointerSize": 135}
    return entry


def _model(repo: HubRepo, *, with_files: bool, blobs: bool) -> dict[str, Any]:
    model: dict[str, Any] = {
        "_id": repo.commit[:24],
        "id": repo.name,
        "modelId": repo.name,
        "author": repo.name.partition("/")[0],
        "sha": repo.commit,
        "lastModified": "2026-10-01T12:00:00.000Z",
        "createdAt": "2026-01-01T12:00:00.000Z",
        "private": repo.is_private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": 100,
        "likes": 10,
        "trendingScore": 1,
        "tags": ["gguf", "region:us"],
        "pipeline_tag": "text-generation",
        **repo.info,
    }
    if with_files:
        model["siblings"] = [
            _sibling(path, content, blobs=blobs) for path, content in repo.files.items()
        ]
    return model


def _sort_value(repo: HubRepo, key: str) -> Any:
    return _model(repo, with_files=False, blobs=False).get(key) or 0


def _matches(repo: HubRepo, query: Mapping[str, list[str]]) -> bool:
    model = _model(repo, with_files=False, blobs=False)
    tags = set(model["tags"])
    wanted: set[str] = set(query.get("filter", []))
    if not wanted <= tags:
        return False
    if "pipeline_tag" in query and model["pipeline_tag"] != query["pipeline_tag"][-1]:
        return False
    bounds = dict(
        part.split(":") for part in query.get("num_parameters", [""])[-1].split(",") if part
    )
    if not bounds:
        return True
    total = (model.get("gguf") or {}).get("total")
    return (
        total is not None
        and ("min" not in bounds or total >= _number(bounds["min"]))
        and ("max" not in bounds or total <= _number(bounds["max"]))
    )


def _number(text: str) -> float:
    """Return a count as the Hub's queries write it: `7B`, `1.5B`, `350M`."""
    return float(text[:-1]) * {"K": 1e3, "M": 1e6, "B": 1e9}[text[-1]]
