"""What counts as an answer of Heat's API, and what reaches whom: nothing follows a redirect."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.api import clock as api_clock
from heat_upgrade_checks.evidence.api import endpoints as api
from heat_upgrade_checks.evidence.api.cloud import Cloud as PlansCloud
from heat_upgrade_checks.evidence.api.endpoints import Api, Endpoint
from heat_upgrade_checks.evidence.api.questions import LIST_ONE_STACK
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks.cfn_signals import CfnSignals
from heat_upgrade_checks.gates.judgement import Judgement
from tests.judging import check_at, judge
from tests.services.processes import free_port
from tests.unit.evidence.a_cloud import (
    NO_STACKS,
    PASSWORD,
    TOKEN,
    UNSIGNED,
    Cloud,
    Reply,
    a_site,
    reply,
    served,
    written,
)

# openstacksdk's own, of what it is not asked for.
pytestmark = pytest.mark.filterwarnings("ignore:Support for InfluxDB")

NO_SIGNALS = CfnSignals(0, ())
ONE_STACK = {
    "stacks": [{"id": "6b3f", "stack_name": "web", "stack_status": "CREATE_COMPLETE"}],
    "links": [{"rel": "next", "href": "http://h/v1/p/stacks?limit=1&marker=6b3f"}],
}
HTML = b"<html><body>Log in</body></html>"
NOT_AN_ANSWER = [
    pytest.param(Reply(200, HTML, {"Content-Type": "text/html"}), id="a page"),
    pytest.param(Reply(200, b""), id="nothing"),
    pytest.param(Reply(200, b"[]"), id="a list"),
    pytest.param(Reply(200, b"null"), id="null"),
    pytest.param(Reply(200, b'{"stacks": ['), id="half"),
    pytest.param(Reply(200, b'{"stacks": null}'), id="no stacks"),
    pytest.param(Reply(200, b'{"stacks": [null]}'), id="no stack"),
    pytest.param(reply(200, {"error": {"type": "MessagingTimeout"}}), id="an error"),
    pytest.param(reply(200, {"versions": []}), id="versions"),
    pytest.param(reply(202, NO_STACKS), id="accepted"),
    pytest.param(reply(300, {"versions": []}), id="choices"),
    pytest.param(Reply(204), id="no content"),
    pytest.param(Reply(503, HTML), id="a proxy's error"),
    pytest.param(reply(504, {"error": {"type": "MessagingTimeout"}}), id="a timeout"),
    pytest.param(Reply(200, b" " * (1 << 20) + b'{"stacks": []}'), id="too much"),
]


@pytest.fixture
def clouds() -> Iterator[ExitStack]:
    with ExitStack() as running:
        yield running


@pytest.fixture
def cloud(clouds: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud whose API answers as it should."""
    made = Cloud()
    url = clouds.enter_context(served(made))
    made.catalogue["west", "public"] = f"{url}/v1"
    made.replies["/v1/stacks"] = reply(200, NO_STACKS)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(written(url, tmp_path)))
    return made


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path)


def _judged(facts: Api, phase: str = "pre", host: str = "", **more: Any) -> Judgement:
    signals = more.pop("cfn_signals", NO_SIGNALS)
    check = check_at("api.answers", phase)
    return judge(check, phase, host=host, api=facts, cfn_signals=signals)


def _asked_by_the_clock(site: Site) -> None:
    api_clock._question(PlansCloud(site), api_clock._Ask())


@pytest.mark.parametrize("document", [NO_STACKS, ONE_STACK])
def test_a_list_of_stacks_is_an_answer(document: Any, cloud: Cloud, site: Site) -> None:
    cloud.replies["/v1/stacks"] = reply(200, document)
    gate = _judged(api.observe(site))
    assert not gate.findings
    assert not gate.unknowns
    _asked_by_the_clock(site)


@pytest.mark.parametrize("answer", NOT_AN_ANSWER)
def test_anything_else_is_none(answer: Reply, cloud: Cloud, site: Site) -> None:
    cloud.replies["/v1/stacks"] = answer
    (found,) = _judged(api.observe(site)).findings
    assert found.level == "blocker"
    assert f"answers {answer.status} " in found.summary
    with pytest.raises(api_clock._Unanswered, match=f"answers {answer.status} "):
        _asked_by_the_clock(site)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_neither_token_nor_password_goes_where_a_redirect_leads(
    status: int, clouds: ExitStack, cloud: Cloud, site: Site
) -> None:
    login = Cloud(replies={"/v1/stacks": reply(200, NO_STACKS)})
    elsewhere = clouds.enter_context(served(login))
    away = Reply(status, b"", {"Location": f"{elsewhere}/v1/stacks"})

    cloud.replies["/v1/stacks"] = away
    (found,) = _judged(api.observe(site)).findings
    assert found.level == "blocker"
    assert f"answers {status} and sends its callers to 127.0.0.1, which is not fo" in found.summary
    with pytest.raises(api_clock._Unanswered, match="sends its callers to 127"):
        _asked_by_the_clock(site)

    cloud.replies["/identity/v3/auth/tokens"] = away
    for ask in (api.observe, _asked_by_the_clock):
        with pytest.raises(Unobserved, match=r"sends its callers elsewhere.*`auth_url`"):
            ask(site)
    assert any(PASSWORD in each for each in cloud.sent)
    assert not login.sent


def test_what_echoes_the_token_is_not_told(cloud: Cloud, site: Site) -> None:
    echo = reply(500, {"error": {"type": TOKEN}})
    cloud.replies["/v1/stacks"] = echo
    facts = api.observe(site)
    assert facts.endpoints[0].error == TOKEN
    assert site.secrets.redact(facts.endpoints[0].error) == "***"
    cloud.replies["/v1/stacks"] = reply(500, {"error": {"type": f"no {TOKEN} 'x'"}})
    assert api.observe(site).endpoints[0].error == "and no error of Heat's own"


# --- each endpoint by itself


@pytest.mark.usefixtures("cloud")
def test_an_unreachable_backend_hides_no_other(clouds: ExitStack, tmp_path: Path) -> None:
    deaf = Cloud(replies={"/v1/stacks": reply(504, {"error": {"type": "MessagingTimeout"}})})
    nobody = f"http://127.0.0.1:{free_port()}"
    facts = api.observe(a_site(tmp_path, nobody, clouds.enter_context(served(deaf))))
    gate = _judged(facts)
    assert [each.object for each in gate.findings] == [f"{deaf.url}/v1"]
    (unknown,) = gate.unknowns
    assert unknown.startswith(f"heat-api at {nobody}/v1: nobody answers")
    assert [each.answers for each in facts.endpoints] == [True, False, False]


@pytest.mark.usefixtures("cloud")
def test_a_refused_account_hides_no_other(clouds: ExitStack, tmp_path: Path) -> None:
    strict = Cloud(replies={"/v1/stacks": Reply(403)})
    gate = _judged(api.observe(a_site(tmp_path, clouds.enter_context(served(strict)))))
    (unknown,) = gate.unknowns
    assert "refuses this account (403)" in unknown


@pytest.mark.usefixtures("cloud")
def test_the_backend_that_leaves_may_be_down_already(tmp_path: Path) -> None:
    leaving = f"http://localhost:{free_port()}"
    facts = api.observe(a_site(tmp_path, leaving))
    gate = _judged(facts, "engine", host="localhost")
    assert not gate.unknowns
    assert [each.level for each in gate.findings] == ["note"]
    assert _judged(facts, "engine", host="other").unknowns
    assert _judged(facts, "pre").unknowns


def test_what_the_catalogue_leads_to_may_not(cloud: Cloud, tmp_path: Path) -> None:
    cloud.replies["/v1/stacks"] = Reply(503)
    facts = api.observe(a_site(tmp_path, cloud.url))
    (found,) = _judged(facts, "engine", host="127.0.0.1").findings
    assert found.level == "blocker"


# --- heat-api-cfn


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        (Reply(400, UNSIGNED), True),
        (Reply(200, UNSIGNED), False),
        (reply(400, {"error": {"type": "HTTPBadRequest"}}), False),
        (reply(300, {"versions": []}), False),
        (reply(401, {"error": "Authentication required"}), False),
        (Reply(503, HTML), False),
        (Reply(200, HTML), False),
    ],
)
def test_the_cfn_api_answers_itself_and_gets_no_token(
    answer: Reply, good: bool, cloud: Cloud, site: Site
) -> None:
    other = Cloud(replies={"/cfn/v1/": answer})
    with served(other) as url:
        cloud.cfn = f"{url}/cfn/v1"
        facts = api.observe(site)
    assert [each.answers for each in facts.endpoints] == [True, good]
    assert other.sent
    assert TOKEN not in "".join(other.sent)
    assert [each.level for each in _judged(facts).findings] == ["blocker"] * (not good)


def test_servers_that_sign_need_an_endpoint(cloud: Cloud, site: Site) -> None:
    signing = CfnSignals(2, ("web (6b3f)",))
    (unknown,) = _judged(api.observe(site), cfn_signals=signing).unknowns
    assert unknown.startswith("2 live stacks sign requests to heat-api-cfn, such as web (6b3f)")
    cloud.cfn = f"{cloud.url}/cfn/v1"
    cloud.replies["/cfn/v1/"] = Reply(400, UNSIGNED)
    assert not _judged(api.observe(site), cfn_signals=signing).unknowns


# --- broken answers


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Each container of a document with each of its keys."""
    keys = document.keys() if isinstance(document, dict) else range(len(document))
    for key in list(keys):
        yield document, key
        if isinstance(document[key], dict | list):
            yield from _places(document[key])


@st.composite
def broken(draw: st.DrawFn, status: int, document: Any) -> Reply:
    """One answer with one thing wrong with it, or only another order of its keys."""
    made = json.loads(json.dumps(document))
    places = list(_places(made))
    headers: dict[str, str] = {"Content-Type": "application/json"}
    kind = draw(st.sampled_from(["drop", "put", "cut", "twice", "turn", "status", "page", "away"]))
    holder, key = draw(st.sampled_from(places))
    if kind == "drop":
        del holder[key]
    if kind == "put":
        junk = [None, True, -1, 1.5, "", "x" * 300, [], {}, [None], {"a": 1}, TOKEN]
        holder[key] = draw(st.sampled_from(junk))
    if kind == "twice" and isinstance(holder, list):
        holder.append(holder[key])
    if kind == "turn" and isinstance(holder, dict):
        turned = dict(reversed(list(holder.items())))
        holder.clear()
        holder.update(turned)
    if kind == "status":
        status = draw(st.sampled_from([200, 201, 204, 300, 304, 400, 404, 413, 500, 502, 503, 504]))
    if kind == "away":
        status = draw(st.sampled_from([301, 302, 303, 307, 308]))
        headers["Location"] = draw(st.sampled_from(["", "/", "http://[", "https://login/x"]))
    body = json.dumps(made).encode()
    if kind == "cut":
        body = body[: draw(st.integers(0, len(body) - 1))]
    if kind == "page":
        body = HTML
    return Reply(status, body, headers)


def _received(answer: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw = answer.status, BytesIO(answer.body)
    response.headers.update(answer.headers)
    return response


def test_a_broken_list_is_equal_or_none() -> None:
    outcomes: Counter[bool] = Counter()

    @settings(max_examples=1000, derandomize=True, database=None, deadline=None)
    @given(broken(200, ONE_STACK))
    def breaks(answer: Reply) -> None:
        error = LIST_ONE_STACK.error(_received(answer))
        outcomes[not error] += 1
        if not error:
            assert answer.status == 200
            assert all(isinstance(each["id"], str) for each in json.loads(answer.body)["stacks"])

    breaks()
    assert outcomes[True] > 20
    assert outcomes[False] > 200


def test_a_broken_keystone_is_equal_or_unobserved(cloud: Cloud, site: Site) -> None:
    whole = api.observe(site).endpoints[0].url
    outcomes: Counter[str] = Counter()

    @settings(max_examples=1000, derandomize=True, database=None, deadline=None)
    @given(st.booleans(), st.data())
    def breaks(has_header: bool, data: st.DataObject) -> None:
        answer = data.draw(broken(201, cloud.token()))
        header = {"X-Subject-Token": TOKEN} if has_header else {}
        cloud.replies["/identity/v3/auth/tokens"] = Reply(
            answer.status, answer.body, {**answer.headers, **header}
        )
        try:
            facts = api.observe(site)
        except Unobserved:
            outcomes["unobserved"] += 1
            return
        # What Keystone says of roles, names and times is not asked for.
        assert [each.url for each in facts.endpoints if each.answers] in ([whole], [])
        outcomes["equal" if facts.endpoints[0].answers else "told"] += 1

    breaks()
    assert outcomes["unobserved"] > 60
    assert outcomes["equal"] > 30


def _backend(host: str, **changes: Any) -> Endpoint:
    url = f"http://{host}:8004"
    made = Endpoint("heat-api", url, "a list of one stack", False, url, status=200)
    return replace(made, **changes)


def test_the_last_backend_that_answers_is_not_taken_away() -> None:
    api1, api2 = _backend("api1"), _backend("api2")
    assert _judged(Api("lab", (api1, api2)), "engine", host="API1").findings == []
    (last,) = _judged(Api("lab", (api1,)), "engine", host="api1").findings
    assert (last.level, last.object) == ("blocker", "http://api1:8004")
    assert "is the last API that answers of 1 backend in the plan" in last.summary
    down = replace(api2, status=None, unseen="Heat's API at http://api2:8004 is down")
    gate = _judged(Api("lab", (api1, down)), "engine", host="api1")
    assert [finding.object for finding in gate.findings] == ["http://api1:8004"]
    # The host of an engine alone, and a plan that names no backend.
    assert _judged(Api("lab", (api1,)), "engine", host="control1").findings == []
    assert _judged(Api("lab", (replace(api1, backend=""),)), "engine", host="api1").findings == []
