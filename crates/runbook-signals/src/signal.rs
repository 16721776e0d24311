//! What a signal is: where it is read, what it decides, and how long it may take. `draft.rs` reads it from a plan.

use runbook_host::Command;
use runbook_model::{SignalKind, SignalRole, SignalSource, Span};
use runbook_services::AnyService;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const SOURCES: [&str; 8] = ["log", "log_absent", "command", "http", "port", "unit", "job", "process"];
pub(super) const LIMITS: [&str; 4] = ["role", "kind", "within", "watch"];

/// A signal.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    pub(super) name: String,
    pub(super) span: Span,
    /// `None` while it waits for a step, or is wrong.
    pub(super) source: Option<Source>,
    /// Where a report says that it was read, which is known before the rest; `None` where it names no one source.
    pub(super) place: Option<SignalSource>,
    pub(super) role: SignalRole,
    pub(super) kind: SignalKind,
    pub(super) within: Option<Duration>,
    pub(super) watch: Option<Duration>,
    pub(super) max_latency: Option<Duration>,
    /// How often it may be tried, if trying it does something to the service: it sends a message, say. `None` for one that
    /// only looks, which is read again and again.
    pub(super) attempts: Option<u64>,
}

/// Where a signal is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// Each of the texts, so many times.
    Log {
        texts: Vec<String>,
        count: u64,
    },
    /// None of the texts.
    LogAbsent(Vec<String>),
    Command {
        command: Command,
        exit: u64,
        wanted: Text,
    },
    Http(Request),
    Port(u16),
    Service(AnyService),
}

/// What an output must and must not hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text {
    pub(super) has: Option<String>,
    pub(super) lacks: Option<String>,
}

/// A request and what is wanted of the response.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) url: String,
    pub(super) method: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<String>,
    pub(super) status: u64,
    pub(super) wanted: Text,
}

impl Source {
    /// Whether it is read from a log.
    pub(super) fn is_log(&self) -> bool {
        matches!(self, Self::Log { .. } | Self::LogAbsent(_))
    }

    /// The texts that are looked for in a log; none for any other source.
    pub(super) fn texts(&self) -> &[String] {
        match self {
            Self::Log { texts, .. } | Self::LogAbsent(texts) => texts,
            _ => &[],
        }
    }

    /// Whether it is read again and again, and has to stay as wanted.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Port(_) | Self::Service(_) => true,
            Self::Http(request) => request.method == "GET",
            Self::Log { .. } | Self::LogAbsent(_) | Self::Command { .. } => false,
        }
    }

    /// Whether it can be evidence of that. Something that runs or listens is no flow that works, and no error that is absent;
    /// nor does a line that is there prove that another one is not.
    pub(super) fn can_be(&self, kind: SignalKind) -> bool {
        match (self, kind) {
            (_, SignalKind::Health) | (Self::Command { .. } | Self::Http(_), _) => true,
            (Self::Log { .. }, kind) => kind == SignalKind::Functional,
            (Self::LogAbsent(_), kind) => kind == SignalKind::Negative,
            (Self::Port(_) | Self::Service(_), _) => false,
        }
    }

    pub(super) fn fields(name: &str) -> &'static [&'static str] {
        match name {
            "command" => &["env", "exit", "match", "match_absent", "max_latency", "acts", "attempts"],
            "http" => {
                &["method", "headers", "body", "status", "match", "match_absent", "max_latency", "acts", "attempts"]
            }
            "log" => &["count"],
            _ => &[],
        }
    }
}
