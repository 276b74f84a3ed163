"""The adapter that the settings configure."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from transcription.vendors.registry import VENDORS, get_vendor
from transcription.vendors.rtzr import Rtzr


@pytest.fixture(autouse=True)
def _fresh_registry() -> Iterator[None]:
    get_vendor.cache_clear()
    yield
    get_vendor.cache_clear()


def test_a_configured_vendor_is_made_once() -> None:
    vendor = get_vendor("rtzr")
    assert isinstance(vendor, Rtzr)
    assert get_vendor("rtzr") is vendor


def test_every_vendor_of_the_settings_exists() -> None:
    assert set(django_settings.STT_VENDORS) <= set(VENDORS)


def test_every_vendor_bears_the_name_that_it_is_asked_for_by() -> None:
    assert [get_vendor(name).name for name in django_settings.STT_VENDORS] == list(
        django_settings.STT_VENDORS
    )


def test_an_unknown_vendor_is_refused_by_name() -> None:
    with pytest.raises(LookupError, match=r"'nobody'.*rtzr"):
        get_vendor("nobody")


def test_a_vendor_that_is_not_configured_is_refused(settings: Settings) -> None:
    settings.STT_VENDORS = {}
    with pytest.raises(LookupError, match="'rtzr'"):
        get_vendor("rtzr")
