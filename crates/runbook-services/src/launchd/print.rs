//! The state of a job, from `launchctl print`.
//!
//! Its form has changed between versions of macOS, in the first line, in the indentation and in which lines there are.
//! What is relied on: `key = value` at the outermost level, blocks of `name = {` to `}`, and the exit status.

use super::{Definition, Job};
use runbook_host::{Output, Reader};
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Exit statuses of a job that launchd does not know: ESRCH, and its own word for it.
pub(super) const UNKNOWN: [i32; 2] = [3, 113];
/// How long a job may take to end after TERM if it does not say otherwise (launchd.plist(5), `ExitTimeOut`).
const EXIT_TIMEOUT: Duration = Duration::from_secs(20);

/// What launchd says of a job that it has loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobState {
    /// `running`, `not running`, `spawn scheduled`, `waiting`, `SIGTERMed`, …
    pub word: String,
    /// Its main process; `None` if it has none now.
    pub pid: Option<u32>,
    /// How often it was started since it was loaded.
    pub runs: u64,
    /// How its last process ended, in launchd's words; `None` if none has.
    pub last_exit: Option<String>,
    /// The property list that it was loaded from; `None` if it came from elsewhere.
    pub plist: Option<PathBuf>,
    /// Its argument vector.
    pub arguments: Vec<String>,
    /// What its property list sets in the environment, and launchd's own.
    pub environment: BTreeMap<String, String>,
    /// Where its standard output goes.
    pub stdout: Option<PathBuf>,
    /// Where its standard error goes.
    pub stderr: Option<PathBuf>,
    /// How long it may take to end after TERM.
    pub exit_timeout: Duration,
}

impl Job {
    /// What launchd says of it now; `None` if it is not loaded.
    pub fn state(&self, host: &Reader) -> Result<Option<JobState>, Failure> {
        self.needs_launchd(host)?;
        let target = self.target(host);
        let output = host.ask(&Self::launchctl(&["print", &target]))?;
        if output.status.success() {
            return JobState::parse(&output.text()).map(Some).ok_or_else(|| {
                // What it did say may hold secrets of the environment.
                Failure::failed(format!("`launchctl print {target}` says nothing that can be read"))
                    .hint("this version of macOS says it in words that are not known here")
            });
        }
        match output.status.code() {
            Some(code) if UNKNOWN.contains(&code) && !output.tail().contains("find domain") => Ok(None),
            _ => Err(self.no_answer(host, &output)),
        }
    }

    /// The failure of a question that launchd does not answer, most often since the domain is not there.
    pub(super) fn no_answer(&self, host: &Reader, output: &Output) -> Failure {
        let domain = self.domain(host);
        let message = format!("launchd cannot be asked about {self} in {domain}: {}", output.ending());
        Failure::missing(message).detail(output.tail()).hint(
            "a domain `gui/UID` is there while that user is logged in at the screen; otherwise the job is in `user/UID` or \
             in `system`, which `domain` says",
        )
    }
}

impl JobState {
    /// Reads what `launchctl print` printed of a job; `None` if it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip_while(|line| line.trim().is_empty());
        let outer = lines.next().filter(|first| first.trim_end().ends_with("= {")).map(indent)?;
        let mut state = Self { exit_timeout: EXIT_TIMEOUT, ..Self::default() };
        let mut inside: Vec<(&str, usize)> = Vec::new();
        for (at, line) in lines.map(|line| (indent(line), line.trim())).filter(|(_, line)| !line.is_empty()) {
            // A text of several lines is printed as it is, and may have such a line of its own.
            if line == "}" {
                match inside.iter().rposition(|(_, opened)| *opened == at) {
                    Some(block) => {
                        inside.truncate(block);
                        continue;
                    }
                    None if inside.is_empty() && at == outer => return (!state.word.is_empty()).then_some(state),
                    None => {}
                }
            }
            match (line.strip_suffix(" = {").or(line.strip_suffix(" => {")), inside.as_slice()) {
                (Some(name), _) => inside.push((name, at)),
                (None, []) => state.take(line),
                (None, [("arguments", _)]) => state.arguments.push(line.to_owned()),
                (None, [("environment", _)]) => {
                    let entry = line.split_once(" =>").map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
                    state.environment.extend(entry);
                }
                (None, _) => {}
            }
        }
        None
    }

    fn take(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(" = ") else { return };
        let path = || Some(PathBuf::from(value)).filter(|path| path.is_absolute());
        match key {
            "state" => self.word = value.to_owned(),
            "pid" => self.pid = value.parse().ok().filter(|pid| *pid != 0),
            "runs" => self.runs = value.parse().unwrap_or(0),
            "last exit code" => self.last_exit = Some(value.to_owned()).filter(|value| value != "(never exited)"),
            "last terminating signal" => self.last_exit = Some(format!("signal {value}")),
            "path" => self.plist = path(),
            "stdout path" => self.stdout = path(),
            "stderr path" => self.stderr = path(),
            "exit timeout" => {
                // `5`, and `5 seconds` in later versions.
                let seconds = value.split(' ').next().and_then(|number| number.parse().ok());
                self.exit_timeout = seconds.map_or(EXIT_TIMEOUT, Duration::from_secs);
            }
            _ => {}
        }
    }

    /// Whether it is a command that is over and ended well.
    pub fn has_run(&self) -> bool {
        // `0`, and `0: (null)` or the like where a name is told with the number.
        let code = self.last_exit.as_deref().map(|code| code.split(':').next().unwrap_or(code));
        self.pid.is_none() && self.runs > 0 && code == Some("0")
    }

    /// `running, pid 12`, `spawn scheduled`: for messages.
    pub fn words(&self) -> String {
        self.pid.map_or_else(|| self.word.clone(), |pid| format!("{}, pid {pid}", self.word))
    }

    /// In what it differs from a property list, which launchd reads only when it loads a job; `None` if in nothing.
    pub fn differs(&self, wanted: &Definition) -> Option<&'static str> {
        // One line is one argument there, and what surrounds a text is not told apart from it.
        let line = |text: &String| text.trim().to_owned();
        let lines: Vec<String> = wanted.arguments.iter().map(line).collect();
        let is_plain = !wanted.arguments.iter().any(|argument| argument.contains('\n') || argument.trim().is_empty());
        let has = |(name, value): (&String, &String)| {
            value.contains('\n') || self.environment.get(name).is_some_and(|loaded| *loaded == line(value))
        };
        if is_plain && self.arguments != lines {
            Some("program or arguments")
        } else if !wanted.environment.iter().all(has) {
            Some("environment")
        } else if self.stdout != wanted.stdout || self.stderr != wanted.stderr {
            Some("files for its output")
        } else {
            None
        }
    }
}

/// How far a line is indented: a block ends as far as it began.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As macOS 10.14 says it: without the target in the first line, with spaces.
    const MOJAVE: &str = "com.example.agent = {\n        active count = 1\n        path = /Library/LaunchDaemons/com.example.agent.plist\n\
        \x20       state = running\n\n        program = /usr/local/bin/agent\n        arguments = {\n                /usr/local/bin/agent\n        }\n\n\
        \x20       default environment = {\n                PATH => /usr/bin:/bin:/usr/sbin:/sbin\n        }\n\n        environment = {\n\
        \x20               XPC_SERVICE_NAME => com.example.agent\n        }\n\n        domain = com.apple.xpc.launchd.domain.system\n\
        \x20       minimum runtime = 10\n        exit timeout = 5\n        runs = 3\n        successive crashes = 0\n        pid = 1486\n\
        \x20       last exit code = 0\n\n        event triggers = {\n        }\n\n        sockets = {\n        }\n\n        properties = {\n\
        \x20               keepalive = 1\n                runatload = 1\n        }\n}\n";
    /// As macOS 12 and later say it: tabs, the target, and more lines.
    const RECENT: &str = "gui/501/ai.openclaw.gateway = {\n\tactive count = 1\n\tpath = /Volumes/ann/Library/LaunchAgents/ai.openclaw.gateway.plist\n\
        \ttype = LaunchAgent\n\tstate = running\n\n\tprogram = /opt/homebrew/opt/node/bin/node\n\targuments = {\n\t\t/opt/homebrew/opt/node/bin/node\n\
        \t\t/opt/homebrew/lib/node_modules/openclaw/dist/index.js\n\t\tgateway\n\t\t--port\n\t\t18789\n\t}\n\n\tworking directory = /Volumes/ann\n\n\
        \tstdout path = /Volumes/ann/Library/Logs/openclaw/gateway.log\n\tstderr path = /Volumes/ann/Library/Logs/openclaw/gateway.err.log\n\
        \tinherited environment = {\n\t\tSSH_AUTH_SOCK => /private/tmp/com.apple.launchd.x/Listeners\n\t}\n\n\tdefault environment = {\n\
        \t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin\n\t}\n\n\tenvironment = {\n\t\tOPENCLAW_PORT => 18789\n\t\tEMPTY => \n\
        \t\tXPC_SERVICE_NAME => ai.openclaw.gateway\n\t}\n\n\tdomain = gui/501 [100007]\n\tasid = 100007\n\tminimum runtime = 1\n\texit timeout = 20\n\
        \truns = 1\n\tpid = 3925\n\timmediate reason = speculative\n\tforks = 28\n\texecs = 1\n\tlast exit code = (never exited)\n\n\
        \tresource coalition = {\n\t\tID = 1322\n\t\ttype = resource\n\t\tstate = active\n\t\tactive count = 1\n\t}\n\n\tspawn type = daemon (3)\n\
        \tjetsam priority = 40\n\tprobabilistic guard malloc policy = {\n\t\tactivation rate = 1/1000\n\t}\n\n\
        \tproperties = keepalive | runatload | inferred program\n}\n";
    /// A job that ends again and again, with conditions in blocks of `=> {`.
    const SCHEDULED: &str = "gui/501/com.example.loop = {\n\tactive count = 0\n\tpath = (submitted by launchctl[812])\n\ttype = Submitted\n\
        \tstate = spawn scheduled\n\n\tprogram = /bin/sh\n\targuments = {\n\t\t/bin/sh\n\t\t-c\n\t\texit 78\n\t}\n\n\tsemaphores = {\n\
        \t\tsuccessful exit => 0\n\t}\n\n\tevent triggers = {\n\t\tcom.example.timer => {\n\t\t\tkeepalive = 0\n\t\t\tstate = 1\n\t\t}\n\t}\n\n\
        \texit timeout = 45 seconds\n\truns = 640\n\tlast exit code = 78: EX_CONFIG\n\n\tjob state = exited\n\tproperties = keepalive\n}\n";

    #[test]
    fn what_several_versions_print_is_read() {
        let old = JobState::parse(MOJAVE).unwrap();
        assert_eq!((old.word.as_str(), old.pid, old.runs), ("running", Some(1486), 3));
        assert_eq!(
            (old.arguments.as_slice(), old.last_exit.as_deref()),
            (["/usr/local/bin/agent".to_owned()].as_slice(), Some("0"))
        );
        assert_eq!((old.exit_timeout.as_secs(), old.stdout.clone()), (5, None));

        let new = JobState::parse(RECENT).unwrap();
        assert_eq!((new.word.as_str(), new.pid, new.last_exit.as_deref()), ("running", Some(3925), None));
        assert_eq!(new.arguments.len(), 5);
        assert_eq!((new.environment["OPENCLAW_PORT"].as_str(), new.environment["EMPTY"].as_str()), ("18789", ""));
        assert!(!new.environment.contains_key("SSH_AUTH_SOCK") && !new.environment.contains_key("PATH"));
        assert_eq!(new.stderr, Some("/Volumes/ann/Library/Logs/openclaw/gateway.err.log".into()));
        assert_eq!(new.plist, Some("/Volumes/ann/Library/LaunchAgents/ai.openclaw.gateway.plist".into()));

        let scheduled = JobState::parse(SCHEDULED).unwrap();
        assert_eq!((scheduled.words().as_str(), scheduled.pid, scheduled.runs), ("spawn scheduled", None, 640));
        assert_eq!((scheduled.last_exit.as_deref(), scheduled.plist.clone()), (Some("78: EX_CONFIG"), None));
        assert_eq!((scheduled.exit_timeout.as_secs(), scheduled.has_run()), (45, false));
    }

    #[test]
    fn a_text_of_several_lines_ends_no_block() {
        for text in ["f() {\n}\nf", "f() {\n  x\n  }", "x = {\n}", "\t}", "a = {", "}"] {
            let printed = RECENT.replace("\t\tgateway\n", &format!("\t\t{text}\n"));
            let state = JobState::parse(&printed).unwrap();
            assert_eq!((state.pid, state.runs, state.word.as_str()), (Some(3925), 1, "running"), "{text}");
            assert_eq!(state.environment["OPENCLAW_PORT"], "18789", "{text}");
        }
        let state = JobState::parse(&RECENT.replace("\t\tgateway\n", "\t\t}\n")).unwrap();
        assert_eq!((state.arguments[2].as_str(), state.arguments.len()), ("}", 5));
    }

    #[test]
    fn what_is_cut_or_something_else_is_not_read() {
        for text in ["", "Could not find service", "{}", "com.example = {\n\tpid = 1\n}\n"] {
            assert_eq!(JobState::parse(text), None, "{text}");
        }
        for end in RECENT.char_indices().map(|(at, _)| at).take_while(|at| *at < RECENT.len() - 2) {
            assert_eq!(JobState::parse(&RECENT[..end]), None, "{}", &RECENT[..end]);
        }
    }

    #[test]
    fn what_is_loaded_is_compared_with_the_property_list() {
        let state = JobState::parse(RECENT).unwrap();
        let same = Definition {
            arguments: state.arguments.clone(),
            environment: [("OPENCLAW_PORT".to_owned(), "18789".to_owned())].into(),
            stdout: state.stdout.clone(),
            stderr: state.stderr.clone(),
            ..Definition::default()
        };
        assert_eq!(state.differs(&same), None);
        let other = Definition { arguments: vec!["/bin/other".to_owned()], ..same.clone() };
        assert_eq!(state.differs(&other), Some("program or arguments"));
        let other = Definition { environment: [("OPENCLAW_PORT".to_owned(), "1".to_owned())].into(), ..same.clone() };
        assert_eq!(state.differs(&other), Some("environment"));
        assert_eq!(state.differs(&Definition { stdout: None, ..same }), Some("files for its output"));
    }
}
