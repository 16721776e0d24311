//! Plays a rollout over hosts and links that are as bad as the script says. Time is a number here.

use super::host::{Effect, Later, SimHost};
use super::laws::{Broken, Watch};
use super::mutations::Mutation;
use super::script::{Blow, Gatekeeper, PERSON, Script};
use crate::{
    Action, Approve, Came, Controller, Input, Now, Order, RolloutEvent, RolloutRecord, RolloutState, Target,
    TargetVerdict, Told, Waves, WhyLeave, wakes,
};
use runbook_model::HostName;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// What the date is at the beginning.
pub(super) const DATE: i64 = 1_000_000_000;
const MOST_STEPS: usize = 40_000;

#[derive(Clone, Debug)]
enum Item {
    ToHost {
        from: usize,
        epoch: u64,
        order: Order,
    },
    ToController {
        to: usize,
        came: Came,
    },
    /// To whoever acts then.
    Person(Came),
    Later {
        host: HostName,
        later: Later,
    },
    GoOn,
}

pub(super) struct Ctl {
    pub(super) state: RolloutState,
    pub(super) dead: bool,
    pub(super) superseded: bool,
    left: Option<WhyLeave>,
}

pub(super) struct World<'a> {
    pub(super) script: &'a Script,
    pub(super) waves: Waves,
    pub(super) mutation: Option<Mutation>,
    pub(super) now: u64,
    pub(super) hosts: BTreeMap<HostName, SimHost>,
    pub(super) records: Vec<RolloutRecord>,
    pub(super) ctls: Vec<Ctl>,
    pub(super) watch: Watch,
    rng: fastrand::Rng,
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    items: Vec<Item>,
    reactions: usize,
    quiet: bool,
    asked: BTreeSet<(usize, String)>,
}

/// The rollout from its begin to its end, and once more when all hosts are back that come back.
pub(super) fn play<'a>(script: &'a Script, mutation: Option<Mutation>, only: Option<u8>) -> Result<World<'a>, Broken> {
    play_waves(script, script.waves(), mutation, only)
}

/// The same, of another attempt or of a part of it.
pub(super) fn play_waves(
    script: &Script,
    waves: Waves,
    mutation: Option<Mutation>,
    only: Option<u8>,
) -> Result<World<'_>, Broken> {
    let hosts = (0..script.hosts.len()).filter_map(|at| SimHost::new(script, at)).map(|host| (host.name(), host));
    let mut world = World {
        script,
        watch: Watch::new(only),
        mutation,
        now: 0,
        hosts: hosts.collect(),
        records: Vec::new(),
        ctls: Vec::new(),
        rng: fastrand::Rng::with_seed(script.seed),
        queue: BinaryHeap::new(),
        items: Vec::new(),
        reactions: 0,
        quiet: false,
        asked: BTreeSet::new(),
        waves,
    };
    world.go_on()?;
    world.run()?;
    world.at_the_end()?;
    world.owed_is_delivered()?;
    Ok(world)
}

impl World<'_> {
    fn date(&self) -> i64 {
        let dates = &self.script.dates;
        let jump = if dates.is_empty() { 0 } else { dates[(self.now / 60_000) as usize % dates.len()] };
        DATE + self.now as i64 + jump
    }

    pub(super) fn current(&self) -> usize {
        self.ctls.len() - 1
    }

    pub(super) fn state(&self) -> &RolloutState {
        &self.ctls[self.current()].state
    }

    fn put(&mut self, at: u64, item: Item) {
        self.items.push(item);
        self.queue.push(Reverse((at, self.items.len() - 1)));
    }

    /// Another controller acts from here on, from what is on record.
    fn go_on(&mut self) -> Result<(), Broken> {
        let state = RolloutState::replay(&self.records).map_err(|error| Broken::new(9, error))?;
        let controller = Controller { by: format!("c{}", self.ctls.len()), ..Controller::default() };
        let came = if self.records.is_empty() { Came::Start(controller) } else { Came::TakeOver(controller) };
        self.ctls.push(Ctl { state, dead: false, superseded: false, left: None });
        self.react(self.current(), came)
    }

    fn run(&mut self) -> Result<(), Broken> {
        for _ in 0..MOST_STEPS {
            match self.ctls[self.current()].left {
                Some(WhyLeave::Finished) => return Ok(()),
                Some(WhyLeave::Superseded) => return Err(Broken::new(14, "the last controller was superseded")),
                Some(WhyLeave::Drained) | None => {}
            }
            if !self.step()? {
                return self.watch.broken(10, "nothing comes any more, and it is not over");
            }
        }
        self.watch.broken(10, "it does not end")
    }

    fn step(&mut self) -> Result<bool, Broken> {
        let wake = (0..self.ctls.len()).filter(|at| self.acts(*at)).filter_map(|at| self.wakes(at)).min();
        let item = self.queue.peek().map(|Reverse((at, _))| *at);
        match (wake, item) {
            (Some(at), item) if item.is_none_or(|item| at < item) => {
                self.now = self.now.max(at);
                for ctl in 0..self.ctls.len() {
                    if self.acts(ctl) {
                        self.react(ctl, Came::Tick)?;
                    }
                }
            }
            (_, Some(at)) => {
                let Some(Reverse((_, item))) = self.queue.pop() else { return Ok(false) };
                self.now = self.now.max(at);
                self.handle(self.items[item].clone())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn acts(&self, ctl: usize) -> bool {
        !self.ctls[ctl].dead && self.ctls[ctl].left.is_none()
    }

    fn clocks(&self) -> Now {
        Now { elapsed_ms: self.now, date_ms: self.date() }
    }

    fn wakes(&self, ctl: usize) -> Option<u64> {
        let now = Mutation::clock(self.mutation, self.clocks(), &self.ctls[ctl].state);
        let at = wakes(&self.ctls[ctl].state, &self.waves, now)?;
        // A mutated clock may stand still.
        (self.mutation != Some(Mutation::NoDeadlines)).then(|| at.max(self.now + 1))
    }

    fn handle(&mut self, item: Item) -> Result<(), Broken> {
        match item {
            Item::ToController { to, came } if self.acts(to) => self.react(to, came),
            Item::ToController { .. } => Ok(()),
            Item::Person(came) => {
                let to = self.current();
                if self.acts(to) { self.react(to, came) } else { Ok(()) }
            }
            Item::GoOn => self.go_on(),
            Item::ToHost { from, epoch, order } => {
                let host = order.host().clone();
                if self.hosts[&host].is_away(self.now) {
                    self.comes_back(&host, from);
                    return Ok(());
                }
                let takes = self.takes(&order);
                let effect = self.hosts.get_mut(&host).unwrap().hear(order, epoch, takes, self.now);
                self.watch.ran(&self.hosts)?;
                self.effect(&host, from, effect);
                Ok(())
            }
            Item::Later { host, later } => {
                let epoch = self.hosts[&host].epoch;
                let to = (0..self.ctls.len()).rev().find(|at| self.ctls[*at].state.epoch == epoch);
                let effect = self.hosts.get_mut(&host).unwrap().later(later);
                self.effect(&host, to.unwrap_or(self.current()), effect);
                Ok(())
            }
        }
    }

    fn takes(&self, order: &Order) -> bool {
        match order {
            Order::Judge { target, .. } => self.waves.wave_of(target).is_some_and(|(_, wave)| !wave.takes.is_empty()),
            _ => false,
        }
    }

    fn effect(&mut self, host: &HostName, to: usize, effect: Effect) {
        for (after, later) in effect.later {
            self.put(self.now + after, Item::Later { host: host.clone(), later });
        }
        for came in effect.says {
            self.carry(host, to, Item::ToController { to, came });
        }
    }

    /// A link that is lost is found to be, and made anew, once the host is there.
    fn comes_back(&mut self, host: &HostName, to: usize) {
        if let Some(at) = self.hosts[host].back_at(self.now) {
            let at = at + self.rng.u64(1000..20_000);
            self.put(at, Item::ToController { to, came: Came::Back(host.clone()) });
        }
    }

    fn carry(&mut self, host: &HostName, ctl: usize, item: Item) {
        if self.hosts[host].is_away(self.now) {
            return self.comes_back(host, ctl);
        }
        let delay = if self.quiet { 1 } else { self.rng.u64(1..3000) };
        match if self.quiet { 9 } else { self.rng.u8(0..12) } {
            0 => self.put(self.now + 10_000, Item::ToController { to: ctl, came: Came::Back(host.clone()) }),
            1 => {
                self.put(self.now + delay, item.clone());
                let again = self.now + delay + self.rng.u64(1..60_000);
                self.put(again, item);
            }
            _ => self.put(self.now + delay, item),
        }
    }

    fn react(&mut self, ctl: usize, came: Came) -> Result<(), Broken> {
        self.reactions += 1;
        let blow = self.script.blows.iter().find(|(at, _)| *at == self.reactions).map(|(_, blow)| *blow);
        let is_current = ctl == self.current();
        let blow = blow.filter(|_| is_current && !self.quiet);
        self.ctls[ctl].superseded |= matches!(came, Came::Superseded);
        self.watch.comes(&self.waves, &self.ctls[ctl].state, &came, self.date());
        let input = Input { now: self.clocks(), came };
        if is_current {
            self.watch.one_more_failure(&self.waves, &self.ctls[ctl].state, &input, self.mutation)?;
        }
        let actions = Mutation::decide(self.mutation, &self.ctls[ctl].state, &self.waves, &input);
        let mut records = 0;
        for action in actions {
            if let Some(Blow::Crash(after)) = blow
                && (records == after || !matches!(action, Action::Record(_)))
            {
                break;
            }
            records += usize::from(matches!(action, Action::Record(_)));
            self.act(ctl, action)?;
        }
        // Whoever died in the middle is gone on for from what is on record.
        if is_current && !matches!(blow, Some(Blow::Crash(_))) {
            self.watch.after(&self.waves, &self.ctls[ctl].state)?;
            Mutation::after(self.mutation, &mut self.ctls[ctl].state);
            self.gate();
        }
        self.strike(ctl, blow)
    }

    fn strike(&mut self, ctl: usize, blow: Option<Blow>) -> Result<(), Broken> {
        let by = "ops".to_owned();
        match blow {
            None => {}
            Some(Blow::Crash(_)) => {
                self.ctls[ctl].dead = true;
                self.same_again()?;
                self.put(self.now + 5000, Item::GoOn);
            }
            Some(Blow::TakeOver) if self.ctls[ctl].left.is_none() => self.put(self.now + 1, Item::GoOn),
            Some(Blow::TakeOver) => {}
            Some(Blow::Drain) => self.put(self.now + 1, Item::Person(Came::Told(Told::Drain { by }))),
            Some(Blow::Cancel) => self.put(self.now + 1, Item::Person(Came::Told(Told::Cancel { by }))),
            Some(Blow::RollBack) => self.put(self.now + 1, Item::Person(Came::Told(Told::RollBack { by }))),
        }
        Ok(())
    }

    fn act(&mut self, ctl: usize, action: Action) -> Result<(), Broken> {
        if self.ctls[ctl].superseded && !matches!(action, Action::Leave(WhyLeave::Superseded)) {
            self.watch.broken(14, format!("{action:?} of a controller that was superseded"))?;
        }
        match action {
            Action::Record(event) => self.record(ctl, event),
            Action::Send(order) => {
                if ctl == self.current() {
                    self.watch.sends(&self.waves, &self.ctls[ctl].state, &self.hosts, &order)?;
                }
                let (host, epoch) = (order.host().clone(), self.ctls[ctl].state.epoch);
                if let Order::Reach(_) = &order
                    && self.hosts[&host].is_away(self.now)
                    && !self.hosts[&host].script.silent
                {
                    let came = Came::Unreachable { host, because: "no answer".to_owned() };
                    self.put(self.now + 30_000, Item::ToController { to: ctl, came });
                } else {
                    self.carry(&host, ctl, Item::ToHost { from: ctl, epoch, order });
                }
                Ok(())
            }
            Action::Leave(why) => {
                self.ctls[ctl].left = Some(why);
                if why == WhyLeave::Drained && ctl == self.current() {
                    self.put(self.now + 60_000, Item::GoOn);
                }
                Ok(())
            }
        }
    }

    fn record(&mut self, ctl: usize, event: RolloutEvent) -> Result<(), Broken> {
        let state = &self.ctls[ctl].state;
        let taken = matches!(event, RolloutEvent::Started { .. } | RolloutEvent::TakenOver { .. });
        let record = RolloutRecord {
            seq: state.seq + 1,
            at: self.date(),
            elapsed_ms: self.now.max(state.elapsed_ms),
            epoch: state.epoch + u64::from(taken),
            event,
        };
        let is_current = ctl == self.current();
        if is_current {
            self.watch.record(&self.waves, state, &record)?;
        }
        if let Err(error) = self.ctls[ctl].state.apply(&record) {
            return self.watch.broken(9, error);
        }
        if is_current {
            self.watch.recorded(&self.waves)?;
            self.records.push(record);
        }
        Ok(())
    }

    /// What a person does who is asked.
    fn gate(&mut self) {
        let state = self.state();
        let open = state.waves.iter().filter(|(_, wave)| wave.opened_ms.is_none() && wave.approved.is_none());
        let asked: Vec<_> = open.filter_map(|(at, wave)| Some((*at, wave.asked.clone()?.0))).collect();
        for (wave, evidence) in asked {
            if !self.asked.insert((wave, evidence.clone())) {
                continue;
            }
            let mut approve = Approve { rollout: self.waves.digest.clone(), wave, evidence, by: PERSON.to_owned() };
            match self.script.gatekeeper {
                Gatekeeper::Opens => {}
                Gatekeeper::LooksAtOtherEvidence => "other".clone_into(&mut approve.evidence),
                Gatekeeper::MeansAnotherRollout => "other".clone_into(&mut approve.rollout),
                Gatekeeper::IsSomebodyElse => "somebody".clone_into(&mut approve.by),
                Gatekeeper::Sleeps => continue,
            }
            self.put(self.now + 20_000, Item::Person(Came::Told(Told::Approve(approve))));
        }
    }

    /// What the live controller knows is what is on record.
    pub(super) fn same_again(&mut self) -> Result<(), Broken> {
        let again = RolloutState::replay(&self.records).map_err(|error| Broken::new(9, error))?;
        if again != *self.state() {
            return self.watch.broken(9, format!("{:#?}\nis not\n{again:#?}", self.state()));
        }
        Ok(())
    }

    fn at_the_end(&mut self) -> Result<(), Broken> {
        self.same_again()?;
        self.watch.end(&self.waves, &self.ctls[self.ctls.len() - 1].state)
    }

    fn owed_is_delivered(&mut self) -> Result<(), Broken> {
        let gone =
            |world: &Self, host: &HostName| world.hosts[host].script.away.iter().any(|(_, to)| *to > 100_000_000);
        self.now += 2_000_000;
        self.quiet = true;
        self.go_on()?;
        self.run()?;
        self.at_the_end()?;
        let stuck = |target: &Target| {
            self.state()
                .of_host(&target.host)
                .any(|(other, _)| self.state().verdict(other) == Some(TargetVerdict::Stuck))
        };
        let owed = self.state().targets.iter().filter(|(_, known)| known.status.is_owed());
        // What is stuck is for a person, and what lies under it waits.
        let owed = owed.filter(|(target, _)| !stuck(target));
        let owed: Vec<String> =
            owed.filter(|(target, _)| !gone(self, &target.host)).map(|(target, _)| target.to_string()).collect();
        if !owed.is_empty() {
            return self.watch.broken(7, format!("{owed:?} is still owed, and its host is there"));
        }
        Ok(())
    }
}
