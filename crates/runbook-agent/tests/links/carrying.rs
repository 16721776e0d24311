//! Files that a host offers are fetched, and files are given to it, over a first link that is cut at every frame.

use crate::cuts::{Came, try_all};
use crate::stage::{Counted, Cut, Seen, Stage, apply};
use runbook_fleet::Afar;
use runbook_model::{Event, Record, StepId};
use runbook_session::{CommandError, Exit, Offered};
use runbook_wire::{Contents, LARGEST_FRAME};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// What does not get smaller where it is compressed; four frames.
fn noise() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..3 * LARGEST_FRAME + 1000).map(|_| draw()).collect()
}

/// All frames over all links.
fn frames(counted: &Counted) -> usize {
    counted.to_agent.load(SeqCst) + counted.from_agent.load(SeqCst)
}

/// Does `carry` over a first link that is cut. After a cut no more than a few frames come again, whatever was there by then.
fn carried<T>(
    stage: &Stage,
    cut: Option<Cut>,
    counted: &Arc<Counted>,
    carry: impl FnOnce(&mut Afar) -> Result<T, CommandError>,
) -> Option<T> {
    // Each is a work of its own.
    let work = format!("{cut:?}");
    let done = stage.door(&work, 1, cut, counted).and_then(|mut door| carry(&mut door));
    match done {
        Ok(done) => Some(done),
        Err(error) => {
            assert_eq!(error.exit, Exit::Unreachable, "{cut:?}: {}", error.message);
            None
        }
    }
}

fn came<T>(done: Option<T>) -> Came {
    if done.is_some() { Came::Followed } else { Came::NeverBegan }
}

/// The digest that is on record of what was packed.
fn packed_digest(record: &Record) -> Option<String> {
    match &record.event {
        Event::StepFinished { results, .. } => {
            results.outputs.get("digest").and_then(|digest| digest.as_str()).map(str::to_owned)
        }
        _ => None,
    }
}

#[test]
fn an_archive_of_a_backup_is_fetched_whole_wherever_the_link_is_cut_and_nothing_is_fetched_twice() {
    let stage = Stage::new();
    let data = stage.root.join("data");
    fs::write(&data, noise()).unwrap();
    let packed = stage.root.join("packed");
    fs::create_dir_all(packed.join("in")).unwrap();
    let steps = format!(
        "  - {{ id: keep, uses: backup.create, with: {{ paths: [{0}, {1}] }} }}
  - {{ id: one, uses: file.write, with: {{ path: {1}/in/file, content: proven }} }}
  - {{ id: pack, uses: artifact.pack, with: {{ path: {1} }} }}\n",
        data.display(),
        packed.display()
    );
    let mut door = stage.door("first", 1, None, &Arc::default()).unwrap();
    let run = apply(&mut door, stage.program_of(&steps), &Seen::default()).unwrap().run;
    let artifacts = Contents::at(stage.root.join("artifacts"));
    let artifact = |step| Offered::Artifact { run: run.clone(), step: StepId::new(step).unwrap() };
    let digest = door.fetch(&artifact("pack"), &artifacts).unwrap();
    assert_eq!(digest, stage.runs()[0].1.iter().find_map(packed_digest).unwrap());
    assert_eq!(door.fetch(&artifact("one"), &artifacts).unwrap_err().exit, Exit::Refused);
    let backup = format!("{}-keep", run.as_str());
    let listed = runbook_backup::Backup::open(&stage.root.join("state/backups").join(&backup)).unwrap();
    let archive = &listed.manifest().archives[0];
    let wanted = Offered::Backup { backup: backup.clone(), archive: archive.file.clone() };
    let not_there = Offered::Backup { backup, archive: "manifest.json".to_owned() };
    let refused = door.fetch(&not_there, &Contents::at(stage.root.join("nothing"))).unwrap_err();
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.message);
    let fetch = |cut: Option<Cut>, counted: &Arc<Counted>| {
        let contents = Contents::at(stage.root.join(format!("{cut:?}")));
        let digest = carried(&stage, cut, counted, |door| door.fetch(&wanted, &contents));
        if let Some(digest) = &digest {
            assert_eq!(*digest, archive.blake3.to_string(), "{cut:?}");
            let fetched = fs::read(contents.path(digest)).unwrap();
            assert_eq!(
                (blake3::hash(&fetched).to_hex().to_string(), fetched.len() as u64),
                (digest.clone(), archive.bytes)
            );
        }
        came(digest)
    };
    let whole = Arc::new(Counted::default());
    assert_eq!(fetch(None, &whole), Came::Followed);
    // A question and a piece: what was answered is asked and sent again, and the first piece tells how much is here.
    let most = frames(&whole) + 7;
    let cut_at = |cut: Option<Cut>, counted: &Arc<Counted>| {
        let came = fetch(cut, counted);
        assert!(frames(counted) <= most, "{cut:?}: {} of {most}", frames(counted));
        came
    };
    let (cuts, never) = try_all(&whole, &[false, true], cut_at);
    println!("{cuts} cuts, after {never} of them the host was not reached");
    assert!(never >= 1 && never < cuts / 2, "{never} of {cuts}");
}

#[test]
fn a_file_is_given_to_a_host_whole_wherever_the_link_is_cut_and_a_plan_can_name_it() {
    let stage = Stage::new();
    let (file, content) = (stage.root.join("artifact"), noise());
    let digest = blake3::hash(&content).to_hex().to_string();
    fs::write(&file, &content).unwrap();
    let give = |cut: Option<Cut>, counted: &Arc<Counted>| {
        let path = carried(&stage, cut, counted, |door| {
            let foretold = door.welcome().path_of(&digest);
            let path = door.give(&digest, &file)?;
            assert_eq!(path, foretold, "it is known before");
            Ok(path)
        });
        if let Some(path) = &path {
            assert!(fs::read(path).unwrap() == content, "{cut:?}");
            fs::remove_file(path).unwrap();
        }
        came(path)
    };
    let whole = Arc::new(Counted::default());
    assert_eq!(give(None, &whole), Came::Followed);
    let most = frames(&whole) + 7;
    let cut_at = |cut: Option<Cut>, counted: &Arc<Counted>| {
        let came = give(cut, counted);
        assert!(frames(counted) <= most, "{cut:?}: {} of {most}", frames(counted));
        came
    };
    let (cuts, never) = try_all(&whole, &[false, true], cut_at);
    println!("{cuts} cuts, after {never} of them the host was not reached");
    assert!(never >= 1 && never < cuts / 2, "{never} of {cuts}");
    // What is not as its digest says is not kept.
    let mut door = stage.door("last", 1, None, &Arc::default()).unwrap();
    let other = blake3::hash(b"other").to_hex().to_string();
    assert_eq!(door.give(&other, &file).unwrap_err().exit, Exit::Refused);
    assert!(!door.welcome().path_of(&other).exists());
}
