"""The index of words/search.py. SQLite needs triggers to keep it up to date; PostgreSQL does so by itself.

On SQLite a later migration that recreates the table drops its triggers, and has to create them again.
tests/words/test_search.py notices if it does not.
"""

from django.db import migrations

SQLITE = [
    # `content`: the index has no copy of the texts and reads them from the table.
    """CREATE VIRTUAL TABLE transcription_utterance_text USING fts5(
        text, content='transcription_utterance', content_rowid='id', tokenize='trigram')""",
    """CREATE TRIGGER transcription_utterance_text_insert AFTER INSERT ON transcription_utterance BEGIN
        INSERT INTO transcription_utterance_text(rowid, text) VALUES (new.id, new.text);
    END""",
    """CREATE TRIGGER transcription_utterance_text_delete AFTER DELETE ON transcription_utterance BEGIN
        INSERT INTO transcription_utterance_text(transcription_utterance_text, rowid, text)
            VALUES ('delete', old.id, old.text);
    END""",
    """CREATE TRIGGER transcription_utterance_text_update AFTER UPDATE OF text ON transcription_utterance BEGIN
        INSERT INTO transcription_utterance_text(transcription_utterance_text, rowid, text)
            VALUES ('delete', old.id, old.text);
        INSERT INTO transcription_utterance_text(rowid, text) VALUES (new.id, new.text);
    END""",
    "INSERT INTO transcription_utterance_text(transcription_utterance_text) VALUES ('rebuild')",
]
SQLITE_BACK = [
    "DROP TRIGGER transcription_utterance_text_update",
    "DROP TRIGGER transcription_utterance_text_delete",
    "DROP TRIGGER transcription_utterance_text_insert",
    "DROP TABLE transcription_utterance_text",
]
# Not pg_trgm: with the locale C it ignores Korean letters, and it cannot use its index for a search of two characters,
# which is the length of most Korean words.
POSTGRESQL = [
    r"""CREATE FUNCTION mico_grams(content text) RETURNS text[]
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT coalesce(array_agg(DISTINCT gram), '{}')
            FROM (
                SELECT letter, lead(letter) OVER (ORDER BY place) AS following
                FROM unnest(string_to_array(upper(content), NULL)) WITH ORDINALITY AS letters(letter, place)
            ) AS pairs, LATERAL (VALUES (letter), (letter || following)) AS grams(gram)
            WHERE gram !~ '\s'
        $$""",
    "CREATE INDEX utterance_grams ON transcription_utterance USING gin (mico_grams(text))",
]
POSTGRESQL_BACK = ["DROP INDEX utterance_grams", "DROP FUNCTION mico_grams(text)"]


def _runner(sqlite, postgresql):
    def run(apps, schema_editor):
        for statement in {"sqlite": sqlite, "postgresql": postgresql}[schema_editor.connection.vendor]:
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("transcription", "0006_revisions")]
    operations = [
        migrations.RunPython(_runner(SQLITE, POSTGRESQL), _runner(SQLITE_BACK, POSTGRESQL_BACK)),
    ]
