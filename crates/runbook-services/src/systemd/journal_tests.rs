//! Lines that systemd 252 wrote on a Debian 12 host: a service that starts, is talked about by somebody else, fails and is
//! restarted, and one that writes more than journald takes.

use super::*;

/// The recorded lines.
pub(crate) fn recorded() -> Vec<Entry> {
    entries(include_str!("recorded/journal.ndjson"))
}

/// The lines of `text`.
pub(crate) fn entries(text: &str) -> Vec<Entry> {
    text.lines().map(|line| Entry::parse(line.as_bytes()).unwrap_or_else(|| panic!("{line}"))).collect()
}

fn talk() -> Unit {
    Unit::named("talk", false)
}

#[test]
fn messages_are_text_whatever_they_are_made_of() {
    let texts: Vec<String> = recorded().into_iter().filter_map(|entry| entry.text).collect();
    assert!(texts.contains(&"green line".to_owned()), "an array of bytes, without its colour: {texts:?}");
    assert!(texts.contains(&"bad \u{fffd}\u{fffd} bytes".to_owned()), "{texts:?}");
    assert!(texts.contains(&"one\ntwo".to_owned()), "{texts:?}");
    assert_eq!(recorded().last().unwrap().text, None, "what journalctl left out is not an empty line");
}

#[test]
fn every_shape_of_a_field_is_read() {
    let entry = |message: &str| {
        let line = format!("{{\"__CURSOR\":\"c\",\"__REALTIME_TIMESTAMP\":\"7\",\"_PID\":[\"4\",\"5\"]{message}}}");
        Entry::parse(line.as_bytes()).unwrap()
    };
    assert_eq!((entry("").text.as_deref(), entry("").pid, entry("").at_us), (Some(""), Some(4), 7));
    assert_eq!(entry(",\"MESSAGE\":[\"a\",[98]]").text.as_deref(), Some("a\nb"));
    assert_eq!(entry(",\"MESSAGE\":[\"a\",null]").text, None);
    for torn in ["", "{", "-- No entries --", "{\"MESSAGE\":\"a\"}", "[]"] {
        assert_eq!(Entry::parse(torn.as_bytes()), None, "{torn}");
    }
}

#[test]
fn a_unit_is_spoken_for_by_itself_and_by_the_manager_alone() {
    let entries = recorded();
    let of = |text: &str| {
        let entry = entries.iter().find(|entry| entry.text.as_deref() == Some(text)).unwrap();
        entry.concerns(&talk(), 0).map(|(author, life)| (author, life.map(|life| &life[..4])))
    };
    assert_eq!(of("ready"), Some((Author::Unit, Some("b7bc"))));
    assert_eq!(of("Started talk.service."), Some((Author::Manager, Some("b7bc"))));
    assert_eq!(of("talk.service: Failed with result 'exit-code'."), Some((Author::Manager, Some("b7bc"))));
    // Somebody who writes `UNIT=talk.service` himself.
    assert_eq!(of("one\ntwo"), None);
    assert_eq!(of("Started flood.service."), None);
    assert_eq!(of("Suppressed 125 messages from flood.service"), None);
    let dropped = entries.iter().find(|entry| entry.text.as_deref().is_some_and(|text| text.contains("Suppressed")));
    assert_eq!(dropped.unwrap().concerns(&Unit::named("flood", false), 0), Some((Author::Dropped, None)));
}

#[test]
fn a_unit_of_a_user_is_not_that_of_the_system_nor_of_another_user() {
    let line = |fields: &str| {
        let line = format!("{{\"__CURSOR\":\"c\",\"__REALTIME_TIMESTAMP\":\"7\",{fields}}}");
        Entry::parse(line.as_bytes()).unwrap()
    };
    let own = line("\"_UID\":\"1000\",\"_SYSTEMD_UNIT\":\"user@1000.service\",\"_SYSTEMD_USER_UNIT\":\"talk.service\"");
    let told = line("\"_UID\":\"1000\",\"_SYSTEMD_UNIT\":\"user@1000.service\",\"USER_UNIT\":\"talk.service\"");
    let forged = line("\"_UID\":\"1001\",\"_SYSTEMD_UNIT\":\"a.service\",\"USER_UNIT\":\"talk.service\"");
    let user = Unit::named("talk", true);
    let author = |entry: &Entry, uid| entry.concerns(&user, uid).map(|(author, _)| author);
    assert_eq!(author(&own, 1000), Some(Author::Unit));
    assert_eq!(author(&told, 1000), Some(Author::Manager));
    assert_eq!((author(&own, 1001), author(&told, 1001), author(&forged, 1001)), (None, None, None));
    assert!([own, told].iter().all(|entry| entry.concerns(&talk(), 1000).is_none()));
}
