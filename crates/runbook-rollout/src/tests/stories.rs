//! Single cases.

use super::laws::told;
use super::script::{Ends, Gatekeeper, Gives, HostScript, Script, StageScript};
use super::world::play;
use crate::{RolloutEvent, RolloutRecord};
use runbook_model::{Amount, RollbackScope};
use std::collections::BTreeSet;

pub(super) fn two_hosts() -> Script {
    let host = HostScript {
        platform: 0,
        jump: None,
        kept: false,
        away: Vec::new(),
        silent: false,
        ends: vec![Ends::Ok; 5],
        takes_ms: 10_000,
        can_go_back: true,
        gives: Gives::Bytes,
        takes: true,
    };
    let stage = |hosts, gives, takes| StageScript {
        canary: false,
        free: false,
        needs: 0,
        hosts,
        batch: 1,
        soak_ms: None,
        approve: false,
        gives,
        takes,
    };
    Script {
        seed: 1,
        hosts: vec![host.clone(), host],
        stages: vec![stage(1, true, None), stage(2, false, Some((0, runbook_model::Promote::SamePlatform)))],
        estate: 2,
        per_jump: None,
        confirm: true,
        max_failed: (Amount::Count(0), Amount::Count(0)),
        scope: RollbackScope::Promoted,
        gatekeeper: Gatekeeper::Opens,
        blows: Vec::new(),
        dates: Vec::new(),
    }
}

#[test]
fn two_hosts_go_one_after_the_other_and_the_second_gets_what_the_first_proved() {
    let script = two_hosts();
    let world = play(&script, None, None).unwrap();
    let told: Vec<String> = told(&world).into_iter().map(|(_, event)| name(&event)).collect();
    let first = ["started", "reached", "reached", "judged", "judged", "reserved", "reserved"];
    let canary =
        ["wave-opened", "begin-intended", "begun", "held", "commit-intended", "ended", "fetched", "wave-passed"];
    let second = ["wave-opened", "given", "judged", "begin-intended", "begun", "held", "commit-intended", "ended"];
    let all = first.iter().chain(&canary).chain(&second).chain(&["wave-passed", "finished", "taken-over"]);
    let seen = BTreeSet::from_iter(told.iter().map(String::as_str));
    assert!(all.clone().all(|name| seen.contains(name)), "{told:?}");
    assert_eq!(told.len(), all.count(), "{told:?}");
}

fn name(event: &RolloutEvent) -> String {
    serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned()
}

#[test]
fn every_event_is_read_as_it_was_written() {
    let mut script = two_hosts();
    script.hosts[1].ends[1] = Ends::RolledBack;
    let world = play(&script, None, None).unwrap();
    for record in &world.records {
        let text = serde_json::to_string(record).unwrap();
        assert_eq!(serde_json::from_str::<RolloutRecord>(&text).unwrap(), *record, "{text}");
    }
    let waves = serde_json::to_string(&world.waves).unwrap();
    assert_eq!(serde_json::from_str::<crate::Waves>(&waves).unwrap(), world.waves);
}
