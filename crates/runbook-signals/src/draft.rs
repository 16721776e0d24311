//! One signal as the plan writes it. All faults are reported; a part that waits for a step is left open.

use super::signal::{LIMITS, Request, SOURCES, Signal, Source, Text};
use super::subject::SUBJECT;
use runbook_host::Command;
use runbook_model::{
    Code, Diagnostic, Diagnostics, Entry, Node, SignalKind, SignalRole, SignalSource, Span, Value, did_you_mean,
};
use runbook_step::{ArgContext, FromArg, Mistake, refuse_secrets, unfit_variable};
use std::collections::BTreeMap;

/// The signals in `node`, whose units are those of the user's manager if `user`; faults go to `found`.
pub(super) fn read_signals(node: &Node, user: bool, context: &ArgContext, found: &mut Diagnostics) -> Vec<Signal> {
    if node.entries().is_empty() {
        let fault = Diagnostic::error(Code::BAD_SIGNAL, node.span, "`signals` must be a map of at least one signal");
        found.push(fault.help("for example `signals: { ready: { log: \"gateway ready\" } }`"));
    }
    let draft = |entry| {
        let Entry { key: name, value: node, .. }: &Entry = entry;
        Draft { name, node, user, context, found: &mut *found }.read()
    };
    node.entries().iter().map(draft).collect()
}

/// The argument vectors of the signals in `node`.
pub(super) fn argument_vectors(node: &Node) -> Vec<&Node> {
    node.entries().iter().filter_map(|signal| Some(&signal.value.get("command")?.value)).collect()
}

/// Where a report says that a signal with this source was read.
fn place(source: &str) -> SignalSource {
    match source {
        "log" | "log_absent" => SignalSource::Log,
        "command" | "http" => SignalSource::Answer,
        _ => SignalSource::Service,
    }
}

struct Draft<'a> {
    name: &'a str,
    node: &'a Node,
    user: bool,
    context: &'a ArgContext,
    found: &'a mut Diagnostics,
}

impl Draft<'_> {
    fn read(mut self) -> Signal {
        self.check_secrets();
        let sources: Vec<_> = self.node.entries().iter().filter(|one| SOURCES.contains(&one.key.as_str())).collect();
        let source = match sources.as_slice() {
            [only] => {
                self.check_names(&only.key);
                self.source(&only.key, &only.value)
            }
            [] => {
                let fault = self.fault(self.node.span, "has no source");
                self.found.push(fault.help(format!("it takes one of {}", SOURCES.join(", "))));
                None
            }
            [first, second, ..] => {
                let message = format!("signal `{}` has two sources", self.name);
                let fault = Diagnostic::error(Code::BAD_SIGNAL, second.key_span, message)
                    .related(first.key_span, "the first one")
                    .help("write two signals");
                self.found.push(fault);
                None
            }
        };
        let name = sources.first().map_or("", |one| one.key.as_str());
        let kind = self.kind(name, source.as_ref());
        if source.as_ref().is_some_and(|source| !source.can_be(kind)) {
            self.not_evidence(name, kind);
        }
        let attempts = self.attempts(kind, source.as_ref());
        let place = match sources.as_slice() {
            [only] => Some(place(&only.key)),
            _ => None,
        };
        Signal {
            name: self.name.to_owned(),
            span: self.node.span,
            role: self.role(),
            kind,
            within: self.field("within"),
            watch: self.field("watch"),
            max_latency: self.field("max_latency"),
            attempts,
            source,
            place,
        }
    }

    /// What is sent over HTTP or stands in the environment of a command may hold a secret; everything else is shown or
    /// written down.
    fn check_secrets(&mut self) {
        let takes_secrets = |entry: &&Entry| ["headers", "body", "env"].contains(&entry.key.as_str());
        for entry in self.node.entries().iter().filter(|entry| !takes_secrets(entry)) {
            let help = "secrets may stand in `headers`, `body` and `env` only";
            refuse_secrets(&entry.value, &format!("signal `{}`", self.name), help, self.found);
        }
    }

    fn source(&mut self, name: &str, node: &Node) -> Option<Source> {
        let source = match name {
            "log" => self.log(node)?,
            "log_absent" => Source::LogAbsent(self.texts(node)?),
            "command" => {
                let argv: Vec<String> = self.value(node, name)?;
                if argv.first().is_none_or(String::is_empty) {
                    self.push(node.span, "needs an argument vector with the program first");
                    return None;
                }
                let env: BTreeMap<String, String> = self.field("env").unwrap_or_default();
                if let (Some(name), Some(entry)) = (unfit_variable(&env), self.node.get("env")) {
                    let what = format!("has a wrong `env`: `{name}` cannot be the name of an environment variable");
                    self.push(entry.value.span, &what);
                }
                let made = self.context.command(argv, None);
                let command = made.map_err(|wanted| self.push(node.span, &format!("needs {wanted}"))).ok()?;
                Source::Command {
                    command: Command { env, ..command },
                    exit: self.field("exit").unwrap_or(0),
                    wanted: self.wanted(),
                }
            }
            "http" => self.http(node)?,
            "port" => Source::Port(self.value(node, name)?),
            _ => {
                let (_, manager) = SUBJECT.0.iter().find(|(param, _)| *param == name)?;
                let Some(service) = manager.service(&self.text(node)?, self.user) else {
                    self.push(node.span, &format!("needs {}", manager.names.wanted));
                    return None;
                };
                Source::Service(service)
            }
        };
        Some(source)
    }

    fn log(&mut self, node: &Node) -> Option<Source> {
        let (text, count) = match (node.get("text"), node.entries()) {
            (Some(text), _) => (&text.value, node.get("count").map(|entry| &entry.value)),
            (None, []) => (node, self.node.get("count").map(|entry| &entry.value)),
            (None, _) => {
                self.push(node.span, "needs `log: text` or `log: { text: …, count: … }`");
                return None;
            }
        };
        for entry in node.entries().iter().filter(|entry| !["text", "count"].contains(&entry.key.as_str())) {
            self.push(entry.key_span, &format!("has no `{}` in `log`; it has `text` and `count`", entry.key));
        }
        let count = match count {
            Some(node) => self.value::<u64>(node, "count")?,
            None => 1,
        };
        if count == 0 {
            self.push(node.span, "wants a line 0 times; use `log_absent`");
            return None;
        }
        Some(Source::Log { texts: self.texts(text)?, count })
    }

    fn http(&mut self, node: &Node) -> Option<Source> {
        let url = self.text(node)?;
        if !url.starts_with("http://") || url.len() == "http://".len() {
            self.push(node.span, "needs a URL that starts with `http://`: it asks a service on this host, without TLS");
            return None;
        }
        let body: Option<String> = self.field("body");
        let default_method = if body.is_some() { "POST" } else { "GET" };
        let method = self.field::<String>("method").map_or(default_method.to_owned(), |text| text.to_uppercase());
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        if !methods.contains(&method.as_str()) {
            self.push(self.span_of("method"), &format!("has the method `{method}`; it takes {}", methods.join(", ")));
        }
        let status = self.field("status").unwrap_or(200);
        let headers = self.field("headers").unwrap_or_default();
        Some(Source::Http(Request { url, method, headers, body, status, wanted: self.wanted() }))
    }

    fn wanted(&mut self) -> Text {
        let mut wanted = |name: &str| {
            let text: Option<String> = self.field(name);
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                self.push(
                    self.span_of(name),
                    &format!("has an empty `{name}`, which every output or none would satisfy"),
                );
            }
            text
        };
        Text { has: wanted("match"), lacks: wanted("match_absent") }
    }

    fn not_evidence(&mut self, source: &str, kind: SignalKind) {
        let (word, help) = match kind {
            SignalKind::Negative => ("negative", "look for a known error with `log_absent`, a `command` or `http`"),
            SignalKind::Functional | SignalKind::Health => (
                "functional",
                "try a real flow: a `command`, an `http` request, or a `log` line that only a working flow writes",
            ),
        };
        let fault = self.fault(self.span_of("kind"), &format!("cannot be {word} with the source `{source}`"));
        self.found.push(fault.help(help));
    }

    fn role(&mut self) -> SignalRole {
        let roles = [SignalRole::Blocking, SignalRole::Confirming, SignalRole::Advisory];
        self.choice("role", ["blocking", "confirming", "advisory"], roles).unwrap_or(SignalRole::Blocking)
    }

    fn kind(&mut self, source: &str, parsed: Option<&Source>) -> SignalKind {
        let kinds = [SignalKind::Health, SignalKind::Functional, SignalKind::Negative];
        if let Some(kind) = self.choice("kind", ["health", "functional", "negative"], kinds) {
            return kind;
        }
        let (absence, said) = (source == "log_absent", self.node.get("kind").is_some());
        if absence && parsed.is_some() && !said {
            let message = format!("signal `{}` does not say what it is evidence of", self.name);
            let fault = Diagnostic::error(Code::BAD_SIGNAL, self.node.span, message);
            self.found.push(fault.help("add `kind: negative`, if it is about a known error"));
        }
        if absence && !said { SignalKind::Negative } else { SignalKind::Health }
    }

    /// What a word of a field means; `None` if it is not given, or means nothing, which is a fault.
    fn choice<T: Copy, const N: usize>(&mut self, field: &str, words: [&'static str; N], meant: [T; N]) -> Option<T> {
        let word: String = self.field(field)?;
        if let Some((_, meant)) = words.iter().zip(meant).find(|(known, _)| **known == word) {
            return Some(meant);
        }
        let message = format!("signal `{}` has the {field} `{word}`", self.name);
        let help = did_you_mean(&word, words)
            .map_or_else(|| format!("it is one of {}", words.join(", ")), |near| format!("did you mean `{near}`?"));
        self.found.push(Diagnostic::error(Code::BAD_SIGNAL, self.span_of(field), message).help(help));
        None
    }

    /// A real flow that is tried with a command, and a request that is no GET, act unless the plan says that they only look.
    fn attempts(&mut self, kind: SignalKind, source: Option<&Source>) -> Option<u64> {
        let by_itself = match source {
            Some(Source::Command { .. }) => kind == SignalKind::Functional,
            Some(Source::Http(request)) => !["GET", "HEAD", "OPTIONS"].contains(&request.method.as_str()),
            _ => false,
        };
        let acts = self.field("acts").unwrap_or(by_itself);
        let attempts: Option<u64> = self.field("attempts");
        if attempts == Some(0) {
            self.push(self.span_of("attempts"), "has 0 `attempts`: so it is never tried");
        }
        let known = source.is_some();
        if known && !acts && attempts.is_some() {
            let fault = self.fault(self.span_of("attempts"), "has `attempts`, and it only looks");
            self.found.push(
                fault.help("say `acts: true` if trying it does something to the service; else leave `attempts` out"),
            );
        }
        if known && acts && self.node.get("watch").is_some() {
            let fault =
                self.fault(self.span_of("watch"), "acts, so it cannot be watched: that tries it again and again");
            self.found.push(fault.help("say `acts: false` if it only looks, or leave `watch` out"));
        }
        acts.then(|| attempts.unwrap_or(1).max(1))
    }

    fn span_of(&self, name: &str) -> Span {
        self.node.get(name).map_or(self.node.span, |entry| entry.value.span)
    }

    fn check_names(&mut self, source: &str) {
        let fields = Source::fields(source);
        let known = |name: &str| name == source || LIMITS.contains(&name) || fields.contains(&name);
        for entry in self.node.entries().iter().filter(|entry| !known(&entry.key)) {
            let all: Vec<&'static str> = LIMITS.iter().chain(fields).copied().collect();
            let message = format!("signal `{}` has no `{}`", self.name, entry.key);
            let help = did_you_mean(&entry.key, all.iter().copied()).map_or_else(
                || format!("besides `{source}` it takes {}", all.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.found.push(Diagnostic::error(Code::BAD_SIGNAL, entry.key_span, message).help(help));
        }
    }

    fn text(&mut self, node: &Node) -> Option<String> {
        let text: String = self.value(node, "text")?;
        // A blank is in every line.
        if text.trim().is_empty() || text.contains('\n') {
            self.push(node.span, "needs one line of text that is not empty");
            return None;
        }
        Some(text)
    }

    /// One text, or a list of some, as a variable may be.
    fn texts(&mut self, node: &Node) -> Option<Vec<String>> {
        let Value::List(items) = &node.value else { return Some(vec![self.text(node)?]) };
        if items.is_empty() {
            self.push(node.span, "has an empty list of texts, which every log satisfies");
            return None;
        }
        items.iter().map(|item| self.text(item)).collect()
    }

    /// An optional field of the signal.
    fn field<T: FromArg>(&mut self, name: &str) -> Option<T> {
        let entry = self.node.get(name)?;
        self.value(&entry.value, name)
    }

    fn value<T: FromArg>(&mut self, node: &Node, name: &str) -> Option<T> {
        match T::from_arg(node, self.context) {
            Ok(value) => Some(value),
            Err(Mistake::Later) => None,
            Err(Mistake::Wrong(span, wanted)) => {
                self.push(span, &format!("has a wrong `{name}`: it must be {wanted}"));
                None
            }
        }
    }

    fn push(&mut self, span: Span, what: &str) {
        let fault = self.fault(span, what);
        self.found.push(fault);
    }

    fn fault(&self, span: Span, what: &str) -> Diagnostic {
        Diagnostic::error(Code::BAD_SIGNAL, span, format!("signal `{}` {what}", self.name))
    }
}
