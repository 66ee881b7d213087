"""Names chosen by strangers stay text in every report."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from pydantic import TypeAdapter

from heat_upgrade_checks.records.gate import Gate, dump
from heat_upgrade_checks.report import html, index, junit, markdown

Read = Callable[[str], Any]

ATTACKS = {
    "script": "<script>alert(1)</script>",
    "attribute": "\"><img src=x onerror=alert(1)>' onclick='x",
    "closing": "</title></style></code></pre></table>]]>-->",
    "template": "{{ 7 * 7 }}{% raw %}",
    "table": "a | b |\n|---|---|\n| c | d |",
    "backticks": "``` x ` y `` z",
    "block": "x\n\n# heading\n\n- item\n<b>\n```\nfence",
    "link": "[click](javascript:alert(1)) ![i](http://x.example/y) <http://x.example>",
    "emphasis": "*a* _b_ ~~c~~ \\* &lt; &#60;",
    "control": "a\x00b\x08c\x0bd\x1b[31me\x7ff\x9bg\r",
    "reorder": "invoice\u202egpj.exe\u2066\u2069\u200b",
    "surrogate-free-nonsense": "\ufffe\uffff\U000e0041",
    "long": "<|`" * 3000,
    "empty": "",
}


def _poisoned(value: object, attack: str, key: str = "") -> object:
    """The value with every free text in it replaced."""
    if isinstance(value, dict):
        return {name: _poisoned(each, attack, name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_poisoned(each, attack) for each in value]
    return attack if type(value) is str and key not in {"mode", "schema"} else value


@pytest.fixture(params=list(ATTACKS.values()), ids=list(ATTACKS))
def hostile(request: pytest.FixtureRequest, no_go: Gate) -> Gate:
    """A gate in which every field that can hold free text holds the attack."""
    adapter = TypeAdapter(Gate)
    gate = adapter.validate_python(_poisoned(adapter.dump_python(no_go), request.param))
    assert gate.checks[1].findings[0].object == gate.evidence[0].source == request.param
    return gate


MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def test_pages(hostile: Gate, no_go: Gate, read: Read) -> None:
    name = hostile.upgrade.name
    for page, peaceful in (
        (html.render(hostile), html.render(no_go)),
        (
            index.render([(name, hostile), (name, name)]),
            index.render([("01-pre", no_go), ("02-pre", "gate.json cannot be read")]),
        ),
    ):
        seen, expected = read(page), read(peaceful)
        assert len(page.encode()) < html.SIZE_LIMIT
        assert seen.tags <= expected.tags
        assert {each for each, _ in seen.attributes} <= {each for each, _ in expected.attributes}
        links = [value for each, value in seen.attributes if each == "href"]
        assert all(re.fullmatch(r"#[^<>\"' ]*|[^<>\"' :]*/gate\.html", link) for link in links)
        assert not UNSEEN.search(page)
        assert "49}" not in page


def test_markdown(hostile: Gate) -> None:
    comment = markdown.render(hostile)
    assert len(comment.encode()) < 4000
    assert not UNSEEN.search(comment)
    for line in filter(None, comment.splitlines()):
        assert re.match(r"##+ (NO-GO|Blockers|Could|Warn|Waived|Not)| {0,2}- |Is it safe", line), (
            line
        )
        prose = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", line)
        prose = re.sub(r"\\.", "", prose).replace("**No. Do not take the next step.**", "")
        assert not re.search(r"[<`|\[\]*~]", prose), line


def test_markdown_as_it_is_rendered(hostile: Gate) -> None:
    tokens = MARKDOWN.parse(markdown.render(hostile))
    kinds = {token.type for token in tokens}
    kinds |= {child.type for token in tokens for child in token.children or ()}
    assert {kind.removesuffix("_open").removesuffix("_close") for kind in kinds} <= {
        "heading",
        "paragraph",
        "bullet_list",
        "list_item",
        "inline",
        "text",
        "strong",
        "code_inline",
        "text_special",
    }


@pytest.mark.parametrize(
    "text",
    [
        "*a* _b_ __c__ ~~d~~ \\* engine_worker_1",
        "&lt; &#60; &copy; a & b; <b>",
        "[oslo_messaging_rabbit] ![x](y) `code` a | b -> c",
    ],
)
def test_markdown_shows_sentences_as_they_are(
    make: Callable[..., Gate], no_go: Gate, text: str
) -> None:
    gate = make([replace(no_go.checks[3], reason=text)])
    shown = [
        "".join(child.content for child in token.children or ())
        for token in MARKDOWN.parse(markdown.render(gate))
    ]
    assert text in shown


def test_junit(hostile: Gate) -> None:
    document = junit.render(hostile)
    assert not UNSEEN.search(document.decode().replace("&#10;", ""))
    suites = ElementTree.fromstring(document)  # noqa: S314
    assert {element.tag for element in suites.iter()} == {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "error",
        "skipped",
        "system-out",
    }
    assert suites[0].get("failures") == "2"


def test_the_document_keeps_what_was_observed(hostile: Gate) -> None:
    written = json.loads(dump(hostile))
    assert written["upgrade"]["name"] == hostile.upgrade.name


def test_a_command_is_shown_as_one_quoted_argument(no_go: Gate, read: Read) -> None:
    adapter = TypeAdapter(Gate)
    attack = "x'; rm -rf / #<script>"
    gate = adapter.validate_python(_poisoned(adapter.dump_python(no_go), attack))
    quoted = """'x'"'"'; rm -rf / #<script>'"""
    assert f"\n{quoted} {quoted}" in read(html.render(gate)).text
