//! Hosts as an inventory names them. Nothing here says whether one can be reached.

use crate::{Entry, Span, words};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// The hosts that plans may be applied to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Its name; of an Ansible inventory the name of its file.
    pub name: String,
    /// The hosts in the order of the file; names are unique.
    pub hosts: Vec<InventoryHost>,
}

/// One host of an inventory, with what defaults and groups give it.
#[derive(Clone, Debug, PartialEq)]
pub struct InventoryHost {
    /// Its name in the inventory.
    pub name: HostName,
    /// Where the inventory names it first.
    pub span: Span,
    /// What the transport connects to.
    pub address: String,
    /// What a selector may ask for.
    pub labels: BTreeMap<String, String>,
    /// The groups that it is in.
    pub groups: BTreeSet<String>,
    /// What a successful run on this host proves, in the words of the inventory's author.
    pub exercises: BTreeSet<String>,
    /// How the agent becomes root.
    pub escalation: Escalation,
    /// How far the host's clock may be from the controller's.
    pub max_clock_skew: Duration,
    /// What is told to OpenSSH.
    pub ssh: SshSettings,
    /// Values of variables: of defaults, groups and the host, the last one of each name.
    pub vars: Vec<Entry>,
    /// Whether `vars` are also for other tools, so that a name which no plan declares is no fault.
    pub shared_vars: bool,
}

/// The name of a host: letters, digits, `.`, `_` and `-`, and first a letter or digit. It names files and is an argument of
/// programs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostName(String);

impl HostName {
    /// `text` as the name of a host, if it is one.
    pub fn new(text: &str) -> Option<Self> {
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let all = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        (first && all && text.len() <= 253).then(|| Self(text.to_owned()))
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

words! {
    /// How the agent gets the rights that a plan needs.
    #[derive(Default)]
    Escalation {
        /// It runs as the user that logs in.
        #[default]
        None = "none",
        /// `sudo -n`, once, when it starts.
        Sudo = "sudo",
    }
}

/// What an inventory tells OpenSSH about one host. Everything else is the operator's own configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshSettings {
    /// The user that logs in.
    pub user: Option<String>,
    /// The port, if it is not 22.
    pub port: Option<u16>,
    /// Options of `ssh_config(5)`: keyword → value, each given as `-o`.
    pub options: BTreeMap<String, String>,
}

impl SshSettings {
    /// Sets an option. Keywords are alike in upper and lower case, so an earlier one goes, however it is spelled.
    pub fn set_option(&mut self, keyword: String, value: String) {
        self.options.retain(|earlier, _| !earlier.eq_ignore_ascii_case(&keyword));
        self.options.insert(keyword, value);
    }
}

impl Inventory {
    /// How far clocks may be apart where an inventory says nothing.
    pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(30);

    /// The host called `name`.
    pub fn host(&self, name: &str) -> Option<&InventoryHost> {
        self.hosts.iter().find(|host| host.name.as_str() == name)
    }
}
