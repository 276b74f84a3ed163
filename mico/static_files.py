"""The storage of static files."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Hashed names for static files, and for the modules they import, so that no browser mixes two versions."""

    support_js_module_import_aggregation = True
