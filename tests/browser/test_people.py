"""A meeting's people in real browsers: guests, who is here and records, and what the owner can do."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints, Site, connected

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def person(page: Page, name: str) -> Locator:
    """Return a person's entry in the list of people."""
    return page.get_by_test_id("person").filter(has_text=name)


def menu(page: Page, name: str) -> Locator:
    """Open the owner's menu for a person. Return the person's entry."""
    line = person(page, name)
    line.get_by_text("Change", exact=True).click()
    return line


def join(visit: Callable[..., Page], owner: Page, name: str) -> Page:
    """Let a guest join by the link, which the owner turns on if need be. Return the guest's page."""
    if not owner.locator("#join-address").count():
        owner.get_by_role("button", name="Let people join by a link").click()
    guest = visit(owner.locator("#join-address").input_value(), name=None)
    guest.get_by_label("Your name").fill(name)
    guest.get_by_test_id("join").click()
    return connected(guest)


def says_recording(page: Page, recording: bool) -> None:
    """Dispatch what the recorder does when it starts or stops."""
    page.evaluate(
        "recording => document.dispatchEvent(new CustomEvent('mico:recording', {detail: {recording}}))",
        recording,
    )


def test_a_guest_joins_is_renamed_records_and_is_removed(
    visit: Callable[..., Page], site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["404"]
    meeting = site.meeting()
    owner = connected(visit(f"/m/{meeting}/"))
    owner.evaluate("() => { window.untouched = true; }")
    guest = join(visit, owner, "Gil <b>")

    for page in owner, guest:
        for name in "Mina", "Gil <b>":
            expect(person(page, name).locator("[data-here]")).to_be_visible()
    expect(person(owner, "Gil")).to_contain_text("guest")
    expect(guest.get_by_test_id("join-link")).to_have_count(0)
    assert guest.goto("/").url.endswith("/accounts/login/?next=/")  # type: ignore[union-attr]
    connected_again = guest.goto(f"/m/{meeting}/")
    assert connected_again
    connected(guest)

    says_recording(guest, recording=True)
    expect(person(owner, "Gil").locator("[data-recording]")).to_be_visible()
    says_recording(guest, recording=False)
    expect(person(owner, "Gil").locator("[data-recording]")).to_be_hidden()

    site.rows(
        meeting,
        "from transcription.models import Participant;"
        "gil = Participant.objects.get(meeting=meeting, user=None);"
        'a_row(meeting, participant=gil, texts=[(0, 900, "", "Hello there.")])',
    )
    owner.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    for page in owner, guest:
        page.reload()
        connected(page)
        expect(page.locator("#transcript .who")).to_contain_text("Gil <b>")
    owner.evaluate("() => { window.untouched = true; }")
    field = menu(owner, "Gil").get_by_role("textbox")
    field.fill("Gilbert")
    field.press("Enter")
    for page in owner, guest:
        expect(person(page, "Gilbert")).to_be_visible()
        expect(page.locator("#transcript .who")).to_contain_text("Gilbert")

    menu(owner, "Gilbert").get_by_role("button", name="Remove from the meeting: Gilbert").click()
    expect(guest.get_by_test_id("connection")).to_contain_text("You are not in this meeting any more.")
    expect(person(owner, "Gilbert")).to_have_count(0)
    expect(owner.locator("#transcript .who")).to_contain_text("Gilbert")
    assert owner.evaluate("window.untouched")
    guest.reload()
    expect(guest.get_by_role("heading")).to_have_text("Nothing here")


def test_the_end_reaches_everybody_and_so_does_the_reopening(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    owner = connected(visit(f"/m/{meeting}/"))
    guest = join(visit, owner, "Gil")
    guest.locator("#record").click()
    expect(person(owner, "Gil").locator("[data-recording]")).to_be_visible()

    owner.get_by_test_id("end").click()

    for page in owner, guest:
        expect(page.get_by_test_id("ended")).to_contain_text("This meeting has ended.")
        expect(page.locator("#record")).to_be_hidden()
    expect(guest.locator("mico-recorder")).not_to_have_attribute("data-state", "recording")
    expect(person(owner, "Gil").locator("[data-recording]")).to_be_hidden()
    late = visit(f"/m/{meeting}/")
    expect(late.get_by_test_id("ended")).to_contain_text("This meeting has ended.")

    owner.get_by_test_id("reopen").click()
    for page in owner, guest, late:
        expect(page.get_by_test_id("ended")).not_to_contain_text(
            "This meeting has ended.", use_inner_text=True
        )
        expect(page.locator("#record")).to_be_visible()


def test_several_tabs_are_one_person_and_a_closed_one_is_gone(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    owner = connected(visit(f"/m/{meeting}/"))
    guest = join(visit, owner, "Gil")
    second = guest.context.new_page()
    second.goto(f"/m/{meeting}/")
    connected(second)
    guest.close()
    expect(person(owner, "Gil").locator("[data-here]")).to_be_visible()
    second.close()
    expect(person(owner, "Gil").locator("[data-here]")).to_be_hidden()


def test_a_deleted_meeting_says_so_on_every_page(
    visit: Callable[..., Page], site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["404"]
    meeting = site.meeting()
    owner = connected(visit(f"/m/{meeting}/"))
    guest = join(visit, owner, "Gil")
    owner.get_by_role("link", name="Delete this meeting").click()
    expect(owner.get_by_role("heading")).to_contain_text("Delete “Weekly”?")
    owner.get_by_test_id("delete").click()
    expect(owner.get_by_role("status")).to_contain_text("The meeting and its recordings are deleted.")
    expect(guest.get_by_test_id("connection")).to_contain_text("This meeting was deleted.")


def test_people_are_invited_without_leaving_the_page(
    visit: Callable[..., Page], site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["422"]
    meeting = site.meeting()
    page, other = connected(visit(f"/m/{meeting}/")), connected(visit(f"/m/{meeting}/"))
    page.evaluate("() => { window.untouched = true; }")
    page.get_by_label("Invite by user name").fill("nobody-here")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("Nobody here has this user name.")).to_be_visible()

    page.get_by_label("Invite by user name").fill("jun")
    page.keyboard.press("Enter")
    for shown in page, other:
        expect(shown.locator("[data-people]")).to_contain_text("Jun")
    menu(page, "Jun").get_by_role("button", name="Remove from the meeting: Jun").click()
    for shown in page, other:
        expect(shown.locator("[data-people]")).not_to_contain_text("Jun")
    assert page.evaluate("window.untouched")


def test_where_the_browser_does_not_let_the_page_copy_the_link_is_marked_for_it(
    visit: Callable[..., Page], site: Site
) -> None:
    page = connected(visit(f"/m/{site.meeting()}/"))
    page.get_by_role("button", name="Let people join by a link").click()
    page.evaluate(
        """() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException("", "NotAllowedError")); }"""
    )
    page.get_by_role("button", name="Copy").click()
    page.wait_for_function(
        """() => {
            const field = document.querySelector("#join-address");
            return field.selectionEnd - field.selectionStart === field.value.length;
        }"""
    )
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
