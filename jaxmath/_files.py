"""Files that the library writes: whose a file is that is already there, one encoder of arrays, one atomic writer."""

import contextlib
import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

_DTYPES = {
    "BOOL": np.dtype(bool),
    **{f"{kind}{bits}": np.dtype(f"{kind.lower()}{bits // 8}") for kind in "IU" for bits in (8, 16, 32, 64)},
    "BF16": np.dtype(jnp.bfloat16),
    **{f"F{bits}": np.dtype(f"f{bits // 8}") for bits in (16, 32, 64)},
    "C64": np.dtype(np.complex64),
}
_NO_CHECKSUM = "0" * 64  # stands in the header while the SHA-256 of the whole file is computed


def as_path(name: str, path: Any) -> Path:
    """TypeError unless it is the path of a file, ValueError if no file can have it."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{name}: expected the path of a file, got {type(path).__name__}")
    try:
        possible = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise ValueError(f"{name}: no file can have the name {os.fspath(path)!r}; name another one")
    return Path(path)


def check_access(complaint: str, path: Path) -> None:
    """Raises unless the system can say whether there is such a file: a name too long, a loop of links."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise type(error)(f"{complaint} {path}: {error.strerror or error}") from error


def check_output(complaint: str, path: Path, kind: str, is_ours: Callable[[Path], bool]) -> None:
    """Raises unless a file can be written here without the loss of one that is not of this kind.

    Args:
      complaint: how a message begins: ``"train.fit: cannot write the log"``.
      path: of the file.
      kind: what the function writes, for the message: ``"a log of train.fit"``.
      is_ours: whether a file, which is there and not empty, is of this kind.
    """
    problem = f"{complaint} {path}"
    check_access(complaint, path)
    if not path.parent.is_dir():
        kind_of_error = NotADirectoryError if path.parent.exists() else FileNotFoundError
        raise kind_of_error(f"{problem}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise IsADirectoryError(f"{problem}: it is a folder; name a file")
    if path.exists():
        if not path.is_file():
            raise FileExistsError(f"{problem}: it is no regular file; name another one")
        if not os.access(path, os.W_OK):
            raise PermissionError(f"{problem}: the file that is there is read-only; name another one")
        if path.stat().st_size and not _holds(is_ours, path):
            raise FileExistsError(f"{problem}: the file that is there is not {kind}; name another one, or move it away")
    try:
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise type(error)(f"{problem}: {error.strerror or error}") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces a file in one step: a reader, or a crash, sees the old one or the new one.

    A link stays one: the file that it leads to is replaced. The new file has the permissions of the old one.
    """
    path = path.resolve()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it takes the old one's place
        os.chmod(temporary, stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_output(complaint: str, path: Path, data: bytes, kind: str, is_ours: Callable[[Path], bool]) -> None:
    """:func:`check_output`, then :func:`write_bytes`; whatever fails names the function and the file."""
    check_output(complaint, path, kind, is_ours)
    try:
        write_bytes(path, data)
    except OSError as error:
        raise type(error)(f"{complaint} {path}: {error.strerror or error}") from error


def json_of(path: Path) -> Any:
    """What a JSON file holds; None if it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def to_numpy(name: str, where: str, array: Any) -> np.ndarray:
    """An array as the format holds it: contiguous, in the byte order of the machine."""
    if isinstance(array, Tracer):
        raise TypeError(f"{name}: {where} is traced; write files outside of jax.jit")
    if isinstance(array, jax.Array) and jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        raise TypeError(f"{name}: {where} is a random key; save jax.random.key_data of it")
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise TypeError(f"{name}: {where} is a masked array; save its data and its mask, or array.filled(...)")
    array = np.asarray(array)
    dtype = array.dtype.newbyteorder("=")
    if dtype not in _DTYPES.values():
        raise TypeError(f"{name}: {where} has dtype {array.dtype}, which the format does not hold")
    return np.ascontiguousarray(array, dtype).reshape(array.shape)


def from_numpy(array: np.ndarray) -> jax.Array | np.ndarray:
    """An array of JAX; integers that JAX cannot hold (without x64 those beyond 32 bits) stay of NumPy."""
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    if array.dtype.kind in "iu" and array.size and dtype != array.dtype:
        limits = np.iinfo(dtype)
        if not limits.min <= int(array.min()) <= int(array.max()) <= limits.max:
            return array
    return jnp.asarray(array, dtype)


def encode(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file: arrays of :func:`to_numpy`, text in its header, and a checksum of all of it."""
    from safetensors.numpy import save

    data = save(dict(arrays), metadata={**metadata, "checksum": _NO_CHECKSUM})
    return _with_checksum(data, _NO_CHECKSUM, hashlib.sha256(data).hexdigest())


def read_bytes(name: str, path: Path) -> bytes:
    """The bytes of a file; whatever fails names the function and the file."""
    check_access(f"{name}: cannot read", path)
    if path.is_dir():
        raise IsADirectoryError(f"{name}: {path} is a folder, expected a file")
    if not path.is_file():
        raise FileNotFoundError(f"{name}: no file {path}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise type(error)(f"{name}: cannot read {path}: {error.strerror or error}") from error


def read_arrays(name: str, path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a safetensors file, and the text in its header; a checksum that is there is checked."""
    from safetensors import SafetensorError, deserialize

    data = read_bytes(name, path)
    try:
        parts = deserialize(data)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{name}: {path} is not a complete safetensors file ({error})") from error
    metadata = _metadata(data[8 : 8 + int.from_bytes(data[:8], "little")]) or {}
    _check_metadata(name, path, data, metadata)
    if unknown := [part["dtype"] for _, part in parts if part["dtype"] not in _DTYPES]:
        raise ValueError(f"{name}: {path} holds an array of type {unknown[0]}, which this version does not read")
    arrays = {key: np.frombuffer(v["data"], _DTYPES[v["dtype"]]).reshape(v["shape"]) for key, v in parts}
    return arrays, metadata


def metadata_of(path: Path) -> dict[str, str]:
    """The text in the header of a safetensors file, without its arrays; empty if it is no such file."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length <= path.stat().st_size:
            return _metadata(file.read(length)) or {}
    return {}


def _check_metadata(name: str, path: Path, data: bytes, metadata: dict[str, str]) -> None:
    damaged = f"{name}: {path} is damaged: its checksum is not that of its bytes; take another copy of it"
    if "checksum" in metadata:
        found = metadata["checksum"]
        if not re.fullmatch("[0-9a-f]{64}", found) or found == _NO_CHECKSUM:
            raise ValueError(damaged)
        if hashlib.sha256(_with_checksum(data, found, _NO_CHECKSUM)).hexdigest() != found:
            raise ValueError(damaged)
    elif "jaxmath" in metadata and metadata.keys() - {"jaxmath", "structure", "model"}:
        raise ValueError(damaged)  # the name of the checksum is what has changed


def _with_checksum(data: bytes, old: str, new: str) -> bytes:
    # Within a text of the header, a quotation mark has a backslash before it.
    return data.replace(f'"checksum":"{old}"'.encode(), f'"checksum":"{new}"'.encode(), 1)


def _metadata(header: bytes) -> dict[str, str] | None:
    try:
        found = json.loads(header).get("__metadata__")
    except (ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _holds(is_ours: Callable[[Path], bool], path: Path) -> bool:
    try:
        return is_ours(path)
    except OSError:
        return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
