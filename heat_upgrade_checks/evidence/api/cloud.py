"""The plan's cloud: its Keystone's token, and where its catalogue says that a service is.

openstacksdk is imported where it is used: it takes longer to load than most gates to judge.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import yaml

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.site import Site


class Cloud:
    """One cloud of clouds.yaml, with a token that is renewed when it is old.

    Nothing of it follows a redirect: the password goes to Keystone and the token to Heat, never
    to wherever something else says.

    :param timeout: seconds for whatever is asked without a limit of its own, such as Keystone.
    :raises NotConfigured: no cloud is named.
    :raises Unobserved: the cloud's entry in clouds.yaml cannot be used.
    """

    def __init__(self, site: Site, timeout: float | None = None) -> None:
        import openstack
        from openstack import exceptions as sdk

        name = site.plan.api.cloud or os.environ.get("OS_CLOUD")
        if name is None:
            raise NotConfigured(
                "no cloud is named; add api: {cloud: NAME} to the plan, or set OS_CLOUD"
            )
        self.name, self._secrets = name, site.secrets
        limit: dict[str, Any] = {} if timeout is None else {"api_timeout": timeout}
        with self._asked():
            try:
                self._connection: Any = openstack.connect(
                    cloud=name, app_name="heat-upgrade-check", **limit
                )
            except sdk.ConfigException:
                raise Unobserved(
                    f"cloud {name} is in no clouds.yaml that was found; correct api.cloud or "
                    "OS_CLOUD, or set OS_CLIENT_CONFIG_FILE"
                ) from None
            self._session = self._connection.session
            self._session.redirect = False
        account = self._connection.config.config.get("auth", {})
        for secret in ("password", "token", "application_credential_secret", "passcode"):
            self._secrets.add(account.get(secret))

    def endpoint(self, service: str) -> str | None:
        """Where a service is: by the cloud's entry, or by the catalogue for its region.

        :raises Unobserved: Keystone gives no catalogue.
        """
        with self._asked():
            place = self._connection.endpoint_for(service)
            if place and "%(" in place:
                # As keystoneauth fills in an override.
                project = str(self._session.get_project_id())
                for name in ("project_id", "tenant_id"):
                    place = place.replace(f"%({name})s", project)
            self._secrets.add(urlsplit(place or "").password)
        return place or None

    def token(self, renewed: bool = False) -> dict[str, str]:
        """The header that carries the token, which is a secret from now on.

        :raises Unobserved: Keystone gives none.
        """
        with self._asked():
            if renewed:
                self._session.invalidate()
            headers = dict(self._session.get_auth_headers() or {})
        for value in headers.values():
            self._secrets.add(value)
        return headers

    def get(self, url: str, **options: Any) -> Any:
        """What a service answers to GET, whatever it is; not yet read.

        :raises keystoneauth1.exceptions.ClientException: it gives no answer.
        """
        return self._session.get(
            url,
            authenticated=False,
            raise_exc=False,
            redirect=False,
            stream=True,
            log=False,
            **options,
        )

    @contextmanager
    def _asked(self) -> Iterator[None]:
        from keystoneauth1 import exceptions as ksa
        from openstack import exceptions as sdk

        # What keystoneauth does not expect of a Keystone, it reads with [...] and falls over.
        unexpected = (LookupError, TypeError, ValueError, AttributeError)
        known = (ksa.ClientException, sdk.SDKException, yaml.YAMLError, OSError)
        try:
            yield
        except (*known, *unexpected) as error:
            raise Unobserved(f"cloud {self.name}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Why a cloud's service cannot be asked, and what to do."""
    from keystoneauth1 import exceptions as ksa

    if isinstance(error, ksa.Unauthorized):
        return "Keystone refuses its account; correct it in clouds.yaml"
    if isinstance(error, ksa.MissingRequiredOptions | ksa.NoMatchingPlugin):
        return "its entry in clouds.yaml is not complete; add what `auth` lacks"
    if isinstance(error, ksa.SSLError):
        return "its TLS certificate is not trusted; set `cacert` in clouds.yaml"
    if isinstance(error, ksa.ConnectTimeout | ksa.ConnectFailure | ksa.DiscoveryFailure):
        return "nobody answers; start the service, or correct its URL in clouds.yaml or the plan"
    if isinstance(error, yaml.YAMLError):
        return "its clouds.yaml is not readable as YAML"
    if isinstance(error, ksa.InvalidResponse | LookupError | TypeError | ValueError):
        return (
            "what answers is not Keystone, or sends its callers elsewhere, which is not followed; "
            "write Keystone's own URL as `auth_url` in clouds.yaml"
        )
    return f"it cannot be asked ({type(error).__name__}); check its entry in clouds.yaml"
