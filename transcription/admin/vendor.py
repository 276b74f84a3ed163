"""The console of one vendor: the state of its gate, its traffic, and the actions Hold and Resume.

The page works without JavaScript. With JavaScript it refetches `_vendor.html`, the part that changes, from its own
URL: every few seconds, and at each change of the gate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from transcription import events, room
from transcription.admin import chart, words
from transcription.admin.console import GateConsole
from transcription.gate import GateChange
from transcription.service import disk, episodes, reports, standing, traffic
from transcription.service.accounts import gate_of
from transcription.web.guards import is_fetch

EPISODES_SHOWN = 20


class HoldForm(forms.Form):
    """Hold the gate. The reason is required."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)


class ResumeForm(HoldForm):
    """Resume. After a used-up quota the form asks for a confirmation, since the vendor would refuse again at once."""

    settled = forms.BooleanField(
        label=gettext_lazy("The account has usage again: it was bought, or the vendor renewed it."),
        required=False,
    )

    def __init__(self, *args: Any, quota: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.quota = quota

    def clean_settled(self) -> bool:
        """Require the confirmation if the quota is the reason. Raises ValidationError."""
        settled: bool = self.cleaned_data["settled"]
        if self.quota and not settled:
            raise forms.ValidationError(
                _("The quota was used up. Confirm that the account has usage again, then press Resume.")
            )
        return settled


@dataclass(frozen=True, slots=True)
class ShownEpisode:
    """An episode with its texts for the page."""

    episode: episodes.Episode
    is_now: bool
    lasted: str
    reasons: list[str | Promise]
    lane: str | Promise


class VendorConsole(GateConsole):
    """The gate's history, with a page for each vendor. The permissions of the history apply to both."""

    def get_urls(self) -> list[URLPattern]:
        """Add the vendor pages. `vendor/` redirects to the vendor that new recordings go to."""
        of = "vendor/<slug:vendor>/"
        return [
            path("vendor/", self._guard(self.vendor_of_new), name="transcription_vendor_now"),
            path(of, self._guard(self.vendor_page), name="transcription_vendor"),
            path(f"{of}hold/", self._guard(self.hold), name="transcription_vendor_hold"),
            path(f"{of}resume/", self._guard(self.resume), name="transcription_vendor_resume"),
            *super().get_urls(),
        ]

    def _guard(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        """Wrap a view in the admin's staff and CSRF checks. A fetch gets 401 instead of the sign-in page."""

        def known(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            if arguments.get("vendor", settings.STT_VENDOR) not in settings.STT_VENDORS:
                raise Http404
            return view(request, **arguments)

        guarded: Callable[..., HttpResponseBase] = self.admin_site.admin_view(known)

        def answer(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            if is_fetch(request) and not self.admin_site.has_permission(request):
                return HttpResponse(status=401)
            return guarded(request, **arguments)

        return answer

    # --- Reading

    def vendor_of_new(self, request: HttpRequest) -> HttpResponse:
        """Redirect to the page of the vendor that new recordings go to."""
        return redirect("admin:transcription_vendor", settings.STT_VENDOR)

    @method_decorator(require_safe)
    def vendor_page(self, request: HttpRequest, vendor: str) -> HttpResponse:
        """Show the page, or answer a fetch with the part that changes."""
        return self._show(request, vendor)

    def _show(self, request: HttpRequest, vendor: str, **forms_with_errors: forms.Form) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self._now(request, vendor)
        if is_fetch(request):
            return TemplateResponse(request, "admin/transcription/_vendor.html", context)
        context |= {
            **self.admin_site.each_context(request),
            "title": _("Speech service %(vendor)s") % {"vendor": vendor},
            "opts": self.opts,
            "may_operate": self.has_operate_permission(request),
            "hold_form": HoldForm(auto_id="hold_%s"),
            "resume_form": ResumeForm(auto_id="resume_%s"),
            **forms_with_errors,
        }
        status = 422 if forms_with_errors else 200
        return TemplateResponse(request, "admin/transcription/vendor.html", context, status=status)

    def _now(self, request: HttpRequest, vendor: str) -> dict[str, Any]:
        """Return the context of the part that changes."""
        now = timezone.now()
        [stt] = [each for each in standing.standings() if each["vendor"] == vendor]
        history = episodes.latest(vendor, EPISODES_SHOWN)
        shown = [_shown(each, stt, now) for each in history]
        mode = stt["state"]
        figures = None if mode == "unknown" else standing.figures(vendor)
        return {
            "vendor": vendor,
            "stt": stt,
            "pools": stt["pools"] or [figures],
            "since": _moment(stt["since"]),
            "next_try": _moment(stt["reopens_at"]),
            "words": words.explain(mode, stt["reason"], stt["scope"]),
            "lane": words.lane_in_short(stt["scope"] or "", stt["pool"]),
            "view_state": view_state(mode, stt["reason"], history),
            "figures": figures,
            "charts": _charts(vendor, shown, now) if mode != "unknown" else None,
            "episodes": shown,
            "disk": disk.disk(),
            "sees_work": request.user.has_perm("transcription.view_transcription"),
        }

    # --- Actions

    @method_decorator(require_POST)
    def hold(self, request: HttpRequest, vendor: str) -> HttpResponse:
        """POST: hold the gate, for a stated reason."""
        self._must_operate(request)
        form = HoldForm(request.POST, auto_id="hold_%s")
        if not form.is_valid():
            return self._show(request, vendor, hold_form=form)
        reason = form.cleaned_data["reason"]
        try:
            change = gate_of(vendor).hold(reason)
        except redis.RedisError as error:
            if room.is_full(error):
                raise  # it answers, but cannot write
            return self._redis_away(request, vendor)
        done = _("Held. Nothing is sent until somebody presses Resume.")
        return self._acted(request, vendor, change, done, reason)

    @method_decorator(require_POST)
    def resume(self, request: HttpRequest, vendor: str) -> HttpResponse:
        """POST: end a hold and every pause, for a stated reason. After a used-up quota a confirmation is required."""
        self._must_operate(request)
        try:
            gate = gate_of(vendor)
            state = gate.state()
            history = episodes.latest(vendor, EPISODES_SHOWN)
            quota = view_state(state.mode, state.reason, history).endswith("quota")
            form = ResumeForm(request.POST, auto_id="resume_%s", quota=quota)
            if not form.is_valid():
                return self._show(request, vendor, resume_form=form)
            change = gate.resume()
        except redis.RedisError as error:
            if room.is_full(error):
                raise  # it answers, but cannot write
            return self._redis_away(request, vendor)
        done = _("Resumed. What waited is sent now.")
        return self._acted(request, vendor, change, done, form.cleaned_data["reason"])

    def _must_operate(self, request: HttpRequest) -> None:
        if not self.has_operate_permission(request):
            raise PermissionDenied

    def _acted(
        self, request: HttpRequest, vendor: str, change: GateChange | None, done: str, reason: str
    ) -> HttpResponse:
        if change is None:
            self.message_user(request, _("Nothing changed: it was so already."), messages.WARNING)
        else:
            reports.record(change, user=request.user, note=reason)  # type: ignore[arg-type]
            self.message_user(request, done, messages.SUCCESS)
        return redirect("admin:transcription_vendor", vendor)

    def _redis_away(self, request: HttpRequest, vendor: str) -> HttpResponse:
        self.message_user(request, _("Redis does not answer. Nothing was changed."), messages.ERROR)
        return redirect("admin:transcription_vendor", vendor)


def view_state(mode: str, reason: str | None, history: list[episodes.Episode]) -> str:
    """Return the state that decides the possible actions: unknown, open, closed, closed-quota, held or held-quota.

    A hold hides the state behind it, and Resume ends both. The history tells whether a used-up quota is behind a
    hold.
    """
    if mode in {"unknown", "open"}:
        return mode
    last = next((episode for episode in history if not episode.pool), None)
    quota = reason == "quota" or bool(last and last.opened is None and "quota" in last.reasons)
    return ("held" if mode == "held" else "closed") + ("-quota" if quota else "")


def _charts(vendor: str, shown: list[ShownEpisode], now: datetime) -> dict[str, chart.Chart] | None:
    try:
        minutes = traffic.last_day(vendor)
    except redis.RedisError:
        return None
    closed = [
        (each.episode.closed.at, each.episode.opened.at if each.episode.opened else now)
        for each in shown
        if each.episode.closed and (each.episode.opened or each.is_now)
    ]
    quarters = traffic.grouped(minutes, traffic.QUARTER)
    return {
        "hour": chart.draw(minutes[-60:], traffic.MINUTE, closed),
        "day": chart.draw(quarters, traffic.QUARTER, closed),
    }


def _shown(episode: episodes.Episode, standing: standing.Standing, now: datetime) -> ShownEpisode:
    lasted = episode.lasted(now)
    states: list[events.SttState] = [standing, *standing["pools"]]
    is_now = episode.opened is None and any(
        state["pool"] == episode.pool and state["episode"] == episode.number and state["since"] is not None
        for state in states
    )
    either = episode.begins
    return ShownEpisode(
        episode=episode,
        is_now=is_now,
        lasted="" if lasted is None or (episode.opened is None and not is_now) else in_short(lasted),
        reasons=[words.reason_in_short(reason) for reason in episode.reasons],
        lane=words.lane_in_short(either.lane if either else "", episode.pool),
    )


def in_short(length: timedelta) -> str:
    """Format a duration: “12 s”, “2 min 5 s”, “1 h 10 min”."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 60:
        return _("%(s)d s") % {"s": seconds}
    if seconds < 3600:
        return _("%(min)d min %(s)d s") % {"min": seconds // 60, "s": seconds % 60}
    return _("%(h)d h %(min)d min") % {"h": seconds // 3600, "min": seconds % 3600 // 60}


def _moment(iso: str | None) -> datetime | None:
    return None if iso is None else datetime.fromisoformat(iso)
