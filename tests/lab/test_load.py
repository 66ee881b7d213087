"""What the background load makes of what it saw. That it notices losses: test_whole_upgrades."""

from tests.lab.load_book import Book, Outage, Request, outages


def test_an_outage_lasts_until_a_probe_is_answered_again() -> None:
    probes = [(0.0, True), (0.2, False), (0.4, False), (0.6, True), (0.8, True), (1.0, False)]
    found = outages(probes, 3.0)
    assert [(each.began, round(each.seconds, 3)) for each in found] == [(0.2, 0.4), (1.0, 2.0)]
    assert outages([(0.0, True)], 1.0) == []
    assert outages([(0.0, False)], 1.0) == [Outage(0.0, 1.0)]


def test_the_report_counts_what_was_not_answered_well() -> None:
    book = Book()
    book.requests += [
        Request(0.0, 0.5, "GET stacks/a", 200),
        Request(1.0, 0.5, "GET stacks/b", 404, expected_404=True),
        Request(2.0, 0.5, "GET stacks/c", 404, "NotFound"),
        Request(3.0, 5.0, "POST stacks", 0, "ReadTimeout"),
    ]
    # The one that was sent first may be entered last.
    book.probes += [(0.4, True), (0.2, False), (0.0, True)]
    report = book.report(4.0)
    assert [failure.what for failure in report.failures] == ["GET stacks/c", "POST stacks"]
    assert (report.requests, report.probes) == (4, 3)
    assert round(report.longest_outage, 3) == round(report.downtime, 3) == 0.2
    assert "at 3.0 s, after 5.0 s: POST stacks: no answer (ReadTimeout)" in str(report)
