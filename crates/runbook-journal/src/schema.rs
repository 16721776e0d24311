//! The format of the database and its migrations.

use rusqlite::Connection;

/// Marks the file as ours (`PRAGMA application_id`): "rbok".
pub(crate) const APPLICATION_ID: i64 = 0x7262_6f6b;

/// One entry a format, applied in order; `PRAGMA user_version` counts them. Entries are never edited once released.
pub(crate) const MIGRATIONS: &[&str] = &["
    CREATE TABLE runs (
        number      INTEGER PRIMARY KEY AUTOINCREMENT,
        run         TEXT NOT NULL UNIQUE,
        plan        TEXT NOT NULL,
        environment TEXT,
        started_at  INTEGER NOT NULL,
        finished_at INTEGER,
        verdict     TEXT,
        saved       TEXT NOT NULL
    );
    CREATE TABLE records (
        run  TEXT NOT NULL REFERENCES runs (run),
        seq  INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    ) WITHOUT ROWID;
"];

/// The latest format.
pub(crate) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings an empty or older database to the latest format.
pub(crate) fn migrate(connection: &mut Connection, from: i64) -> rusqlite::Result<()> {
    let change = connection.transaction()?;
    let done = usize::try_from(from).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        change.execute_batch(migration)?;
    }
    change.pragma_update(None, "application_id", APPLICATION_ID)?;
    change.pragma_update(None, "user_version", known())?;
    change.commit()
}
