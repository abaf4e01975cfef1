"""What is checked before a library gets a file over which it would fill the memory, crash, or read other files."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Any

from leadline.errors import LeadlineError
from leadline.text import bytes_text

FREE_BYTES = 256 << 20
"""Files may unpack to this much, whatever they are."""
EXPANSION = 100
"""How many times its own size a file may unpack to beyond that: numbers and texts shrink to a tenth or so."""
DEEPEST = 200
"""JSON that is nested deeper is no table; Arrow reads it by recursion, without a limit of its own."""
_BLOCK = 1 << 22
_NESTED = re.compile(rb"(?:[\[{]\s*(?:\"[^\"\n]{0,200}\"\s*:\s*)?){%d}" % DEEPEST)


def gunzip(source: str, raw: bytes) -> bytes:
    """The content of a gzip file, which may have several parts. `LeadlineError`: it unpacks to far too much."""
    content, rest = io.BytesIO(), raw
    while rest:
        unpacker = zlib.decompressobj(wbits=31)
        while rest and not unpacker.eof:
            content.write(unpacker.decompress(rest, _BLOCK))
            check_unpacked(source, content.tell(), len(raw))
            rest = unpacker.unconsumed_tail if not unpacker.eof else unpacker.unused_data
        if not unpacker.eof:
            raise EOFError("Compressed file ended before its end was reached")
        rest = rest.lstrip(b"\0")
    return content.getvalue()


def check_archive(source: str, raw: bytes) -> None:
    """`LeadlineError`: a zip archive says itself that it unpacks to far too much, or holds too many files."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        check_unpacked(source, sum(each.file_size for each in archive.infolist()), len(raw))


def check_json(source: str, raw: bytes) -> None:
    """`LeadlineError`: the JSON is nested so deep that no table is in it."""
    if _NESTED.search(raw):
        raise LeadlineError(f"{source} is nested more than {DEEPEST} deep; a line holds one object with its columns.")


def check_hdf5(source: str, name: str, item: Any) -> None:
    """`LeadlineError`: a data set of an HDF5 file has no values, or takes them from other files."""
    if item.shape is None:
        raise LeadlineError(f"{source}: the array '{name}' is empty: it has a type, and no shape or values.")
    if item.is_virtual or item.external:
        raise LeadlineError(
            f"{source}: the array '{name}' takes its values from other files, which are not read; copy them into it."
        )
    check_unpacked(source, item.size * item.dtype.itemsize, max(item.id.get_storage_size(), 1))


def check_unpacked(source: str, unpacked: int, packed: int) -> None:
    """`LeadlineError`: so many bytes are far more than a file of ``packed`` bytes unpacks to."""
    if unpacked > FREE_BYTES and unpacked > EXPANSION * packed:
        raise LeadlineError(
            f"{source} unpacks to more than {bytes_text(FREE_BYTES)} and {EXPANSION} times its own size, "
            "which no real data do; unpack it yourself if they are."
        )
