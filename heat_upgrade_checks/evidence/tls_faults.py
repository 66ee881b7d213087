"""What is wrong where a management API does not answer by TLS, and what to do about it."""

import ssl
from collections.abc import Iterator

# x509_vfy.h of OpenSSL: X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, and the mismatches of
# host name, mail address and IP address.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = range(62, 65)
# What OpenSSL calls an answer that is no TLS; 3.x has names of its own for the same.
_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING"}


def fault_of(error: BaseException) -> str:
    """The fault that is behind this error, with the key of the plan that mends it."""
    faults = [each for each in _behind(error) if isinstance(each, ssl.SSLError)]
    for fault in faults:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return _refused(fault)
    if any(fault.reason in _NO_TLS for fault in faults):
        return "nobody speaks TLS there; write http:// in broker.management, or its port for https"
    reason = next((fault.reason for fault in faults if fault.reason), "no reason is given")
    return (
        f"TLS fails ({reason.replace('_', ' ').lower()}); see that the versions and ciphers of its "
        "listener are those of this machine, or correct broker.management in the plan"
    )


def _refused(fault: ssl.SSLCertVerificationError) -> str:
    """What OpenSSL has against a certificate."""
    if fault.verify_code in _OTHER_NAME:
        return (
            "its TLS certificate is for another name; write a name that it has in "
            "broker.management, or have it issued for this one"
        )
    if fault.verify_code == _EXPIRED:
        return "its TLS certificate has expired; renew it on the broker"
    if fault.verify_code == _NOT_YET_VALID:
        return "its TLS certificate is not valid yet; correct the clock of this machine or of it"
    return (
        f"its TLS certificate is not trusted ({fault.verify_message}); "
        "name the authority's file as broker.ca_file in the plan"
    )


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it was made of: urllib3 hands them on as arguments and reasons."""
    found: list[object] = [error]
    seen: set[int] = set()
    while found:
        each = found.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            found += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
