//! Plans with one random accident each: `check` ends, by itself and in time, with a verdict and never with a panic.
//!
//! The accidents are the same in every run. `RUNBOOK_MUTATIONS=N` tries N of each plan.

use crate::corpus::{directory, plans, runbook};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long one `check` may take before it counts as hanging.
const LIMIT: Duration = Duration::from_secs(30);

/// xorshift64*: the accidents have to be the same everywhere, and nothing else is asked of them.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        usize::try_from(wide).unwrap() % end.max(1)
    }
}

fn accident(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = dice.below(lines.len());
    match dice.below(9) {
        0 if !lines.is_empty() => drop(lines.remove(at)),
        1 if !lines.is_empty() => lines.insert(at, lines[at].clone()),
        2 if !lines.is_empty() => drop(lines[at].splice(0..0, b"  ".iter().copied())),
        3 if !lines.is_empty() => {
            let indent = lines[at].iter().take_while(|byte| **byte == b' ').count();
            lines[at].drain(..indent.min(1 + dice.below(4)));
        }
        4 if !lines.is_empty() => {
            let to = dice.below(lines.len());
            lines.swap(at, to);
        }
        5 => lines.truncate(at),
        6 => {
            let theirs: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
            let line = theirs.get(dice.below(theirs.len())).copied().unwrap_or_default();
            lines.insert(at.min(lines.len()), line.to_vec());
        }
        7 => {
            let mut bytes = bytes.to_vec();
            let signs = b"{}[]\"':,&*!|>%@#-?~\t\0 {%$\\\xff";
            let place = dice.below(bytes.len() + 1);
            bytes.insert(place, signs[dice.below(signs.len())]);
            return bytes;
        }
        _ => {
            let mut bytes = bytes.to_vec();
            let place = dice.below(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << dice.below(8);
            }
            return bytes;
        }
    }
    lines.concat()
}

/// `check` of the files in `dir`; what it wrote on standard error if it ended by itself.
fn check(dir: &Path, files: &[String]) -> Option<(ExitStatus, String)> {
    let mut child = runbook(dir)
        .arg("check")
        .args(files)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stderr.take().unwrap();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = pipe.read_to_end(&mut text);
        let _ = send.send(text);
    });
    let text = receive.recv_timeout(LIMIT);
    if text.is_err() {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    Some((status, String::from_utf8_lossy(&text.ok()?).into_owned()))
}

#[test]
fn accidents_end_in_a_verdict() {
    let tries: usize = std::env::var("RUNBOOK_MUTATIONS").ok().and_then(|tries| tries.parse().ok()).unwrap_or(12);
    let sources = [plans(&directory("broken-plans")), plans(&directory("sound-plans"))].concat();
    let texts: Vec<Vec<u8>> = sources.iter().map(|plan| fs::read(plan).unwrap()).collect();
    let mut dice = Dice(0x5eed);
    let dir = tempfile::tempdir().unwrap();
    for (source, text) in sources.iter().zip(&texts) {
        let mut files = Vec::new();
        for nth in 0..tries {
            let other = &texts[dice.below(texts.len())];
            let name = format!("{nth}.yaml");
            fs::write(dir.path().join(&name), accident(text, other, &mut dice)).unwrap();
            files.push(name);
        }
        let told = check(dir.path(), &files);
        let sound = told
            .as_ref()
            .is_some_and(|(status, text)| matches!(status.code(), Some(0 | 1)) && !text.contains("panicked"));
        if !sound {
            let kept = dir.keep();
            panic!("accidents of {} in {}: {told:#?}", source.display(), kept.display());
        }
    }
}
