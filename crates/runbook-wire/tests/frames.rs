//! What one side writes, the other reads, however the stream is cut.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use runbook_wire::{
    Frame, FrameReader, LARGEST_FRAME, LARGEST_MESSAGE, ToAgent, Versions, WireError, agreed, write_bytes,
    write_message,
};
use std::io::Read;

/// Hands on what there is a few bytes at a time.
struct Dripping<'a>(&'a [u8], usize);

impl Read for Dripping<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(to.len()).min(self.0.len());
        let (now, later) = self.0.split_at(count);
        to[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

fn stream() -> Vec<u8> {
    let mut stream = Vec::new();
    write_message(&mut stream, &ToAgent::Ping(7)).unwrap();
    write_bytes(&mut stream, b"a file").unwrap();
    write_message(&mut stream, &ToAgent::Retire).unwrap();
    stream
}

#[test]
fn frames_come_as_they_were_sent() {
    let stream = stream();
    for step in 1..stream.len() {
        let mut reader = FrameReader::new(Dripping(&stream, step));
        assert!(matches!(reader.message().unwrap(), Some(ToAgent::Ping(7))), "{step} bytes at a time");
        assert_eq!(reader.frame().unwrap(), Some(Frame::Bytes(b"a file".to_vec())));
        assert!(matches!(reader.message().unwrap(), Some(ToAgent::Retire)));
        assert!(reader.frame().unwrap().is_none());
    }
}

#[test]
fn a_cut_is_told_from_an_end() {
    let stream = stream();
    let mut ends = Vec::new();
    for cut in 0..=stream.len() {
        let mut reader = FrameReader::new(&stream[..cut]);
        let last = loop {
            match reader.frame() {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        match last {
            Ok(_) => ends.push(cut),
            Err(error) => assert!(matches!(error, WireError::Cut), "{cut}: {error}"),
        }
    }
    assert_eq!(ends.len(), 4, "the beginning, and the end of each of the three: {ends:?}");
}

#[test]
fn a_message_may_be_longer_than_a_frame_and_has_an_end() {
    let long = "x".repeat(LARGEST_FRAME * 2);
    let mut stream = Vec::new();
    write_message(&mut stream, &long).unwrap();
    assert_eq!(FrameReader::new(&stream[..]).message::<String>().unwrap().unwrap(), long);
    let endless = [[0x00, 0x10, 0x00, 0x00, 0].as_slice(), &vec![b' '; LARGEST_FRAME]].concat();
    let reader = Repeated(&endless, 0, LARGEST_MESSAGE / LARGEST_FRAME + 2);
    assert!(matches!(FrameReader::new(reader).frame(), Err(WireError::TooLong)));
}

/// The same bytes some times.
struct Repeated<'a>(&'a [u8], usize, usize);

impl Read for Repeated<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.1 == self.0.len() {
            (self.1, self.2) = (0, self.2 - 1);
        }
        let left = if self.2 == 0 { &[] } else { &self.0[self.1..] };
        let count = left.len().min(to.len());
        to[..count].copy_from_slice(&left[..count]);
        self.1 += count;
        Ok(count)
    }
}

#[test]
fn what_is_no_frame_is_not_waited_for() {
    for noise in ["Welcome to host-1\n", "\u{1b}[2J\u{1b}[H motd"] {
        assert!(matches!(FrameReader::new(noise.as_bytes()).frame(), Err(WireError::NoFrame { .. })), "{noise}");
    }
    let kind_9 = [0, 0, 0, 1, 9, b'x'];
    assert!(matches!(FrameReader::new(&kind_9[..]).frame(), Err(WireError::NoFrame { kind: 9, length: 1 })));
}

#[test]
fn a_message_of_a_later_version_is_an_error_and_a_field_of_one_is_none() {
    let mut stream = Vec::new();
    write_message(&mut stream, &serde_json::json!({ "sing": 3 })).unwrap();
    assert!(matches!(FrameReader::new(&stream[..]).message::<ToAgent>(), Err(WireError::Unknown(_))));
    let mut stream = Vec::new();
    let apply = serde_json::json!({ "resume": { "run": null, "slowly": true } });
    write_message(&mut stream, &apply).unwrap();
    assert!(matches!(FrameReader::new(&stream[..]).message().unwrap(), Some(ToAgent::Resume { run: None })));
}

#[test]
fn both_sides_speak_the_newest_version_that_both_know() {
    let of = |min, max| Versions { min, max };
    assert_eq!(agreed(of(1, 3), of(2, 5)), Some(3));
    assert_eq!(agreed(of(4, 4), of(2, 5)), Some(4));
    assert_eq!(agreed(of(1, 1), of(2, 5)), None);
    assert_eq!(agreed(of(6, 7), of(2, 5)), None);
}
