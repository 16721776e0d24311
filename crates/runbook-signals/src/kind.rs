//! The kind: its table, what it declares, and what can be wrong with its signals.

use super::draft::{argument_vectors, read_signals};
use super::judge::Verify;
use super::schema::signals_schema;
use super::signal::{Signal, Source};
use super::subject::{SUBJECT, named, of_user};
use runbook_model::{
    Code, Declaration, Diagnostic, Diagnostics, Node, Resource, Role, SignalKind, SignalRole, format_duration,
};
use runbook_services::naming::{LAUNCHD, SUPERVISOR, SYSTEMD, service_of};
use runbook_step::{Args, Kind, KindDoc, OutputDoc, Param, ParamType, Step, wrong};
use std::path::PathBuf;
use std::time::Duration;

/// The kind.
pub(crate) struct VerifySignals;

static DOC: KindDoc = KindDoc {
    name: "verify.signals",
    summary: "Judges evidence that a service works",
    text: "Each signal has exactly one source: `log: text` or `log: { text, count }`, `log_absent: text` (a list of texts \
         means each of them, and none of them), `command: [argv]` \
         (a program or script that is named relative is of the plan) with `env` (added to its environment; may hold secrets), `exit`, `match`, `match_absent`, `http: url` with `method`, `headers`, `body`, `status`, `match`, \
         `match_absent`, `port: number` (the sockets of both address families belong to the service's own processes, \
         for a unit those in its control group, for a job its process and those that it started; where neither the step nor the plan names a service, only that somebody \
         listens), `process: name`, `unit: name` (active), `job: label` or \
         `job: domain/label` (running). It may have a `role` (`blocking`, the default, `confirming`, `advisory`), a `kind` \
         (`health`, the default, `functional`, `negative`), `max_latency`, and its own `within` and `watch`. A functional command \
         and a request that is no GET act: they are tried once, or `attempts` times, when all that only looks is green; \
         `acts` says otherwise.\n\n\
         The step ends well when every blocking signal is green and every `watch` has passed. It fails when one is red \
         in the end, at once for an error in the log, and it is inconclusive when none is red and one cannot be read: \
         then the person at the terminal is asked, and without a terminal it is a failure too. Confirming and advisory signals are shown and decide nothing. A port, a process, a unit and an HTTP \
         health check have to stay green without a break for their `watch`; another process is a break, and a unit or job that \
         is started again meanwhile is red at once. Log lines count from the exact position where the \
         log stood when the service was last told to start, or, for other logs, when the run began; rotated files are \
         read to their end, and those in between too, if they are named like the log with a number or a date; escape \
         sequences are ignored. Where a log was truncated or written anew, or such a file is gone or compressed, \
         absence is not proven, and the signal cannot be read. Every signal is read once before the first change, and what was green must \
         be green again after a rollback. A log that is not the service's own has no position before the run, so its signals \
         are not asked for then.\n\n\
         The log of a unit is the journal, unless `log` names a file. Lines count if a process of the unit wrote them, \
         or systemd about the unit, since a step of this run last told it to start, else since the baseline; the last \
         lines of the process that ran before do not count. Before the change, the present life of the unit counts \
         from its start. Where the journal was vacuumed, journald left lines out, the unit writes elsewhere, or this \
         user may not read its lines, what was not seen is not known, and the signal cannot be read.\n\nThe log of a job is \
         the files that its property list names for its output.",
    params: &[
        Param::required("signals", ParamType::Any, "The signals by name"),
        Param::default("within", ParamType::Duration, "30s", "How long all of it may take"),
        Param::optional(
            "watch",
            ParamType::Duration,
            "How long errors have to stay away and ports, processes and units stable",
        ),
        Param::optional(
            "process",
            ParamType::Name(SUPERVISOR.names),
            "The service, of the embedded supervisor; the one that the plan brings up without it",
        ),
        Param::optional("unit", ParamType::Name(SYSTEMD.names), "The service, if it is a unit of systemd"),
        Param::optional(
            "job",
            ParamType::Name(LAUNCHD.names),
            "The service, if it is a job of launchd: its label, or `DOMAIN/LABEL`",
        ),
        Param::default("user", ParamType::Bool, "false", "Units are those of the user that runs `runbook`"),
        Param::optional(
            "log",
            ParamType::Path,
            "The file of the log signals; the log of the service without it, for a unit the journal",
        ),
    ],
    outputs: &[OutputDoc { name: "green", help: "the names of the green signals, a list of text" }],
    example: "- id: verify\n  uses: verify.signals\n  with:\n    process: gateway\n    within: 60s\n    watch: 10s\n    signals:\n      \
         port: { port: 18789 }\n      chat: { log: \"[chat] connected\", kind: functional }\n      \
         missing: { log_absent: Cannot find package, kind: negative }\n      \
         health: { http: \"http://127.0.0.1:18789/healthz\", role: confirming }\n",
};

impl Kind for VerifySignals {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        let Some(node) = args.given("signals") else { return };
        let signals = read_signals(node, of_user(args), args.context, found);
        check_durations(args, &signals, found);
        check_repeats(&signals, found);
        check_service(args, node, &signals, found);
    }

    fn inside(&self, param: &str) -> Option<serde_json::Value> {
        (param == "signals").then(signals_schema)
    }

    fn commands_inside<'a>(&self, args: &Args<'a>) -> Vec<(&'static str, &'a Node)> {
        let nodes = args.given("signals").map(argument_vectors).unwrap_or_default();
        nodes.into_iter().map(|node| ("signals", node)).collect()
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let signals = signals_of(args);
        let mut kinds: Vec<SignalKind> =
            signals.iter().filter(|signal| signal.role == SignalRole::Blocking).map(|signal| signal.kind).collect();
        kinds.dedup();
        let sources = signals.iter().filter_map(|signal| Some((signal.name.clone(), signal.place?)));
        let mut declaration = Declaration::attendant().role(Role::Verify(kinds)).role(Role::Signals(sources.collect()));
        declaration = declaration.reading(named(args)).reading(args.path_resource("log"));
        for signal in &signals {
            match &signal.source {
                Some(Source::Port(port)) => declaration = declaration.reads(Resource::Port(*port)),
                Some(Source::Service(service)) => declaration = declaration.reads(service.resource()),
                Some(Source::Command { command, .. }) => declaration.commands.push(command.argv.clone()),
                _ => {}
            }
        }
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let node: Node = args.need("signals")?;
        let signals = read_signals(&node, of_user(args), args.context, &mut Diagnostics::default());
        let subject = named(args).as_ref().and_then(service_of);
        let within = args.need("within")?;
        let watch = args.maybe("watch")?;
        let log = args.maybe::<PathBuf>("log")?;
        Ok(Box::new(Verify::new(signals, subject, log, within, watch)))
    }
}

fn signals_of(args: &Args<'_>) -> Vec<Signal> {
    let mut ignored = Diagnostics::default();
    args.given("signals").map(|node| read_signals(node, of_user(args), args.context, &mut ignored)).unwrap_or_default()
}

fn check_durations(args: &Args<'_>, signals: &[Signal], found: &mut Diagnostics) {
    let within = args.peek::<Duration>("within").known();
    let watch = args.peek::<Duration>("watch").known();
    if let (Some(within), Some(watch)) = (within, watch)
        && watch > within
    {
        found.push(wrong("watch", args.span("watch"), &format!("at most `within`, {}", format_duration(within))));
    }
    let lasts = |duration: &Duration| !duration.is_zero();
    for name in ["within", "watch"] {
        args.expect(name, found, lasts, "longer than nothing: so long no evidence comes");
    }
    for signal in signals {
        let mut fault = |what: &str, help: Option<&str>| {
            let text = what.replace("SIGNAL", &format!("signal `{}`", signal.name));
            let fault = Diagnostic::error(Code::BAD_SIGNAL, signal.span, text);
            found.push(fault.maybe_help(help.map(str::to_owned)));
        };
        if signal.within.iter().chain(&signal.watch).any(Duration::is_zero) {
            fault("`within` and `watch` of SIGNAL must be longer than nothing", None);
        }
        if signal.within.or(within).zip(signal.watch).is_some_and(|(limit, own)| own > limit) {
            fault("`watch` of SIGNAL is longer than `within`", None);
        }
        if within.zip(signal.within).is_some_and(|(all, own)| own > all) {
            fault("`within` of SIGNAL is longer than that of the step", None);
        }
        let has_watch = signal.watch.is_some() || args.given("watch").is_some();
        if matches!(signal.source, Some(Source::LogAbsent(_))) && !has_watch {
            let help = "add `watch: 30s` to the signal or to the step";
            fault("SIGNAL does not say how long the text has to stay away", Some(help));
        }
    }
}

/// What a signal lacks where nobody says which service it is about.
fn unnamed(args: &Args<'_>, signal: &Signal) -> Option<Diagnostic> {
    let several = !args.context.services.is_empty();
    let what = match &signal.source {
        Some(source) if source.is_log() && args.given("log").is_none() => "which log",
        Some(Source::Port(_)) if several => "which service the port belongs to",
        _ => return None,
    };
    let message = format!("signal `{}` does not say {what}", signal.name);
    Some(Diagnostic::error(Code::BAD_SIGNAL, signal.span, message).help(match several {
        false => {
            "give the step `unit: NAME`, `job: LABEL`, `process: NAME` or `log: PATH`; the plan brings up no service"
        }
        true => "give the step `unit: NAME`, `job: LABEL` or `process: NAME`; the plan brings up several services",
    }))
}

/// A real flow that asks what a health signal asks proves what that one proves.
fn check_repeats(signals: &[Signal], found: &mut Diagnostics) {
    for signal in signals.iter().filter(|signal| signal.kind == SignalKind::Functional && signal.source.is_some()) {
        let same = |other: &&Signal| other.kind == SignalKind::Health && other.source == signal.source;
        if let Some(other) = signals.iter().find(same) {
            let message = format!("signal `{}` asks what `{}` asks, which is health", signal.name, other.name);
            let fault = Diagnostic::error(Code::BAD_SIGNAL, signal.span, message).related(other.span, "the same");
            found.push(fault.help("try a real flow, or take one of the two out"));
        }
    }
}

fn check_service(args: &Args<'_>, node: &Node, signals: &[Signal], found: &mut Diagnostics) {
    SUBJECT.check(args, found);
    if named(args).is_none() {
        found.extend(signals.iter().filter_map(|signal| unnamed(args, signal)));
    }
    let decides = signals.iter().any(|signal| signal.role == SignalRole::Blocking);
    if !decides && !signals.is_empty() {
        let message = "no signal is blocking, so nothing could make the verification fail";
        found.push(Diagnostic::error(Code::BAD_SIGNAL, node.span, message));
    }
}
