//! What systemd itself listens on, for units that it starts when somebody connects.

use super::Unit;
use super::show::blocks;
use runbook_host::Reader;
use runbook_model::Failure;

/// A socket unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketUnit {
    /// Its name.
    pub name: String,
    /// The units that it starts.
    pub starts: Vec<String>,
}

impl SocketUnit {
    /// The active socket units of a manager that listen on TCP port `port`.
    pub fn on_port(host: &Reader, of_user: bool, port: u16) -> Result<Vec<Self>, Failure> {
        let any = Unit::named("any.socket", of_user);
        // Every unit that is loaded, and one that listens is.
        let shown =
            any.show(host, &["Id", "ActiveState", "Listen", "Triggers"], &["*.socket"], "what it listens on")?;
        Ok(parse(&shown, port))
    }
}

/// Blocks of `NAME=VALUE`, one a unit, with `Listen=ADDRESS (Stream)` for each socket of it.
fn parse(text: &str, port: u16) -> Vec<SocketUnit> {
    let end = format!(":{port}");
    let socket = |block: Vec<(&str, &str)>| {
        let values = |name: &'static str| block.iter().filter(move |(one, _)| *one == name).map(|(_, value)| *value);
        let listens = values("Listen").any(|line| {
            line.strip_suffix(" (Stream)").is_some_and(|address| address.ends_with(&end) || address == &end[1..])
        });
        let active = values("ActiveState").any(|state| state == "active");
        let starts = values("Triggers").flat_map(str::split_whitespace).map(str::to_owned).collect();
        let name = values("Id").next()?.to_owned();
        (listens && active).then_some(SocketUnit { name, starts })
    };
    blocks(text).filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_unit_of_a_port_is_found() {
        let text = "Id=a.socket\nListen=/run/a (Stream)\nTriggers=a.service\nActiveState=active\n\nId=gw.socket\n\
                    Listen=[::]:18789 (Stream)\nListen=127.0.0.1:9 (Datagram)\nTriggers=gw.service\nActiveState=active\n\n\
                    Id=off.socket\nListen=0.0.0.0:18789 (Stream)\nTriggers=off.service\nActiveState=inactive\n";
        let found = SocketUnit { name: "gw.socket".to_owned(), starts: vec!["gw.service".to_owned()] };
        assert_eq!(parse(text, 18789), [found]);
        assert_eq!(parse(text, 9), [], "another protocol");
        assert_eq!(parse(text, 8789), [], "only an end of the number");
    }
}
