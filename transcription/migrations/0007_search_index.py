"""The index of search.py. What SQLite needs triggers for, PostgreSQL does by itself.

SQLite drops a table's triggers when a later migration makes the table anew (tests/test_search.py notices): such a
migration has to create them again.
"""

from django.db import migrations

SQLITE = [
    # Its content stays where it is: in the table itself.
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
# Not pg_trgm: in a database whose locale is C it leaves out every Korean letter, and it finds no index for two
# characters, of which most Korean words are made.
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
