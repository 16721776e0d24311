//! `port.orphan-kill`: ends exactly the one process that holds a port and should not. Never a pattern.
//!
//! `holders.rs` judges who holds the port, `program.rs` what they execute.

mod holders;
mod program;

use self::holders::{EndOrphans, Holder};
use runbook_host::{Identity, Reader};
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Outputs, Prediction, Resource, Role, outputs};
use runbook_services::naming::{SUPERVISOR, TARGET, UNIT, USER};
use runbook_step::{Args, Done, Kind, KindDoc, Lack, OutputDoc, Param, ParamType, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

/// The kind.
pub(crate) struct PortOrphanKill;

static DOC: KindDoc = KindDoc {
    name: "port.orphan-kill",
    summary: "Ends the orphan that still holds a port",
    text: "The owner of the listening socket is found by the socket itself, on IPv4 and IPv6. It is ended only if it is an \
         orphan: not a process of `service` or `unit`; in no other unit of systemd that is up, sessions of persons left \
         aside; not under an embedded supervisor that runs; not systemd itself, which is told with the socket unit that \
         it listens for; not in a container; not on a host of launchd, where an orphan cannot be told from a job; and if it executes the program that `expect` names. With `unit` it has to run \
         as the user of the unit, or as `owner`; else as the user that runs `runbook`, where root may end the processes of \
         others. A program is also known after its file was replaced, and that of an interpreter by its script or by the \
         title that it gave itself. A `service` or `unit` that this host does not know and the plan does not start is \
         refused: the name is wrong. The process is signalled through a descriptor, after its start time was read once \
         more, so a reused number is never hit: TERM, then KILL after `grace`. In the end the port is free on both families \
         and stays so for a second, or the step fails. Anything else that holds the port is named and left alone. A free \
         port is no change. Nothing can bring an orphan back, and nothing should: it was not part of the service, so there \
         is no undo.",
    params: &[
        Param::required("port", ParamType::Port, "The TCP port"),
        Param::required(
            "expect",
            ParamType::String,
            "The program of the orphan: a path, or the name of the program, of its script, or its title",
        ),
        Param::optional("service", ParamType::Name(SUPERVISOR.names), "The service whose own processes are left alone"),
        UNIT,
        USER,
        Param::optional(
            "owner",
            ParamType::String,
            "A user, besides that of the unit, whom the orphan may run as; empty for none",
        ),
        Param::default("grace", ParamType::Duration, "10s", "How long it may take to end after TERM"),
    ],
    outputs: &[OutputDoc { name: "ended", help: "the numbers of the processes that were ended, a list" }],
    example: "- id: free-port\n  uses: port.orphan-kill\n  with: { port: 18789, service: gateway, expect: gateway }\n",
};

impl Kind for PortOrphanKill {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        TARGET.check(args, found);
        args.expect("expect", found, |expect: &String| !expect.trim().is_empty(), "the name or the path of a program");
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let declaration = Declaration::attendant().reading(TARGET.resource(args));
        match args.peek::<u16>("port").known() {
            Some(port) => declaration.writes(Resource::Port(port)).role(Role::FreePort(port)),
            None => declaration.writes(Resource::Everything),
        }
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let service = TARGET.bind(args)?;
        let is_started = service.as_ref().is_some_and(|one| args.context.services.contains(&one.resource()));
        Ok(Box::new(EndOrphans {
            is_started,
            service,
            port: args.need("port")?,
            expect: args.need("expect")?,
            owner: args.maybe::<String>("owner")?.filter(|owner| !owner.is_empty()),
            grace: args.need("grace")?,
        }))
    }
}

/// How long the port has to stay free, and the pause between two looks at it.
const STAYS_FREE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);

impl EndOrphans {
    fn outputs(ended: &[u32]) -> Outputs {
        outputs([("ended", json!(ended))])
    }
}

impl Step for EndOrphans {
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

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    /// A process that holds the port and is no part of a service holds it whatever is stopped.
    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        failed.map(|failure| Lack::new(failure.clone(), self.services_there(host))).into_iter().collect()
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
}
