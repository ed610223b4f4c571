//! What the databases' errors mean: to whoever opens one, and to the callers of the store.

use ballast_model::fault::{Absence, Call, Clash, Fault};
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// Why the database cannot be used, in one line, with what to do where that is known.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let advice = [
        ("unable to open database file", "make sure that this user may write to the file and its directory"),
        ("readonly database", "make sure that this user may write to the file and its directory"),
        ("image is malformed", "it is damaged: restore a backup"),
        ("not a database", "the file is something else: name another one"),
        ("database is locked", "another process holds it: stop that one"),
        ("disk is full", "make room"),
        ("file is missing", "the database was made by a later version: run that one"),
        ("Connection refused", "make sure that the server runs and listens there"),
        ("failed to lookup address", "make sure that the server's name is right"),
        ("password authentication failed", "make sure that user and password are right"),
        ("permission denied", "make sure that this user owns the database"),
    ];
    match advice.into_iter().find(|(symptom, _)| text.contains(symptom)) {
        Some((_, advice)) => format!("{text}; {advice}"),
        None => text,
    }
}

/// What the callers of the store are told. What may work when it is tried again is a [`Clash`].
pub(crate) fn fault_of(error: DbErr) -> Fault {
    match meaning(&error) {
        Meaning::Contention => Fault::from(Clash::DatabaseBusy).with_detail(error),
        Meaning::Away => Fault::from(Absence::Database).with_detail(error),
        Meaning::Stopped => Fault::from(Call::DeadlineExceeded).with_detail(error),
        Meaning::Other => Fault::internal(error),
    }
}

/// What those are told whose transaction could not be committed. A connection that was lost at COMMIT leaves its
/// outcome unknown: that is no conflict, which would do the work again.
pub(crate) fn fault_of_commit(error: DbErr) -> Fault {
    match meaning(&error) {
        Meaning::Away | Meaning::Stopped => Fault::from(Absence::OutcomeUnknown).with_detail(error),
        Meaning::Contention | Meaning::Other => fault_of(error),
    }
}

/// An error of who begins to write. That the file cannot be written is the same as that it is not there.
pub(super) fn unwritable(error: DbErr) -> DbErr {
    match code_of_sqlite(&error) {
        // READONLY.
        Some(code) if code & 0xff == 8 => DbErr::Conn(RuntimeErr::Internal(error.to_string())),
        _ => error,
    }
}

fn code_of_sqlite(error: &DbErr) -> Option<u32> {
    let (DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = error else { return None };
    let RuntimeErr::SqlxError(error) = error else { return None };
    let error = error.as_database_error()?.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    sqlx::error::DatabaseError::code(error)?.parse().ok()
}

/// Whether the database may have ended the transaction in which this happened.
pub(super) fn ends_transaction(error: &DbErr) -> bool {
    matches!(meaning(error), Meaning::Away | Meaning::Stopped)
}

/// Whether there was no database to talk to.
pub(super) fn is_away(error: &DbErr) -> bool {
    matches!(meaning(error), Meaning::Away)
}

/// Whether a row like it exists already.
pub(crate) fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether a row refers to one that is not there, or one is still referred to.
pub(crate) fn is_reference(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
}

enum Meaning {
    /// Others were at it.
    Contention,
    /// There is no database to talk to.
    Away,
    /// It was told to end this statement.
    Stopped,
    Other,
}

fn meaning(error: &DbErr) -> Meaning {
    if let DbErr::Conn(RuntimeErr::Internal(_)) = error {
        return Meaning::Away;
    }
    let (DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = error else {
        return if matches!(error, DbErr::ConnectionAcquire(_)) { Meaning::Away } else { Meaning::Other };
    };
    let RuntimeErr::SqlxError(error) = error else { return Meaning::Other };
    match error.as_ref() {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Meaning::Away,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            let is_sqlite = error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some();
            if is_sqlite { of_sqlite(&code) } else { of_postgres(&code) }
        }
        _ => Meaning::Other,
    }
}

fn of_sqlite(code: &str) -> Meaning {
    // https://www.sqlite.org/rescode.html
    match code.parse::<u32>().unwrap_or_default() {
        // READONLY_DBMOVED: the file is not where it was. Other codes of READONLY are statements of ours.
        1032 => Meaning::Away,
        // With whatever extended code: BUSY, LOCKED.
        code if matches!(code & 0xff, 5 | 6) => Meaning::Contention,
        // INTERRUPT.
        9 => Meaning::Stopped,
        // NOMEM, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB.
        code if matches!(code & 0xff, 7 | 10 | 11 | 13 | 14 | 26) => Meaning::Away,
        _ => Meaning::Other,
    }
}

fn of_postgres(sqlstate: &str) -> Meaning {
    match sqlstate {
        // Serialization failure, deadlock.
        "40001" | "40P01" => Meaning::Contention,
        // Cancelled, by us or by an operator's statement_timeout.
        "57014" => Meaning::Stopped,
        // A resource is out: disk, memory, connections. The machine cannot read or write; data are damaged.
        other if ["53", "58", "XX001", "XX002"].iter().any(|class| other.starts_with(class)) => Meaning::Away,
        // A lock was not available in time; idle in a transaction for too long; the server stops, crashed or starts;
        // the database was removed.
        "55P03" | "25P03" | "57P01" | "57P02" | "57P03" | "57P04" => Meaning::Away,
        other if other.starts_with("08") => Meaning::Away,
        _ => Meaning::Other,
    }
}
