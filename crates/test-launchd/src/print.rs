//! What `launchctl` prints, in the words of two generations of macOS.

use crate::definition::KeepAlive;
use crate::jobs::{Entry, Inner, Jobs, Style, Target, database};
use crate::wire::Answer;
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

impl Jobs {
    /// `launchctl print TARGET`.
    pub(crate) fn print(&self, target: &Target) -> Answer {
        let inner = self.lock();
        let entry = inner.jobs.get(target);
        entry.map_or_else(|| target.unknown(), |entry| Answer::ok(job(self.style, target, entry)))
    }
}

fn job(style: Style, target: &Target, entry: &Entry) -> String {
    let mut lines = Lines { text: String::new(), style, depth: 0 };
    let definition = &entry.definition;
    match style {
        Style::Recent => lines.open(&format!("{}/{}", target.domain, target.label)),
        Style::Old => lines.open(&target.label),
    }
    lines.pair("active count", i32::from(entry.process.is_some()));
    lines.pair("path", entry.path.display());
    if style == Style::Recent {
        lines.pair("type", if target.domain == "system" { "LaunchDaemon" } else { "LaunchAgent" });
    }
    lines.pair("state", state(entry));
    lines.blank();
    lines.pair("program", &definition.program);
    lines.open("arguments");
    definition.arguments.iter().for_each(|argument| lines.line(argument));
    lines.close();
    lines.blank();
    let path = |path: &Path| path.display().to_string();
    lines.optional("working directory", definition.cwd.as_deref().map(path));
    lines.optional("stdout path", definition.stdout.as_deref().map(path));
    lines.optional("stderr path", definition.stderr.as_deref().map(path));
    lines.open("default environment");
    lines.line("PATH => /usr/bin:/bin:/usr/sbin:/sbin");
    lines.close();
    lines.blank();
    lines.open("environment");
    definition.environment.iter().for_each(|(name, value)| lines.line(&format!("{name} => {value}")));
    lines.line(&format!("XPC_SERVICE_NAME => {}", target.label));
    lines.close();
    lines.blank();
    match style {
        Style::Recent => lines.pair("domain", &target.domain),
        Style::Old => lines.pair("domain", format!("com.apple.xpc.launchd.domain.{}", target.domain.replace('/', "."))),
    }
    lines.pair("minimum runtime", definition.throttle.as_secs());
    lines.pair("exit timeout", definition.exit_timeout.as_secs());
    lines.pair("runs", entry.runs);
    lines.optional("pid", entry.process.map(|pid| pid.as_raw_nonzero().to_string()));
    ending(&mut lines, entry);
    lines.blank();
    lines.open("event triggers");
    lines.close();
    lines.blank();
    lines.pair("spawn type", "daemon (3)");
    lines.blank();
    properties(&mut lines, entry);
    lines.close();
    lines.text
}

fn state(entry: &Entry) -> &'static str {
    match (entry.process, entry.ending) {
        (Some(_), true) => "SIGTERMed",
        (Some(_), false) => "running",
        (None, _) if entry.definition.keep_alive != KeepAlive::Never && entry.runs > 0 => "spawn scheduled",
        (None, _) => "not running",
    }
}

fn ending(lines: &mut Lines, entry: &Entry) {
    match entry.last_exit {
        _ if entry.misconfigured => lines.pair("last exit code", "78: EX_CONFIG"),
        None => lines.pair("last exit code", "(never exited)"),
        Some(status) => match status.code() {
            Some(code) => lines.pair("last exit code", code),
            None => lines.pair("last terminating signal", format!("Signal: {}", status.signal().unwrap_or(0))),
        },
    }
}

fn properties(lines: &mut Lines, entry: &Entry) {
    let kept = entry.definition.keep_alive != KeepAlive::Never;
    let has = [(kept, "keepalive"), (entry.definition.run_at_load, "runatload"), (true, "inferred program")];
    let names: Vec<&str> = has.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
    match lines.style {
        Style::Recent => lines.pair("properties", names.join(" | ")),
        Style::Old => {
            lines.open("properties");
            names.iter().for_each(|name| lines.pair(name, 1));
            lines.close();
        }
    }
}

/// `launchctl print-disabled DOMAIN`.
pub(crate) fn disabled(style: Style, domain: &str, inner: &Inner) -> String {
    let word = |disabled: bool| match (style, disabled) {
        (Style::Recent, true) => "disabled",
        (Style::Recent, false) => "enabled",
        (Style::Old, disabled) => {
            if disabled {
                "true"
            } else {
                "false"
            }
        }
    };
    let mut lines = Lines { text: String::new(), style, depth: usize::from(style == Style::Recent) };
    lines.open("disabled services");
    for (target, disabled) in inner.overrides.iter().filter(|(target, _)| target.domain == database(domain)) {
        lines.line(&format!("\"{}\" => {}", target.label, word(*disabled)));
    }
    lines.close();
    lines.open("login item associations");
    lines.close();
    lines.text
}

/// `launchctl list`: the jobs of one domain.
pub(crate) fn list(domain: &str, inner: &Inner) -> String {
    let mut text = "PID\tStatus\tLabel\n".to_owned();
    for (target, entry) in inner.jobs.iter().filter(|(target, _)| target.domain == domain) {
        let pid = entry.process.map_or("-".to_owned(), |pid| pid.as_raw_nonzero().to_string());
        let signal = |signal: i32| -signal;
        let status = entry.last_exit.map_or(0, |status| status.code().or(status.signal().map(signal)).unwrap_or(0));
        let _ = writeln!(text, "{pid}\t{status}\t{}", target.label);
    }
    text
}

struct Lines {
    text: String,
    style: Style,
    depth: usize,
}

impl Lines {
    fn line(&mut self, line: &str) {
        let indent = if self.style == Style::Recent { "\t" } else { "        " };
        let _ = writeln!(self.text, "{}{line}", indent.repeat(self.depth));
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn pair(&mut self, key: &str, value: impl std::fmt::Display) {
        self.line(&format!("{key} = {value}"));
    }

    fn optional(&mut self, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.pair(key, value);
        }
    }

    fn open(&mut self, name: &str) {
        self.line(&format!("{name} = {{"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }
}
