"""How static files are named and kept."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """A name for each content, for the modules that a script imports as well: no browser mixes two versions."""

    support_js_module_import_aggregation = True
