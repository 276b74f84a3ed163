"""The sockets' URLs in the templates."""

import pytest
from django.urls import NoReverseMatch

from realtime.templatetags.sockets import socket_url


def test_the_url_of_a_socket_is_the_one_that_the_routing_serves() -> None:
    assert socket_url("meeting", 7) == "/ws/meetings/7/"
    assert socket_url("vendor", "rtzr") == "/ws/vendors/rtzr/"


@pytest.mark.parametrize(("name", "argument"), [("meetings", 7), ("meeting", "rtzr"), ("vendor", "a/b")])
def test_there_is_no_url_for_an_unknown_socket(name: str, argument: object) -> None:
    with pytest.raises(NoReverseMatch):
        socket_url(name, argument)
