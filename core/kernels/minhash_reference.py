"""What cpu/minhash.cpp and cpu/minhash.h compute, in plain Python: to be read, to be tested against, and to run
where nothing was built. Hundreds of times slower.
"""

import re

import numpy as np

_WORD64 = (1 << 64) - 1
_SEED, _MULTIPLIER, _BASE = 0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD, 0xD6E8FEB86659FD93
ALL_PAIRS = 16  # documents of one bucket that are all compared with one another

# Code points beyond ASCII that separate words, and those that are a word each (Han, kana, bopomofo).
_BETWEEN = (
    "\x80-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u1680\u2000-\u206f\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020"
    "\u302a-\u303f\ufe10-\ufe1f\ufe30-\ufe6f\ufeff\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65")
_ALONE = (
    "\u3005-\u3007\u3021-\u3029\u3040-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff")
_WORDS = re.compile(rf"[{_ALONE}]|[a-z0-9]+(?:[^\x00-\x7f{_BETWEEN}{_ALONE}]|[a-z0-9])*"
                    rf"|[^\x00-\x7f{_BETWEEN}{_ALONE}](?:[^\x00-\x7f{_BETWEEN}{_ALONE}]|[a-z0-9])*")


def words_of(text: str) -> list[str]:
    """The words that shingles are made of: lower case, without punctuation; each Han character is one."""
    return _WORDS.findall(text.lower())


def stir(h: int) -> int:
    """The finaliser of MurmurHash3: every bit of the result depends on every bit of ``h``."""
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD & _WORD64
    h ^= h >> 33
    h = h * 0xC4CEB9FE1A85EC53 & _WORD64
    return h ^ h >> 33


def word_hash(word: str) -> int:
    """64 bits of one word, folded eight bytes at a time."""
    data, h = word.encode("utf-8", "surrogatepass"), _SEED
    whole = len(data) // 8 * 8
    last = int.from_bytes(data[whole:], "little") | (len(data) - whole + 1) << 56
    for chunk in [int.from_bytes(data[i : i + 8], "little") for i in range(0, whole, 8)] + [last]:
        h = (h ^ chunk) * _MULTIPLIER & _WORD64
        h ^= h >> 32
    return h


def shingle_hashes(text: str, words: int) -> list[int]:
    """Hashes of every ``words`` neighbouring words, in order; a shorter document is one shingle.

    Args:
        words: in a shingle; 0 = the whole document is one.
    """
    hashes = [word_hash(word) for word in words_of(text)]
    width = words if words and words <= len(hashes) else len(hashes)
    found = []
    for start in range(len(hashes) - width + 1 if width else 0):
        h = 0
        for part in hashes[start : start + width]:
            h = (h * _BASE + part) & _WORD64
        found.append(stir(h))
    return found


def minima(shingles: np.ndarray, multipliers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The MinHash signature of one document.

    Args:
        shingles: uint32, (S,).
        multipliers, offsets: uint32, (P,): permutation i is x -> multipliers[i] * x + offsets[i] mod 2**32.
    Returns:
        uint32, (P,); all ones for a document without shingles.
    Source: Broder 1997, On the resemblance and containment of documents.
    """
    if not len(shingles):
        return np.full(len(multipliers), 0xFFFFFFFF, np.uint32)
    return (shingles[:, None] * multipliers + offsets).min(axis=0)


def band_keys(signature: np.ndarray, bands: int, rows: int) -> list[int]:
    """64 bits of each band of a signature: two documents with an equal one are candidates."""
    keys = []
    for band in range(bands):
        key = band + 1
        for value in signature[band * rows : (band + 1) * rows]:
            key = stir(key ^ int(value))
        keys.append(key)
    return keys


def band_pairs(keys: np.ndarray, rows: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of rows, the lower first, that share a key."""
    buckets: dict[int, list[int]] = {}
    for key, row in sorted(zip(keys.tolist(), rows.tolist())):
        buckets.setdefault(key, []).append(row)
    pairs = set()
    for bucket in buckets.values():
        if len(bucket) <= ALL_PAIRS:
            pairs |= {(a, b) for i, a in enumerate(bucket) for b in bucket[i + 1 :]}
        else:
            pairs |= {(bucket[0], b) for b in bucket[1:]} | set(zip(bucket, bucket[1:]))
    return {(a, b) for a, b in pairs if a != b}


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Exact Jaccard similarity of two lists of shingles seen as sets; 0 when both are empty."""
    a, b = set(first.tolist()), set(second.tolist())
    return len(a & b) / len(a | b) if a or b else 0.0


def root(parents: np.ndarray, row: int) -> int:
    """The lowest row of the cluster that ``row`` is in."""
    while parents[row] != row:
        parents[row] = row = parents[parents[row]]
    return int(row)
