"""The URLs below /accounts/."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from mico.accounts import views

urlpatterns = [
    path(
        "login/",
        LoginView.as_view(template_name="accounts/login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", views.PasswordView.as_view(), name="password_change"),
    path("link/<uidb64>/<token>/", views.signin_link, name="signin_link"),
]
