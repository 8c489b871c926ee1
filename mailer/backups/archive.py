"""The file of a backup: a ZIP whose last member, the manifest, says what belongs in it.

    tables/NAME.jsonl   the rows of a table
    files/NUMBER        settings, secrets, templates; the manifest says where each belongs
    manifest.json       versions, moment, mark, and size, SHA-256 and rows of every member

Whoever reads one may have got it from anywhere: names, sizes and hashes are checked before a
byte of it is used, and nothing larger than the manifest says is ever unpacked.
"""

import hashlib
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mailer.errors import FileInvalid, Refused

FORMAT = 1
MANIFEST = "manifest.json"
PRIVATE = 0o600

LARGEST_MANIFEST = 4_000_000
"""Bytes of a manifest: some ten thousand templates; more is no backup of ours."""

LONGEST_LINE = 64_000_000
"""Bytes of one row: a document of 20 MB in base64 fits three times."""

MOST_SWELLING = 400
"""How much larger than its archive a backup may be: our rows shrink to a tenth, or a fiftieth."""

BLOCK = 1 << 20
TABLE = re.compile(r"tables/[a-z][a-z0-9_]{0,62}\.jsonl")
FILE = re.compile(r"files/[0-9]{4}")


@dataclass(frozen=True, slots=True)
class Member:
    """What the manifest says of a member; `path` and `role` of files only, `rows` of tables."""

    name: str
    size: int
    sha256: str
    rows: int = 0
    path: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, and what it is a copy of.

    `mark` is how far the database had come, `unkept` names settings that came from the
    environment and are in no file.
    """

    format: int
    version: str
    schema: str
    made_at: str
    database: str
    mark: dict[str, Any] = field(default_factory=dict)
    key_ids: tuple[int, ...] = ()
    unkept: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()

    @property
    def moment(self) -> datetime:
        """Give when the copy was taken."""
        return datetime.fromisoformat(self.made_at)

    @property
    def tables(self) -> dict[str, Member]:
        """Give the members that are tables, by the table's name."""
        rows = (one for one in self.members if TABLE.fullmatch(one.name))
        return {one.name.removeprefix("tables/").removesuffix(".jsonl"): one for one in rows}

    @property
    def files(self) -> list[Member]:
        """Give the members that are files."""
        return [one for one in self.members if FILE.fullmatch(one.name)]

    @property
    def size(self) -> int:
        """Give the bytes of everything, unpacked."""
        return sum(one.size for one in self.members)


class Writer:
    """An archive in the making."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self.members: list[Member] = []

    def table(self, name: str, lines: Iterator[bytes]) -> int:
        """Put in a table, line by line (the first names its columns); give its rows."""
        count, digest, size = -1, hashlib.sha256(), 0
        path = f"tables/{name}.jsonl"
        with self._zip.open(path, "w", force_zip64=True) as out:
            for line in lines:
                out.write(line)
                digest.update(line)
                size += len(line)
                count += 1
        self.members.append(Member(path, size, digest.hexdigest(), rows=count))
        return count

    def file(self, path: str, role: str, content: bytes) -> None:
        """Put in a file that belongs at `path`."""
        name = f"files/{sum(FILE.fullmatch(one.name) is not None for one in self.members):04}"
        self._zip.writestr(name, content)
        found = hashlib.sha256(content).hexdigest()
        self.members.append(Member(name, len(content), found, path=path, role=role))

    def manifest(self, manifest: Manifest) -> None:
        """Put in the manifest; nothing may follow."""
        self._zip.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1, ensure_ascii=False))


@contextmanager
def writing(target: Path) -> Iterator[Writer]:
    """Write an archive that appears under its name whole, or not at all; never over another.

    Raises Refused when there is such a file already.
    """
    if target.exists():
        raise Refused(f"there is already a {target}; nothing was written")
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    making = Path(name)  # private: mkstemp lets nobody else read it
    try:
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                yield Writer(archive)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(making, target)  # unlike a rename, it replaces nothing
        except FileExistsError:
            raise Refused(f"there is already a {target}; nothing was written") from None
        _keep_name(target.parent)
    finally:
        making.unlink(missing_ok=True)


def _keep_name(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Reader:
    """An archive that was found in order as far as names and sizes tell."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        """Read the manifest; FileInvalid when this is no backup, or not a whole one."""
        self.path = path
        self._zip = archive
        self.manifest = _manifest(path, archive)
        _check_members(path, archive, self.manifest)

    def lines(self, member: Member) -> Iterator[bytes]:
        """Give the lines of a table; FileInvalid as soon as they are not what was packed."""
        rest = b""
        for block in self._blocks(member):
            *whole, rest = (rest + block).split(b"\n")
            yield from whole
            if len(rest) > LONGEST_LINE:
                raise FileInvalid(self.path, None, f"{member.name} has a line that never ends")
        if rest:
            yield rest

    def content(self, member: Member) -> bytes:
        """Give a file's content."""
        return b"".join(self._blocks(member))

    def verify(self) -> None:
        """Read everything once; FileInvalid when anything is not what was packed."""
        for member in self.manifest.members:
            for _ in self._blocks(member):
                pass

    def _blocks(self, member: Member) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), member.size
        try:
            with self._zip.open(member.name) as packed:
                while block := packed.read(BLOCK):
                    left -= len(block)
                    if left < 0:
                        break
                    digest.update(block)
                    yield block
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise _damaged(self.path, f"{member.name} cannot be read: {error}") from None
        if left or digest.hexdigest() != member.sha256:
            raise _damaged(self.path, f"{member.name} is not what was packed")


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Open an archive; FileInvalid, with what is wrong, when it cannot be trusted."""
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise FileInvalid(path, None, "there is no such file") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _damaged(path, f"not a whole ZIP file: {error}") from None
    with archive:
        yield Reader(path, archive)


def _manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        entry = archive.getinfo(MANIFEST)
        if entry.file_size > LARGEST_MANIFEST:
            raise FileInvalid(path, None, "its manifest is too large to be one of ours")
        with archive.open(entry) as packed:
            found = json.loads(packed.read(LARGEST_MANIFEST + 1))
        if found["format"] > FORMAT:
            raise FileInvalid(
                path, None, "it was made by a newer version of this program: install that first"
            )
        return Manifest(
            **{
                **found,
                "key_ids": tuple(found["key_ids"]),
                "unkept": tuple(found["unkept"]),
                "members": tuple(Member(**one) for one in found["members"]),
            }
        )
    except KeyError:
        raise FileInvalid(path, None, "it has no manifest: not a backup of ours") from None
    except (TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, f"its manifest cannot be read: {error}") from None


def _check_members(path: Path, archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Let nothing be in the archive that the manifest does not name, and the other way about."""
    packed = sorted(entry.filename for entry in archive.infolist())
    if packed != sorted([MANIFEST, *(one.name for one in manifest.members)]):
        raise _damaged(path, "what is in it is not what its manifest says")
    for one in manifest.members:
        if not (TABLE.fullmatch(one.name) or FILE.fullmatch(one.name)):
            raise FileInvalid(
                path, None, f"it holds “{one.name[:80]}”, which no backup of ours has"
            )
        if one.size != archive.getinfo(one.name).file_size:
            raise _damaged(path, f"{one.name} is not as large as its manifest says")
        if one.path and not is_safe(one.path):
            raise FileInvalid(path, None, f"it would write to “{one.path[:80]}”")
    if manifest.size > MOST_SWELLING * max(path.stat().st_size, BLOCK):
        raise FileInvalid(path, None, "it would unpack to far more than a backup can hold")


def is_safe(path: str) -> bool:
    """Tell whether a path from an archive stays inside the folder it is joined to."""
    parts = path.split("/")
    return not (
        path.startswith("/")
        or "\\" in path
        or "\0" in path
        or any(part in {"", ".", ".."} for part in parts)
    )


def _damaged(path: Path, why: str) -> FileInvalid:
    return FileInvalid(path, None, f"damaged or cut off: {why}")
