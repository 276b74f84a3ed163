"""The operator's console: everything that there is, and the few things that may be done to it.

What the workflow writes is only looked at here: a form that saves a whole row would overwrite the step that a
worker took meanwhile. No list costs a query per row, and none offers thousands of options.
"""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from transcription.admin import gate, meetings, tokens, work

__all__ = ["gate", "meetings", "tokens", "work"]

admin.site.site_header = admin.site.site_title = _("Mico")
admin.site.index_title = _("Operation")
