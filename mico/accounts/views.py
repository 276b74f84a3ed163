"""Signing in with a one-time link, and changing one's password."""

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
@require_GET  # not HEAD: a link preview must not use the link up
def signin_link(request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
    """Sign the link's user in, or explain that the link is used or too old."""
    user = redeem(uidb64, token)
    if user is not None:
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect("meetings")
    if request.user.is_authenticated:  # the same browser followed the link twice
        return redirect("meetings")
    return render(request, "accounts/link_over.html", status=410)


class PasswordView(PasswordChangeView):
    """Change the password, or set the first one of a user who signed in by a link."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("meetings")

    def get_form_class(self) -> type[SetPasswordForm[User]]:  # type: ignore[override]
        """Return the form without the old password for a user who has none."""
        has_one = cast("User", self.request.user).has_usable_password()
        return PasswordChangeForm if has_one else SetPasswordForm

    def form_valid(self, form: Form) -> HttpResponse:
        """Add a message, since the next page does not show that the password was changed."""
        messages.success(self.request, _("Your password is set."))
        return super().form_valid(form)  # type: ignore[arg-type]
