//! Runs through the real binary, with real commands, files, signals and crashes: what a run does when things go wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod account;
mod backups;
mod bench;
mod by_hand_afar;
mod changelog;
mod crashes;
mod ended_afar;
mod estates;
mod evidence;
mod failures;
mod far;
mod gates;
mod holds;
mod interrupts;
mod journal;
mod many_afar;
mod review;
mod rollouts;
mod secrets;
