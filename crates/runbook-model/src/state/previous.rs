//! Records of runs that were begun before results had types: they say by keys of undo data and outputs what types say now.

use crate::{BackupMade, Event, Installation, Outputs, RestorePoint, Results, ServiceState, UndoRecord};
use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

/// `event` with types in place of keys.
pub(super) fn typed(mut event: Event) -> Event {
    match &mut event {
        Event::StepIntended { undo, .. } => *undo = undo_record(std::mem::take(undo)),
        Event::StepFinished { results, .. } | Event::Predicted { results, .. } => add_results(results),
        Event::ServiceFound { data, service, .. } => {
            *service = service.take().or_else(|| service_of(data.get("service")))
        }
        _ => {}
    }
    event
}

/// What stood in undo data under the key `relies_on`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ReliesOn {
    held: Vec<RestorePoint>,
    files: bool,
    captured: bool,
    absent: Vec<PathBuf>,
    /// The kind's data, where it was no map.
    data: Vec<Value>,
}

fn undo_record(mut undo: UndoRecord) -> UndoRecord {
    undo.service = undo.service.or_else(|| service_of(undo.data.get("service")));
    let relies = undo.data.as_object_mut().and_then(|map| map.remove("relies_on"));
    let Some(relies) = relies.and_then(|relies| serde_json::from_value::<ReliesOn>(relies).ok()) else { return undo };
    let ReliesOn { held, files, captured, absent, mut data } = relies;
    let data = data.pop().unwrap_or(undo.data);
    UndoRecord { data, service: undo.service, restore_points: held, files, captured, absent }
}

fn add_results(results: &mut Results) {
    let outputs = &results.outputs;
    results.service = results.service.take().or_else(|| service_of(outputs.get("service")));
    results.backup = results.backup.take().or_else(|| backup_of(outputs).map(Box::new));
    results.installation = results.installation.take().or_else(|| installation_of(outputs).map(Box::new));
}

fn service_of(value: Option<&Value>) -> Option<ServiceState> {
    let (name, state) = (value?.get("name")?.as_str()?, value?.get("state")?.as_str()?);
    Some(ServiceState { name: name.to_owned(), up: state == "up" })
}

fn backup_of(outputs: &Outputs) -> Option<BackupMade> {
    let paths = |key: &str| {
        let list = outputs.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(PathBuf::from).collect()
    };
    outputs.get("always").or_else(|| outputs.get("if_needed"))?;
    let dir = outputs.get("dir")?.as_str()?.into();
    Some(BackupMade { dir, always: paths("always"), if_needed: paths("if_needed"), never: paths("never") })
}

fn installation_of(outputs: &Outputs) -> Option<Installation> {
    let root = outputs.get("package_root")?.as_str()?;
    let others = outputs.get("installations").and_then(Value::as_array).into_iter().flatten();
    let unused = others.filter(|one| one.get("used") == Some(&Value::Bool(false)));
    Some(Installation {
        package: outputs.get("package").and_then(Value::as_str).map(str::to_owned),
        root: root.into(),
        unused: unused.filter_map(|one| one.get("root")?.as_str()).map(PathBuf::from).collect(),
    })
}

#[cfg(test)]
mod tests {
    use crate::{Record, RunState};
    use serde_json::{Value, json};

    fn folded(format: u32, events: &[Value]) -> RunState {
        let header = json!({
            "event": "run-started", "run": "7k2mabcd", "plan": "p", "summary": "", "digest": "d", "environment": null,
            "steps": ["inventory", "backup", "stop"], "host": "h", "user": "u", "version": "0.1.0", "format": format,
        });
        let record = |(seq, event): (u64, &Value)| {
            let mut record = event.clone();
            record["seq"] = json!(seq);
            record["at"] = json!(1000 * seq);
            serde_json::from_value::<Record>(record).unwrap()
        };
        let all: Vec<Value> = std::iter::once(header).chain(events.iter().cloned()).collect();
        let records: Vec<Record> = (1..).zip(&all).map(record).collect();
        RunState::replay(&records).unwrap()
    }

    /// The same run in the form with keys and in the one with types. The outputs that plans use are the same in both.
    #[test]
    fn a_run_with_keys_folds_to_what_one_with_types_does() {
        let point = json!({ "path": "/a", "name": "/a", "step": "backup", "dir": "/b/7" });
        let (service, outputs) = (
            json!({ "name": "demo", "state": "down" }),
            json!({ "dir": "/b/7", "always": ["/a"], "if_needed": [], "never": ["/c"] }),
        );
        let found = json!({ "package": "x", "package_root": "/x", "installations": [{ "root": "/y", "used": false }] });
        let started = |step: &str| json!({ "event": "step-started", "step": step, "attempt": 1 });
        let finished = |step: &str, outputs: &Value| json!({ "event": "step-finished", "step": step, "outcome": "unchanged", "summary": "", "outputs": outputs });
        let with = |mut event: Value, key: &str, value: Value| {
            event[key] = value;
            event
        };
        let stopped = json!({ "service": service });
        let intended = |undo: Value| json!({ "event": "step-intended", "step": "stop", "undo": undo });
        let changed = with(finished("stop", &stopped), "outcome", json!("changed"));
        let keys = [
            json!({ "event": "service-found", "step": "stop", "boot": "1", "data": { "up": true, "service": { "name": "demo", "state": "up" } } }),
            started("inventory"),
            finished("inventory", &found),
            started("backup"),
            finished("backup", &outputs),
            started("stop"),
            intended(json!({
                "up": true, "service": { "name": "demo", "state": "up" },
                "relies_on": { "held": [point], "files": true, "absent": ["/n"] },
            })),
            changed.clone(),
        ];
        let up = json!({ "name": "demo", "up": true });
        let intent = intended(keys[6]["undo"].clone());
        let mut undo = intent["undo"].clone();
        undo.as_object_mut().unwrap().remove("relies_on");
        let intent = with(intended(undo), "service", up.clone());
        let intent = with(with(intent, "restore_points", json!([point])), "files", json!(true));
        let types = [
            with(keys[0].clone(), "service", up),
            started("inventory"),
            with(keys[2].clone(), "installation", json!({ "package": "x", "root": "/x", "unused": ["/y"] })),
            started("backup"),
            with(keys[4].clone(), "backup", json!({ "dir": "/b/7", "always": ["/a"], "never": ["/c"] })),
            started("stop"),
            with(intent, "absent", json!(["/n"])),
            with(changed, "service", json!({ "name": "demo", "up": false })),
        ];
        let (mut old, new) = (folded(0, &keys), folded(1, &types));
        assert_eq!(old.services["demo"].down_since, Some(8000));
        old.header.as_mut().unwrap().format = 1;
        assert_eq!(old, new);
    }

    #[test]
    fn undo_data_that_is_no_map_was_kept_beside_what_it_relies_on() {
        let state = folded(
            0,
            &[
                json!({ "event": "step-started", "step": "stop", "attempt": 1 }),
                json!({ "event": "step-intended", "step": "stop", "undo": { "relies_on": { "files": true, "data": ["text"] } } }),
            ],
        );
        let undo = state.states()[2].undo.clone().unwrap();
        assert_eq!((undo.data, undo.files), (json!("text"), true));
    }
}
