"""The oslo libraries of each series, as its Heat was tested with them.

Source: openstack/requirements, upper-constraints.txt of stable/zed to stable/2026.2; what matters
is major and minor, for a stable series moves patch versions. Heat 27 itself requires 3.12 of
oslo.versionedobjects, where 2026.2's file has 3.11.
"""

# Heat's major versions; a newer series is not known here.
SERIES = range(19, 28)

_VERSIONS = {
    "oslo.cache": "3.2 3.3 3.5 3.7 3.8 3.10 3.12 4.1 4.3",
    "oslo.concurrency": "5.0 5.1 5.2 6.0 6.1 7.1 7.2 7.4 7.6",
    "oslo.config": "9.0 9.1 9.2 9.4 9.6 9.7 10.0 10.3 10.7",
    "oslo.context": "5.0 5.1 5.2 5.5 5.6 5.7 6.1 6.3 6.5",
    "oslo.db": "12.1 12.3 14.1 15.0 16.0 17.2 17.4 18.0 18.1",
    "oslo.i18n": "5.1 6.0 6.1 6.3 6.4 6.5 6.6 6.7 6.9",
    "oslo.log": "5.0 5.2 5.3 5.5 6.1 7.1 7.2 8.1 8.3",
    "oslo.messaging": "14.0 14.2 14.4 14.7 14.9 16.1 17.1 17.3 18.2",
    "oslo.middleware": "5.0 5.1 5.2 6.1 6.2 6.3 6.6 8.0 8.2",
    "oslo.policy": "4.0 4.1 4.2 4.3 4.4 4.5 4.6 5.0 6.0",
    "oslo.reports": "2.4 3.0 3.1 3.3 3.4 3.5 3.6 3.7 3.9",
    "oslo.serialization": "5.0 5.1 5.2 5.4 5.5 5.7 5.8 5.9 5.11",
    "oslo.service": "3.0 3.1 3.2 3.4 3.5 4.1 4.3 4.5 4.8",
    "oslo.upgradecheck": "2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8",
    "oslo.utils": "6.0 6.1 6.2 7.1 7.3 8.2 9.1 10.0 10.1",
    "oslo.versionedobjects": "3.0 3.1 3.2 3.3 3.4 3.6 3.8 3.9 3.12",
}

LIBRARIES: dict[str, dict[int, tuple[int, int]]] = {
    name: {
        major: (int(version.partition(".")[0]), int(version.partition(".")[2]))
        for major, version in zip(SERIES, versions.split(), strict=True)
    }
    for name, versions in _VERSIONS.items()
}

# What a library changed for Heat, from the version on (release notes of oslo.messaging).
CHANGES: dict[str, dict[tuple[int, int], str]] = {
    "oslo.messaging": {
        (16, 0): "16.0 no longer reads rabbit_use_ssl and kombu_ssl_*",
        (17, 0): "17.0 no longer reads rabbit_quroum_*",
        (18, 0): "18.0 no longer reads heartbeat_in_pthread",
        (18, 1): "18.1 verifies the broker's name when ssl_ca_file is set",
    }
}
# oslo.messaging's.
TLS_OPTIONS_GONE = (16, 0)
# Heat's major release (2026.2) whose oslo.messaging, 18.1, verifies the broker's name by default.
VERIFIES_HOSTNAME = 27
