//! A service of the embedded supervisor as one that is started, restarted and stopped.

use super::params::{self, Wanted};
use crate::freshness::{newer_than, wait_for_clock};
use crate::managed::{ManagedService, Motion};
use crate::manner::Manner;
use crate::process::{Life, Service, Spec};
use crate::results;
use runbook_host::Reader;
use runbook_model::{Diagnostic, Effect, Failure, Prediction, Resource, Results, ServiceState};
use runbook_step::{Args, Confirmation, Done, Lack, Probe, Work};
use serde_json::Value as Json;

impl ManagedService for Service {
    type Wanted = Wanted;

    fn bind(args: &Args<'_>, motion: Motion) -> Result<(Self, Wanted), Diagnostic> {
        if motion == Motion::Start {
            args.need::<Vec<String>>("run")?;
        }
        Wanted::bind(args)
    }

    fn manner(_: &Wanted) -> Manner {
        Manner::default()
    }

    fn resource(args: &Args<'_>) -> Resource {
        params::resource(args)
    }

    fn effects(args: &Args<'_>, motion: Motion) -> Vec<Effect> {
        let mut effects: Vec<Effect> = params::executed_paths(args).into_iter().map(Effect::read).collect();
        if motion == Motion::Restart && args.given("run").is_none() {
            // What it executes is known to its spec on the host alone.
            effects.push(Effect::read(Resource::UnknownPath));
        }
        effects.extend(args.peek::<u16>("ready_port").known().map(|port| Effect::write(Resource::Port(port))));
        effects
    }

    fn foresee(&self, host: &Reader, wanted: &Wanted, motion: Motion) -> Result<Probe, Failure> {
        let (name, life) = (&self.name, self.life(host)?);
        if motion == Motion::Stop {
            return Ok(Probe::of(self.foresee_stop(host, &life)?).with(self.down()));
        }
        let restart = motion == Motion::Restart;
        // A restart goes by what is there, so that has to be known first.
        let there = self.spec(host)?;
        let changed = if restart { Some(self.spec_for(host, wanted, motion, there.clone())?) } else { None };
        let (Life::Running(process), Some(state), Some(now)) = (&life, self.state(host)?, there) else {
            return Ok(Probe::of(Prediction::change(match life {
                life if restart => format!("`{name}` is {}; it is started", life.words()),
                Life::Down => format!("`{name}` is started"),
                life => format!("`{name}` is {}; it is brought down and started", life.words()),
            })));
        };
        let outputs = params::up(self, changed.as_ref().unwrap_or(&now), &state);
        let spec = changed.map_or_else(|| wanted.whole(host, self), Ok)?;
        let prediction = if !now.runs_like(&spec) {
            Prediction::change(match restart {
                true => format!("`{name}` is restarted with other parameters"),
                false => format!("`{name}` runs with other parameters, {process}; it is restarted"),
            })
        } else if let Some(path) = newer_than(host, spec.executes(), &wanted.watch, state.started_ns)? {
            let path = path.display();
            Prediction::change(format!("`{name}` is restarted: {path} was changed after {process} was started"))
        } else {
            let what = if restart { " what is on the disk" } else { "" };
            Prediction::no_change(format!("`{name}` runs{what}, {process}"))
        };
        Ok(Probe::of(prediction).with(outputs))
    }

    fn lacks(&self, host: &Reader, wanted: &Wanted, motion: Motion, _: Option<&Failure>) -> Vec<Lack> {
        let known = || self.known(self.spec(host)?);
        let unknown = if motion == Motion::Restart { known().err() } else { None };
        let unknown = unknown.map(|failure| Lack::new(failure, [Resource::Process(self.name.clone())]));
        unknown.into_iter().chain(wanted.lacks(host)).collect()
    }

    fn go(&self, work: &Work<'_>, wanted: &Wanted, motion: Motion, _: &Json) -> Result<Done, Failure> {
        if motion == Motion::Stop {
            self.stop(work.host)?;
            return Ok(Done::saying(format!("`{}` is down", self.name)).with(self.down()));
        }
        let there = if motion == Motion::Restart { self.spec(work.host)? } else { None };
        let spec = self.spec_for(work.host, wanted, motion, there)?;
        self.stop(work.host)?;
        wait_for_clock(work.host, spec.executes(), &wanted.watch)?;
        let state = self.start(work.host, &spec)?;
        let pid = state.child.as_ref().map_or(0, |child| child.pid);
        Ok(Done::saying(format!("pid {pid}")).with(params::up(self, &spec, &state)))
    }

    fn went(
        &self,
        host: &Reader,
        wanted: &Wanted,
        motion: Motion,
        undo: &Json,
    ) -> Result<Option<Confirmation>, Failure> {
        if motion == Motion::Stop {
            return Ok(None);
        }
        let (name, life) = (&self.name, self.life(host)?);
        let Life::Running(_) = life else {
            return Ok(Some(Confirmation::NotThere(format!("`{name}` is {}", life.words()))));
        };
        if !self.was_replaced(host, undo)? {
            let old = format!("`{name}` still runs the process that it ran before");
            return Ok(Some(Confirmation::NotThere(old)));
        }
        let there = self.spec(host)?;
        let spec = self.spec_for(host, wanted, motion, there.clone())?;
        Ok(Some(match there {
            Some(now) if !now.runs_like(&spec) => {
                Confirmation::NotThere(format!("`{name}` does not run with these parameters yet"))
            }
            _ => Confirmation::There,
        }))
    }
}

impl Service {
    fn foresee_stop(&self, host: &Reader, life: &Life) -> Result<Prediction, Failure> {
        let name = &self.name;
        Ok(match life {
            Life::Down if self.tree(host)?.is_empty() => Prediction::no_change(format!("`{name}` is down")),
            Life::Down => Prediction::change(format!("processes that `{name}` left behind are ended")),
            life => Prediction::change(format!("`{name}` is {}; it is brought down", life.words())),
        })
    }

    /// The results of a stop.
    fn down(&self) -> Results {
        results::of_service(ServiceState::new(&self.name, false), None, [])
    }

    fn known(&self, there: Option<Spec>) -> Result<Spec, Failure> {
        there.ok_or_else(|| {
            Failure::missing(format!("there is no service `{}` to restart", self.name))
                .hint("start it with `process.start`, or correct `name`")
        })
    }

    /// What it is to run as: a start says all of it, a restart what changes of what is there.
    fn spec_for(&self, host: &Reader, wanted: &Wanted, motion: Motion, there: Option<Spec>) -> Result<Spec, Failure> {
        match motion {
            Motion::Restart => wanted.changed(host, self.known(there)?),
            Motion::Start | Motion::Stop => wanted.whole(host, self),
        }
    }
}
