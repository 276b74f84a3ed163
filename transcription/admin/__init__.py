"""The operator's console: every table, and the few actions on them.

Rows that the workflow writes are read-only here: a form saves the whole row, and would overwrite the step that a
worker took in the meantime. No list needs a query per row, and no form offers thousands of options.
"""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from transcription.admin import gate, meetings, tokens, work

__all__ = ["gate", "meetings", "tokens", "work"]

admin.site.site_header = admin.site.site_title = _("Mico")
admin.site.index_title = _("Operation")
