"""Backups that cannot be looked into, known by their first bytes."""

from heat_upgrade_checks.evidence.backup import sqlite as backup_sqlite

_DECRYPT = (
    "decrypt it into a folder that only you may read, name that copy in backup.path, and delete it "
    "after this phase"
)

# Formats that cannot be looked into, known by their first bytes: name, and what to do meanwhile.
_FORMATS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x04\x22\x4d\x18", "lz4", "compress with gzip, xz or zstd"),
    (b"PK\x03\x04", "zip", "compress with gzip, xz or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z", "compress with gzip, xz or zstd"),
    (b"Salted__", "encrypted with openssl", _DECRYPT),
    (b"age-encryption.org/", "encrypted with age", _DECRYPT),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted with PGP", _DECRYPT),
    (b"XBCRYP", "encrypted with xbcrypt", _DECRYPT),
    (b"<?xml", "XML dump", "dump without --xml"),
    (backup_sqlite.MAGIC, "sqlite", "leave the copy uncompressed"),
    (b"\x1f\x8b", "gzip", "compress the dump once"),
    (b"\x28\xb5\x2f\xfd", "zstd", "compress the dump once"),
)


def foreign(head: bytes) -> tuple[str, str]:
    """The name of a format that cannot be looked into, and why it says nothing of completeness."""
    if head[257:262] == b"ustar":
        return "tar", "is a tar archive, which cannot be read by this version: name the dump itself"
    for magic, name, remedy in _FORMATS:
        if head.startswith(magic) and remedy == _DECRYPT:
            return name, f"is {name}, so nothing of it can be read: {remedy}"
        if head.startswith(magic):
            return name, f"is of format {name}, which cannot be read by this version: {remedy}"
    return "unknown", (
        "begins like no dump of mariadb-dump, mysqldump, mariabackup, pg_dump or SQLite: "
        f"it is damaged at its head, of an unknown format or encrypted; if encrypted, {_DECRYPT}"
    )
