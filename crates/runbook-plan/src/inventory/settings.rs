//! What defaults, groups and hosts may all say.

use super::{map, vars, word};
use crate::fields::{Fields, duration, number, one_of, text};
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Escalation, Node, SshSettings};
use std::collections::BTreeMap;
use std::time::Duration;

const DEFAULTS: &[&str] = &["become", "max_clock_skew", "ssh", "vars"];
const SSH: &[&str] = &["user", "port", "options"];

/// Options of ssh that the transport sets itself: with another value the agent's stream breaks, or the operator is asked.
const OURS: [&str; 12] = [
    "BatchMode",
    "RequestTTY",
    "RemoteCommand",
    "SessionType",
    "ForkAfterAuthentication",
    "StdinNull",
    "ControlMaster",
    "ControlPath",
    "ControlPersist",
    "LocalCommand",
    "PermitLocalCommand",
    "EscapeChar",
];

/// Options of ssh for which a host has a field of its own.
const FIELDS: [(&str, &str); 3] = [("User", "ssh.user"), ("Port", "ssh.port"), ("HostName", "address")];

/// Settings of which each may be missing.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) escalation: Option<Escalation>,
    pub(super) max_clock_skew: Option<Duration>,
    pub(super) ssh: SshSettings,
    pub(super) vars: Vec<Entry>,
}

impl Settings {
    /// The settings among `fields`.
    pub(super) fn read(fields: &Fields<'_>, faults: &mut Diagnostics) -> Self {
        let escalation = fields.get("become").and_then(|node| escalation(node, faults));
        let max_clock_skew = fields.get("max_clock_skew").and_then(|node| duration(node, "max_clock_skew", faults));
        let ssh = fields.get("ssh").map_or_else(SshSettings::default, |node| ssh(node, faults));
        let vars = fields.get("vars").map_or(Vec::new(), |node| vars::read(node, faults));
        Self { escalation, max_clock_skew, ssh, vars }
    }

    /// These, and what they do not say from `lower`.
    pub(super) fn over(self, lower: Self) -> Self {
        let mut vars: Vec<Entry> =
            lower.vars.into_iter().filter(|entry| self.vars.iter().all(|mine| mine.key != entry.key)).collect();
        vars.extend(self.vars);
        let mut ssh = lower.ssh;
        ssh.user = self.ssh.user.or(ssh.user);
        ssh.port = self.ssh.port.or(ssh.port);
        self.ssh.options.into_iter().for_each(|(keyword, value)| ssh.set_option(keyword, value));
        Self {
            escalation: self.escalation.or(lower.escalation),
            max_clock_skew: self.max_clock_skew.or(lower.max_clock_skew),
            ssh,
            vars,
        }
    }
}

/// `defaults:` of the inventory.
pub(super) fn defaults(node: &Node, faults: &mut Diagnostics) -> Settings {
    let fields = Fields::open(node, "`defaults`", DEFAULTS, faults);
    fields.map_or_else(Settings::default, |fields| Settings::read(&fields, faults))
}

fn escalation(node: &Node, faults: &mut Diagnostics) -> Option<Escalation> {
    one_of(node, "become", Escalation::NAMES, Code::NOT_ALLOWED, faults).and_then(Escalation::from_name)
}

fn ssh(node: &Node, faults: &mut Diagnostics) -> SshSettings {
    let Some(fields) = Fields::open(node, "`ssh`", SSH, faults) else { return SshSettings::default() };
    let user = fields.get("user").and_then(|node| word(node, "user", faults));
    let port = fields.get("port").and_then(|node| number(node, "port", 1, 65_535, faults));
    let entries = fields.get("options").map_or(&[][..], |node| map(node, "options", faults));
    let port = port.and_then(|port| u16::try_from(port).ok());
    let mut settings = SshSettings { user, port, options: BTreeMap::new() };
    for (keyword, value) in entries.iter().filter_map(|entry| option(entry, faults)) {
        settings.set_option(keyword, value);
    }
    settings
}

/// Whether this option cannot be set: the transport does it, or a field.
pub(super) fn is_ours(keyword: &str) -> bool {
    OURS.iter().any(|ours| ours.eq_ignore_ascii_case(keyword)) || field_for(keyword).is_some()
}

fn field_for(keyword: &str) -> Option<&'static str> {
    FIELDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|(_, field)| *field)
}

fn option(entry: &Entry, faults: &mut Diagnostics) -> Option<(String, String)> {
    let keyword = &entry.key;
    if keyword.is_empty() || !keyword.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message = format!("`{keyword}` is no keyword of ssh_config(5)");
        faults.push(Diagnostic::error(Code::BAD_ID, entry.key_span, message).help("write `ProxyJump: bastion`"));
        return None;
    }
    if is_ours(keyword) {
        let message = format!("`{keyword}` cannot be set");
        let help = match field_for(keyword) {
            Some(field) => format!("write it as `{field}`"),
            None => "the connection carries the agent's stream, and nobody is there to be asked".to_owned(),
        };
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, entry.key_span, message).help(help));
        return None;
    }
    let value = text(&entry.value, "options", faults)?;
    if value.is_empty() || value.contains(char::is_control) {
        let message = format!("`{keyword}` has to be one line of text");
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, entry.value.span, message));
        return None;
    }
    Some((keyword.clone(), value.to_owned()))
}
