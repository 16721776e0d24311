//! `port.orphan-kill`: ends exactly the one process that holds a port and should not. Never a pattern.

use crate::args::wrong;
use crate::host::{Executed, Identity, PortOwners, Process, Reader};
use crate::process::Service;
use crate::{Args, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Peek, Probe, Step, Work};
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Outputs, Prediction, Purpose, Resource, Role, UndoPhase, UndoSource,
};
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

/// The kind.
pub(crate) struct PortOrphanKill;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("port.orphan-kill"),
    summary: Cow::Borrowed("Ends the orphan that still holds a port"),
    text: Cow::Borrowed(
        "The owner of the listening socket is found by the socket itself, on IPv4 and IPv6. It is ended only if it is \
         not a process of `service`, nor of any other service whose embedded supervisor runs, executes the program \
         that `expect` names, and runs as the same user (root may end the processes of others). A `service` that this \
         host does not know and the plan does not start is refused: the name is wrong. The process is signalled through a descriptor, after its start time was read once more, so a \
         reused number is never hit: TERM, then KILL after `grace`. In the end the port is free on both families and \
         stays so for a second, or the step fails. Anything else that holds the port is named and left alone. A free port is no change. Nothing \
         can bring an orphan back, and nothing should: it was not part of the service, so there is no undo.",
    ),
    params: Cow::Borrowed(&[
        Param::required("port", ParamType::Port, "The TCP port"),
        Param::required(
            "expect",
            ParamType::String,
            "The program of the orphan: a path, or the name of the program or of its script",
        ),
        Param::optional("service", ParamType::String, "The service whose own processes are left alone"),
        Param::default("grace", ParamType::Duration, "10s", "How long it may take to end after TERM"),
    ]),
    outputs: Cow::Borrowed(&[OutputDoc {
        name: "ended",
        help: "the numbers of the processes that were ended, a list",
    }]),
    open_outputs: false,
    example: Cow::Borrowed(
        "- id: free-port\n  uses: port.orphan-kill\n  with: { port: 18789, service: gateway, expect: gateway }\n",
    ),
};

impl Kind for PortOrphanKill {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        if let Peek::Known(name) = args.peek::<String>("service")
            && !super::process::valid_name(&name)
        {
            found.push(wrong("service", args.span("service"), "the name of a service"));
        }
        if args.peek::<String>("expect").known().is_some_and(|expect| expect.trim().is_empty()) {
            found.push(wrong("expect", args.span("expect"), "the name or the path of a program"));
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let mut declaration =
            Declaration { purpose: Purpose::Attendant, ..Declaration::principal(UndoSource::NotNeeded) };
        if let Peek::Known(name) = args.peek::<String>("service") {
            declaration = declaration.reads(Resource::Process(name));
        }
        match args.peek::<u16>("port").known() {
            Some(port) => declaration.writes(Resource::Port(port)).role(Role::FreePort(port)),
            None => declaration.writes(Resource::Everything),
        }
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let service = args.maybe::<String>("service")?;
        let is_started = |name: &String| args.context.services.contains(&Resource::Process(name.clone()));
        Ok(Box::new(Free {
            is_started: service.as_ref().is_some_and(is_started),
            port: args.need("port")?,
            expect: args.need("expect")?,
            service: service.map(Service::named),
            grace: args.need("grace")?,
        }))
    }
}

struct Free {
    port: u16,
    expect: String,
    service: Option<Service>,
    /// Whether the plan itself starts that service.
    is_started: bool,
    grace: Duration,
}

/// How long the port has to stay free, and the pause between two looks at it.
const STAYS_FREE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);

/// Who holds the port.
enum Holder {
    Nobody,
    TheService,
    Orphans(Vec<(Identity, Executed)>),
}

impl Free {
    /// Judges every holder of the port; one that may not be ended is a refusal.
    fn holder(&self, host: &Reader) -> Result<Holder, Failure> {
        self.check_service(host)?;
        let owners = host.port_owners(self.port)?;
        if owners.is_free() {
            return Ok(Holder::Nobody);
        }
        if let Some(listener) = owners.unseen() {
            let message =
                format!("port {} on {} belongs to a process that this user may not see", self.port, listener.address);
            return Err(Failure::refused(message).hint("run as root, or as the user of that process"));
        }
        let own = match &self.service {
            Some(service) => service.tree(host)?.into_iter().map(|process| process.identity).collect(),
            None => Vec::new(),
        };
        let orphans: Result<Vec<_>, Failure> =
            strangers(&owners, &own).into_iter().filter_map(|process| self.judge(host, process).transpose()).collect();
        let orphans = orphans?;
        Ok(if orphans.is_empty() { Holder::TheService } else { Holder::Orphans(orphans) })
    }

    /// A name that nobody knows protects nothing.
    fn check_service(&self, host: &Reader) -> Result<(), Failure> {
        match &self.service {
            Some(service) if !self.is_started && service.spec(host)?.is_none() => {
                let message = format!("there is no service `{}` on this host", service.name);
                Err(Failure::refused(message)
                    .hint("correct `service` or the state directory, or leave `service` out if the port has none"))
            }
            _ => Ok(()),
        }
    }

    /// The process with what it executes if it may be ended; `None` if it is gone.
    fn judge(&self, host: &Reader, process: &Process) -> Result<Option<(Identity, Executed)>, Failure> {
        let identity = &process.identity;
        let Some(executed) = host.executed(identity)? else { return Ok(None) };
        let refused = |why: &str| {
            let message = format!("port {} belongs to {identity} ({}), {why}", self.port, executed.line());
            Failure::refused(message).hint("it was left alone; find out what it is before you end it")
        };
        if identity.pid == std::process::id() || identity.pid == 1 {
            return Err(refused("which is never ended"));
        }
        if !self.expects(&executed) {
            return Err(refused(&format!("which is not `{}`", self.expect)));
        }
        if let Some(service) = Service::supervising(host, identity)? {
            return Err(refused(&format!("which belongs to service `{service}`, and its supervisor runs")));
        }
        if host.uid() != 0 && executed.uid != Some(host.uid()) {
            return Err(refused("which belongs to another user"));
        }
        Ok(Some((identity.clone(), executed)))
    }

    /// Whether it executes the program that the plan names: its own file, or the script that an interpreter was given.
    fn expects(&self, executed: &Executed) -> bool {
        let expect = Path::new(&self.expect);
        let is = |path: &Path| {
            if expect.components().count() > 1 { path == expect } else { path.file_name() == Some(expect.as_os_str()) }
        };
        let script = executed.argv.iter().skip(1).find(|arg| !arg.starts_with('-')).map(Path::new);
        let script = script.map(|script| executed.cwd.as_deref().unwrap_or(Path::new("/")).join(script));
        executed.exe.as_deref().is_some_and(is) || script.as_deref().is_some_and(is)
    }

    fn outputs(ended: &[u32]) -> Outputs {
        Outputs::from_iter([("ended".to_owned(), json!(ended))])
    }
}

/// The holders that are not processes of the service.
fn strangers<'a>(owners: &'a PortOwners, own: &[Identity]) -> Vec<&'a Process> {
    owners.processes().into_iter().filter(|process| !own.contains(&process.identity)).collect()
}

impl Step for Free {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let prediction = match self.holder(host)? {
            Holder::Nobody => Prediction::no_change(format!("port {} is free", self.port)),
            Holder::TheService => Prediction::no_change(format!("port {} belongs to the service itself", self.port)),
            Holder::Orphans(orphans) => {
                let names: Vec<String> =
                    orphans.iter().map(|(identity, what)| format!("{identity} ({})", what.line())).collect();
                Prediction::change(format!("{}, which holds port {}, is ended", names.join(" and "), self.port))
            }
        };
        Ok(Probe::of(prediction).with(Self::outputs(&[])))
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let Holder::Orphans(orphans) = self.holder(work.host)? else {
            return Ok(Done::saying(format!("port {} is free", self.port)).with(Self::outputs(&[])));
        };
        let identities: Vec<Identity> = orphans.into_iter().map(|(identity, _)| identity).collect();
        work.host.terminate(&identities, self.grace)?;
        let until = Instant::now() + STAYS_FREE;
        let state = loop {
            let state = match self.holder(work.host)? {
                Holder::Nobody => "is free",
                Holder::TheService => break "belongs to the service itself",
                Holder::Orphans(left) => {
                    let names: Vec<String> =
                        left.iter().map(|(identity, what)| format!("{identity} ({})", what.line())).collect();
                    let message = format!("port {} is taken again by {}", self.port, names.join(" and "));
                    return Err(Failure::failed(message).hint("something starts it again; stop that first"));
                }
            };
            if Instant::now() >= until {
                break state;
            }
            work.host.pause(LOOK)?;
        };
        let pids: Vec<u32> = identities.iter().map(|identity| identity.pid).collect();
        let names: Vec<String> = identities.iter().map(Identity::to_string).collect();
        Ok(Done::saying(format!("{} ended, port {} {state}", names.join(" and "), self.port))
            .with(Self::outputs(&pids)))
    }

    fn take_back(&self, _: UndoPhase, _: &Work<'_>, _: &Json) -> Result<String, Failure> {
        Ok(String::new())
    }
}
