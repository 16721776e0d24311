//! Two controllers of the same work, and two works.

use crate::stage::{Counted, Seen, Sees, Stage, apply};
use runbook_engine::{Letter, Observer};
use runbook_model::{Record, Verdict};
use runbook_session::{ApplyOffer, Controls, Door, Exit, Status};
use runbook_wire::{FromAgent, Hello, PROTOCOL, Versions};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::mpsc::unbounded_channel;

#[test]
fn the_older_of_two_controllers_may_act_no_more() {
    let stage = Stage::new();
    let counted = Arc::new(Counted::default());
    let mut older = stage.door("work", 1, None, &counted).unwrap();
    let ApplyOffer::Apply(_, held) = older.propose_apply(stage.program(), None).unwrap() else {
        panic!("there is something to do")
    };
    let mut newer = stage.door("work", 7, None, &counted).unwrap();
    let ended = apply(&mut newer, stage.program(), &Seen::default()).unwrap();
    assert_eq!(ended.state.verdict(), Some(Verdict::Succeeded), "what the older one held was let go");
    let nobody = runbook_session::Controls { patience: None, told: tokio::sync::mpsc::unbounded_channel().1 };
    let seen = Seen::default();
    let refused = older.begin(held, |_| Box::new(Sees(Arc::clone(&seen))), nobody).err().unwrap();
    assert!(refused.message.contains("another controller has taken over"), "{}", refused.message);
    assert_eq!((stage.runs().len(), seen.lock().unwrap().len()), (1, 0));
    let again = stage.door("work", 2, None, &counted).err().unwrap();
    assert_eq!(again.exit, Exit::Held, "{}", again.message);
    assert!(again.message.contains("another controller has taken over"), "{}", again.message);
}

#[test]
fn a_host_that_is_held_for_one_is_refused_to_another() {
    let stage = Stage::new();
    let counted = Arc::new(Counted::default());
    let mut one = stage.door("one", 1, None, &counted).unwrap();
    let ApplyOffer::Apply(_, held) = one.propose_apply(stage.program(), None).unwrap() else {
        panic!("there is something to do")
    };
    let mut other = stage.door("other", 1, None, &counted).unwrap();
    let refused = other.propose_apply(stage.program(), None).err().unwrap();
    assert_eq!(refused.exit, Exit::Held, "{}", refused.message);
    assert!(other.ask(Status {}).unwrap().holder.is_some(), "whoever only reads is answered");
    drop((held, one));
    let seen = Seen::default();
    // The host hears of the end of a link a moment later.
    let ended = std::iter::repeat_with(|| apply(&mut other, stage.program(), &seen)).take(1000).find_map(Result::ok);
    assert_eq!(ended.unwrap().state.verdict(), Some(Verdict::Succeeded));
}

fn hello(proto: Versions) -> Hello {
    Hello { proto, version: "0.9.0".to_owned(), operator: "ops".to_owned(), work: "work".to_owned(), epoch: 1 }
}

/// An agent that is at work keeps its version until it ends, and so a newer controller may meet an older one.
#[test]
fn an_agent_that_is_too_old_or_too_new_says_so_and_what_both_speak() {
    let stage = Stage::new();
    let next = PROTOCOL.max + 1;
    let FromAgent::Refused(error) = stage.greeted(hello(Versions { min: next, max: next })) else {
        panic!("it understands what it cannot know")
    };
    assert_eq!(error.exit, Exit::Unreachable);
    let ours = format!("{} to {}", PROTOCOL.min, PROTOCOL.max);
    let said = format!(
        "the agent (runbook test) speaks the protocol {ours}, and the controller (runbook 0.9.0) {next} to {next}"
    );
    assert_eq!(error.message, said);
    assert_eq!(error.hint.as_deref(), Some("use the same version of runbook here and there"));
    // One that speaks the older version as well is welcome.
    let both = stage.greeted(hello(Versions { min: PROTOCOL.min, max: next }));
    assert!(matches!(both, FromAgent::Welcome(welcome) if welcome.proto == PROTOCOL.max));
}

#[test]
fn a_message_of_another_version_is_refused_by_name_and_the_link_stays() {
    let stage = Stage::new();
    let messages = [
        json!({ "hello": hello(PROTOCOL) }),
        json!({ "dance": { "with": "me" } }),
        json!("stand-still"),
        json!({ "ask": { "the-weather": {} } }),
        json!({ "ping": 7 }),
    ];
    let said = stage.said(messages);
    for (answer, name) in said[1..].iter().zip(["dance", "stand-still", "ask the-weather"]) {
        let FromAgent::Refused(error) = answer else { panic!("{answer:?}") };
        assert_eq!(error.message, format!("the agent (runbook test) does not know the message `{name}`"));
    }
    assert!(matches!(said[4], FromAgent::Pong(7)), "{:?}", said[4]);
}

/// Sends what was meant for the run before as soon as this one has begun.
struct Late(Option<Box<dyn FnOnce() + Send>>, Seen);

impl Observer for Late {
    fn record(&mut self, record: &Record) {
        self.1.lock().unwrap().push(record.seq);
        self.0.take().into_iter().for_each(|send| send());
    }
}

#[test]
fn what_steers_a_run_that_is_over_does_not_steer_the_next_one() {
    let stage = Stage::new();
    let mut door = stage.door("work", 1, None, &Arc::default()).unwrap();
    let (steer, told) = unbounded_channel();
    let mut controls = Some(Controls { patience: None, told });
    let mut late: Option<Box<dyn FnOnce() + Send>> = None;
    let four = stage.root.join("out/four");
    let more = format!(
        "  - {{ id: four, uses: command.run, needs: [three], with: {{ run: [sleep, '1'], effects: {{ writes: [{{ path: {} }}] }}, undo: {{ run: ['true'] }} }} }}\n",
        four.display()
    );
    for steps in ["", more.as_str()] {
        let ApplyOffer::Apply(_, held) = door.propose_apply(stage.program_and(steps), None).unwrap() else {
            panic!("there is something to do")
        };
        let controls = controls.take().unwrap_or(Controls { patience: None, told: unbounded_channel().1 });
        let seen = Seen::default();
        let ended = door.begin(held, |_| Box::new(Late(late.take(), Arc::clone(&seen))), controls).unwrap();
        assert_eq!(ended.state.verdict(), Some(Verdict::Succeeded));
        let steer = steer.clone();
        late = Some(Box::new(move || steer.send(Letter::Cancel.into()).unwrap()));
    }
}
