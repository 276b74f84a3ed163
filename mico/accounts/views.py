"""Signing in with a link, and the password of one's own."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from mico.accounts.links import redeem


@never_cache
@require_GET  # and not HEAD: a look ahead must not use it up
def signin_link(request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
    """Signs in whoever has the link. Used or too old: says so."""
    user = redeem(uidb64, token)
    if user is not None:
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect("meetings")
    if request.user.is_authenticated:  # the link was followed twice by the same browser
        return redirect("meetings")
    return render(request, "accounts/link_over.html", status=410)


class PasswordView(PasswordChangeView):
    """Changes the password; sets the first one for somebody who came by a link and has none."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("meetings")

    def get_form_class(self) -> type[SetPasswordForm[User]]:  # type: ignore[override]
        """Without an old password there is none to ask for."""
        has_one = cast("User", self.request.user).has_usable_password()
        return PasswordChangeForm if has_one else SetPasswordForm

    def form_valid(self, form: Form) -> HttpResponse:
        """Says that it worked, since the next page looks like any other."""
        messages.success(self.request, _("Your password is set."))
        return super().form_valid(form)  # type: ignore[arg-type]
