"""Pages of a list: what is on one, whether another follows, and where that begins."""

from monitor.query.paging import Page


def test_a_page_that_shows_nothing_of_what_it_looked_at_goes_on_behind_it() -> None:
    """Windows without a distribution are left out; a page of nothing else led back to itself for ever."""
    found = [{"n": n} for n in range(7)]
    shown, cursor, pages = [], None, 0
    while pages < 10:
        page = Page.of(3, cursor)
        answer = page.answer(
            [item for item in page.cut(found[: page.reach]) if item["n"] > 3], more=page.is_followed(found)
        )
        shown, cursor, pages = shown + answer["items"], answer["next"], pages + 1
        if cursor is None:
            break
    assert [item["n"] for item in shown] == [4, 5, 6]
    assert pages == 3
