"""The bytes of a .wav file: integers of 8 to 32 bits and floats, exactly as they are.

RIFF chunks: "fmt " says what a sample is, "data" holds them, one frame after another
"""

import struct

import numpy as np

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_SIZE = 0xFFFFFFFF  # of a file that was written to a pipe
_KINDS = {
    (PCM, 8): "u8",
    (PCM, 16): "i16",
    (PCM, 24): "i24",
    (PCM, 32): "i32",
    (FLOAT, 32): "f32",
    (FLOAT, 64): "f64",
}
ENCODINGS = {encoding: kind for kind, encoding in _KINDS.items()}


def decode(data):
    """Return what a .wav file holds.

    Args:
        data: bytes of the file.

    Returns:
        x: float64 `[time, channels]`, integers divided by 2^(bits - 1).
        rate: Hz.
        encoding: one of `ENCODINGS`.

    Raises:
        ValueError: if these are not the bytes of a whole .wav file.

    Example:
        >>> decode(encode(np.array([[0.5], [-1.0]]), 8000, "i24"))[0].tolist()
        [[0.5], [-1.0]]
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("it does not begin as a .wav file does")
    chunks = _chunks(data)
    if len(chunks.get(b"fmt ", b"")) < 16 or b"data" not in chunks:
        raise ValueError("it says nothing of its format, or has no data")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    if kind == EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        kind = struct.unpack("<H", chunks[b"fmt "][24:26])[0]
    encoding = _KINDS.get((kind, bits))
    if encoding is None or not channels or not rate:
        raise ValueError(f"its format {kind} of {bits} bits is not known")
    samples = _decode_samples(chunks[b"data"], encoding, channels * bits // 8)
    return samples.reshape(-1, channels), rate, encoding


def encode(x, rate, encoding="i16"):
    """Return the bytes of a .wav file.

    Args:
        x: float `[time, channels]`; rounded to the nearest and clipped, unless kept as floats.
        rate: Hz.
        encoding: one of `ENCODINGS`.

    Returns:
        data: bytes.

    Raises:
        ValueError: if integers should hold a value that is not finite.
    """
    kind, bits = ENCODINGS[encoding]
    frame = x.shape[1] * bits // 8
    samples = _encode_samples(np.asarray(x, np.float64), encoding)
    form = struct.pack("<HHIIHH", kind, x.shape[1], rate, rate * frame, frame, bits)
    if kind == FLOAT:  # what is not PCM also says how many frames there are
        form = b"fmt " + struct.pack("<I", 18) + form + struct.pack("<H", 0)
        form += b"fact" + struct.pack("<II", 4, len(x))
    else:
        form = b"fmt " + struct.pack("<I", 16) + form
    padding = b"\0" * (len(samples) % 2)
    content = b"WAVE" + form + b"data" + struct.pack("<I", len(samples)) + samples + padding
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _chunks(data):
    """Return the first chunk of each name; nothing is read beyond the samples."""
    chunks, place = {}, 12
    while place + 8 <= len(data) and b"data" not in chunks:
        name, size = data[place : place + 4], struct.unpack("<I", data[place + 4 : place + 8])[0]
        content = data[place + 8 : place + 8 + size]
        if len(content) < size != UNKNOWN_SIZE:
            raise ValueError(f"it ends early: {size - len(content)} bytes are missing")
        chunks.setdefault(name, content)
        place += 8 + size + size % 2
    return chunks


def _decode_samples(data, encoding, frame):
    data = data[: len(data) // frame * frame]
    if encoding in ("f32", "f64"):
        return np.frombuffer(data, f"<{encoding[0]}{int(encoding[1:]) // 8}").astype(np.float64)
    if encoding == "u8":
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    if encoding == "i24":  # as the upper bytes of 32 bits
        wide = np.zeros([len(data) // 3, 4], np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0].astype(np.float64) / 2**31
    bits = int(encoding[1:])
    return np.frombuffer(data, f"<i{bits // 8}").astype(np.float64) / 2 ** (bits - 1)


def _encode_samples(x, encoding):
    if encoding in ("f32", "f64"):
        return x.astype(f"<f{int(encoding[1:]) // 8}").tobytes()
    if not np.isfinite(x).all():
        raise ValueError(f"{encoding} can't hold values that are not finite.")
    half = 2 ** (int(encoding[1:]) - 1)
    whole = np.clip(np.rint(x * half), -half, half - 1).astype(np.int64)
    if encoding == "u8":
        return (whole + 128).astype(np.uint8).tobytes()
    if encoding == "i24":
        return whole.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    return whole.astype(f"<i{int(encoding[1:]) // 8}").tobytes()
