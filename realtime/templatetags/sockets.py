"""The sockets' URLs, for templates. `{% url %}` does not find them, because Django does not serve them."""

from django import template
from django.urls import reverse

register = template.Library()


@register.simple_tag
def socket_url(name: str, *args: object) -> str:
    """Return the path of the socket with this name in `realtime.routing`. Raises NoReverseMatch if there is none."""
    return reverse(name, urlconf="realtime.routing", args=args)
