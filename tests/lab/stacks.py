"""Stacks that need no other service, made and watched through a Heat API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import requests

from tests.lab.keystone import Keystone
from tests.services import processes
from tests.services.processes import ServerError
from tests.settling import settled


def template(seconds: float = 0, steps: int = 1, fail: bool = False) -> dict[str, Any]:
    """A random string, and steps that depend on one another and take that many seconds each."""
    resources: dict[str, Any] = {"random": {"type": "OS::Heat::RandomString"}}
    for number in range(steps):
        resources[f"step{number}"] = {
            "type": "OS::Heat::TestResource",
            "properties": {
                "value": f"step {number}",
                "fail": fail,
                # Only for the creation: a stack is to be got rid of at once.
                "action_wait_secs": {"create": seconds},
            },
            "depends_on": [f"step{number - 1}"] if number else [],
        }
    return {"heat_template_version": "2018-08-31", "resources": resources}


class Endpoint(Protocol):
    """Where Heat is asked: an API, or what stands before several."""

    @property
    def url(self) -> str:
        """Its address as the catalogue has it."""

    @property
    def log(self) -> Path:
        """What it wrote."""


class Stacks:
    """The stacks of one of the operator's projects, seen through one API."""

    def __init__(self, keystone: Keystone, api: Endpoint, project: str = Keystone.project) -> None:
        self._keystone = keystone
        self._api = api
        self._project = project
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Connection"] = "close"

    def create(
        self,
        name: str,
        body: dict[str, Any],
        timeout_minutes: int = 60,
        files: Mapping[str, str] | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> str:
        """Begin to create a stack, with the files that its template names; its id."""
        request = {"stack_name": name, "template": body, "timeout_mins": timeout_minutes}
        request["files"] = dict(files or {})
        request["environment"] = dict(environment or {})
        answer = self._request("POST", "stacks", request)
        return str(answer.json()["stack"]["id"])

    def update(self, name: str, body: dict[str, Any]) -> None:
        """Begin to update a stack to another template."""
        stack = self.show(name)
        path = f"stacks/{stack['stack_name']}/{stack['id']}"
        self._request("PUT", path, {"template": body})

    def update_existing(self, name: str) -> None:
        """Begin to update a stack to what it is: `openstack stack update --existing`."""
        stack = self.show(name)
        self._request("PATCH", f"stacks/{stack['stack_name']}/{stack['id']}", {})

    def cancel(self, name: str) -> None:
        """Cancel a stack's action: `openstack stack cancel --no-rollback`."""
        stack = self.show(name)
        path = f"stacks/{stack['stack_name']}/{stack['id']}/actions"
        self._request("POST", path, {"cancel_without_rollback": None})

    def clear_hook(self, name: str, resource: str, hook: str) -> None:
        """Let a paused resource go on: `openstack stack hook clear`."""
        stack = self.show(name)
        path = f"stacks/{stack['stack_name']}/{stack['id']}/resources/{resource}/signal"
        self._request("POST", path, {"unset_hook": hook})

    def delete(self, name: str) -> None:
        """Begin to delete a stack."""
        stack = self.show(name)
        self._request("DELETE", f"stacks/{stack['stack_name']}/{stack['id']}")

    def show(self, name: str) -> dict[str, Any]:
        """A stack by name or id."""
        stack: dict[str, Any] = self._request("GET", f"stacks/{name}").json()["stack"]
        return stack

    def status(self, name: str) -> str:
        """Action and status of a stack, such as CREATE_IN_PROGRESS."""
        return str(self.show(name)["stack_status"])

    def wait(self, name: str, status: str, seconds: float = 120) -> None:
        """Wait until a stack has this status; a failure that is not waited for is an error."""

        def ask() -> str:
            try:
                stack = self.show(name)
            except requests.HTTPError as error:
                if status == "DELETE_COMPLETE" and error.response.status_code == 404:
                    return status
                raise
            seen = str(stack["stack_status"])
            if seen.endswith("_FAILED") and seen != status:
                raise ServerError(f"stack {name}: {seen}: {stack['stack_status_reason']}")
            return seen

        settled(ask, lambda seen: seen == status, f"stack {name} {status}", seconds)

    def _request(self, method: str, path: str, body: object = None) -> requests.Response:
        root = self._api.url.replace("%(project_id)s", self._keystone.project_ids[self._project])
        if "X-Auth-Token" not in self._session.headers:
            self._session.headers["X-Auth-Token"] = self._keystone.operator_token(self._project)
        # Just after its start, under load, Heat may find Keystone "temporarily unavailable".
        answer = settled(
            lambda: self._session.request(method, f"{root}/{path}", json=body, timeout=120),
            lambda answer: answer.status_code != 503,
            f"Heat available: {method} {path}",
        )
        if not answer.ok:
            message = f"Heat: {method} {path}: {answer.status_code} {answer.text}"
            detail = f"{message}\n{processes.tail(self._api.log)}"
            raise requests.HTTPError(detail, response=answer)
        return answer
