//! Kinds that break a law are found: those whose roles, capabilities and results do not agree.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use conformance::{Given, Scenario, World};
use runbook_host::Reader;
use runbook_model::{
    BackupMade, Declaration, Diagnostic, Failure, Installation, Prediction, Reading, Remains, Resource, Results, Role,
    ServiceSeen, ServiceState,
};
use runbook_step::{
    Args, BackupStep, Baseline, Changed, Confirmation, Done, Kind, KindDoc, Probe, ServiceStep, Step, Undoing,
    Verification, Work,
};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

static DOC: KindDoc = KindDoc {
    name: "wrong",
    summary: "Does what it does not declare",
    text: "",
    params: &[],
    outputs: &[],
    example: "",
};

#[derive(Clone, Copy, PartialEq)]
enum Can {
    Nothing,
    MoveAService,
    BackUp,
    Verify,
}

type Roles = fn() -> Vec<Role>;
type Worlds = fn() -> World;

/// A kind that declares these roles, whose step can do this and hands on that.
#[derive(Clone, Copy)]
struct Wrong {
    roles: Roles,
    can: Can,
    results: fn() -> Results,
}

impl Kind for Wrong {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, _: &Args<'_>) -> Declaration {
        Declaration { roles: (self.roles)(), ..Declaration::attendant() }
    }

    fn bind(&self, _: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(*self))
    }
}

impl Step for Wrong {
    fn probe(&self, _: &Reader) -> Result<Probe, Failure> {
        Ok(Probe::of(Prediction::CannotPredict { because: "it is wrong".to_owned() }))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn apply(&self, _: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        Ok(Done::saying("did it").with((self.results)()))
    }

    fn confirm(&self, _: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        Ok(Confirmation::There)
    }

    fn service(&self) -> Option<&dyn ServiceStep> {
        (self.can == Can::MoveAService).then_some(self)
    }

    fn backup(&self) -> Option<&dyn BackupStep> {
        (self.can == Can::BackUp).then_some(self)
    }

    fn verification(&self) -> Option<&dyn Verification> {
        (self.can == Can::Verify).then_some(self)
    }
}

impl ServiceStep for Wrong {
    fn halt(&self, _: &Work<'_>, _: &Json) -> Result<String, Failure> {
        Ok(String::new())
    }

    fn close(&self, _: &Work<'_>, _: &Json) -> Result<ServiceSeen, Failure> {
        Err(Failure::failed("there is no service"))
    }
}

impl BackupStep for Wrong {
    fn restore_state(&self, _: &Work<'_>, _: &Json) -> Result<String, Failure> {
        Ok(String::new())
    }

    fn second_pass(&self, _: &Work<'_>, _: &dyn Fn() -> Vec<Changed>) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn compare(&self, _: &Work<'_>, _: &[PathBuf]) -> Result<Vec<Remains>, Failure> {
        Ok(Vec::new())
    }
}

impl Verification for Wrong {
    fn glance(&self, _: &Reader) -> Vec<Reading> {
        Vec::new()
    }

    fn baseline(&self, _: &Work<'_>) -> Result<Baseline, Failure> {
        Ok(Baseline::default())
    }

    fn verify_rollback(&self, _: &Work<'_>) -> Result<Vec<Reading>, Failure> {
        Ok(Vec::new())
    }
}

fn service() -> Resource {
    Resource::Process("gateway".to_owned())
}

fn restarts() -> Vec<Role> {
    vec![Role::Restart(service())]
}

fn reloads() -> Vec<Role> {
    vec![Role::Restart(service()), Role::Reload]
}

fn backs_up() -> Vec<Role> {
    vec![Role::Backup(Vec::new())]
}

fn verifies() -> Vec<Role> {
    vec![Role::Verify(Vec::new())]
}

fn signals() -> Vec<Role> {
    vec![Role::Signals([].into())]
}

/// What the law says of a step with these roles and this capability; nothing if it is kept.
fn told(broken: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let said = std::panic::catch_unwind(broken).err();
    said.map(|said| said.downcast_ref::<String>().unwrap().clone()).unwrap_or_default()
}

#[test]
fn roles_and_capabilities_that_do_not_agree_are_found() {
    let cases: [(Roles, Can, &str); 11] = [
        (Vec::new, Can::Nothing, ""),
        (restarts, Can::MoveAService, ""),
        (reloads, Can::Nothing, ""),
        (backs_up, Can::BackUp, ""),
        (verifies, Can::Verify, ""),
        (Vec::new, Can::MoveAService, "has the capability of moving a service, and declares no such role"),
        (Vec::new, Can::BackUp, "has the capability of a backup, and declares no such role"),
        (signals, Can::Verify, "has the capability of a verification, and declares no such role"),
        (restarts, Can::Nothing, "declares the role of moving a service, and has no such capability"),
        (verifies, Can::Nothing, "declares the role of a verification, and has no such capability"),
        (signals, Can::Nothing, "declares signals, and is no verification"),
    ];
    for (roles, can, fault) in cases {
        let kind = Wrong { roles, can, results: Results::default };
        let said = told(|| drop(Given::to(&[&kind], "wrong", &json!({})).bind()));
        assert!(said.contains(fault) && said.is_empty() == fault.is_empty(), "{fault:?} is wanted, and not {said:?}");
    }
}

/// A world whose only kind declares no role and hands something on; and one that declares a backup and makes none.
macro_rules! world {
    ($roles:expr, $can:expr, $results:expr) => {
        || {
            static KIND: Wrong = Wrong { roles: $roles, can: $can, results: $results };
            World::of(&[&[&KIND]])
        }
    };
}

#[test]
fn results_that_no_role_promises_are_found() {
    let cases: [(Worlds, &str); 5] = [
        (world!(backs_up, Can::BackUp, backup), ""),
        (world!(Vec::new, Can::Nothing, backup), "whether `wrong` hands on a backup"),
        (world!(backs_up, Can::BackUp, Results::default), "whether `wrong` hands on a backup"),
        (world!(Vec::new, Can::Nothing, gateway), "hands on a service, and acts on none"),
        (world!(Vec::new, Can::Nothing, installation), "hands on an installation, and inspects none"),
    ];
    for (world, fault) in cases {
        let said = told(move || Scenario::unpredictable("wrong", |_| json!({})).obeys_the_laws(world));
        assert!(said.contains(fault) && said.is_empty() == fault.is_empty(), "{fault:?} is wanted, and not {said:?}");
    }
}

fn backup() -> Results {
    Results { backup: Some(Box::new(BackupMade::default())), ..Results::default() }
}

fn gateway() -> Results {
    Results { service: Some(ServiceState::new("gateway", true)), ..Results::default() }
}

fn installation() -> Results {
    let found = Installation { package: None, root: PathBuf::from("/srv"), unused: Vec::new() };
    Results { installation: Some(Box::new(found)), ..Results::default() }
}
